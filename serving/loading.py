"""From a version's folder to a version in memory: whole, at a precision that was checked, and warm."""

import logging
from dataclasses import dataclass
from pathlib import Path

from proto import tensorflow_pb2 as tf
from serving.errors import ServingError
from serving.integrity import ensure_restored, ensure_whole
from serving.libtensorflow import LibTensorFlow
from serving.model import SavedModel
from serving.parity import PARITY, allows_bfloat16
from serving.session import Session
from serving.warmup import Counted, read_records, replay, uncounted

_LOG = logging.getLogger(__name__)
_WARMUP = Path("assets.extra/tf_serving_warmup_requests")


@dataclass(frozen=True)
class LoadSettings:
    """How versions are loaded."""

    intra_op: int = 0
    """Threads of one operation; 0 is one for each core. The first session of a process decides this and the next."""
    inter_op: int = 0
    """Operations that run at a time; 0 is one for each core."""
    bfloat16: bool = False
    """Have oneDNN compute in bfloat16 where that is safe and the version allows it."""
    bfloat16_unchecked: bool = False
    """Ask no version whether it allows it."""
    verify: bool = True
    """Refuse a version that is not whole, as far as that can be told."""
    warm_up: int = 1
    """How often each warm-up record is replayed."""


class Loader:
    """Loads versions; what it raises for one is ServingError, TensorFlow's code and text or those of what was missed.

    `counted` is around each warm-up.
    """

    def __init__(
        self, library: LibTensorFlow, settings: LoadSettings | None = None, *, counted: Counted = uncounted
    ) -> None:
        self._library = library
        self._settings = settings or LoadSettings()
        self._counted = counted

    def __call__(self, path: Path) -> SavedModel:
        """Load the version in the folder `path`.

        Raises:
            ServingError: it is not whole, cannot be loaded, or a warm-up record is corrupt or fails.
        """
        if self._settings.verify:
            ensure_whole(path)
        model = SavedModel(Session(self._library, path, self._config(path)))
        try:
            if self._settings.verify:
                ensure_restored(path, model.meta_graph)
            self._warm_up(model, path)
        except ServingError:
            model.close()
            raise
        return model

    def _config(self, path: Path) -> tf.ConfigProto:
        config = tf.ConfigProto(
            intra_op_parallelism_threads=self._settings.intra_op, inter_op_parallelism_threads=self._settings.inter_op
        )
        config.experimental.disable_thread_spinning = True  # the cores are the gateway's too
        if self._settings.bfloat16 and self._allows_bfloat16(path):
            config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = tf.RewriterConfig.ON
        return config

    def _allows_bfloat16(self, path: Path) -> bool:
        if self._settings.bfloat16_unchecked:
            return True
        reason = allows_bfloat16((path / PARITY).read_bytes() if (path / PARITY).is_file() else None)
        if reason is not None:
            _LOG.warning("computed in float32 version=%s reason=%s", path.name, reason)
        return reason is None

    def _warm_up(self, model: SavedModel, path: Path) -> None:
        if not self._settings.warm_up or not (path / _WARMUP).exists():
            return
        with self._counted(path) as replayed:
            for _ in range(self._settings.warm_up):
                replayed(replay(model, read_records(path / _WARMUP)))
