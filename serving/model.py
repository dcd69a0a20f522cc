"""A version in memory: its signatures, by the names of their inputs and outputs, over a session."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import grpc

from proto import tensorflow_pb2 as tf
from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.integrity import ensure_whole
from serving.libtensorflow import LibTensorFlow, Output
from serving.session import Session
from serving.tensors import Array
from serving.warmup import read_records, replay

_WARMUP = Path("assets.extra/tf_serving_warmup_requests")


class SavedModel:
    """A loaded version (`serving.prediction.Model`)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.signatures: Mapping[str, pb.SignatureDef] = {
            name: signature
            for name, signature in session.meta_graph.signature_def.items()
            if not name.startswith("__")  # what only the loader uses
        }
        self._tensors = {
            info.name: session.output(info.name)
            for signature in self.signatures.values()
            for info in (*signature.inputs.values(), *signature.outputs.values())
        }

    def run(
        self, signature: str, inputs: Mapping[str, Array], outputs: Sequence[str], timeout_s: float | None
    ) -> Mapping[str, Array]:
        """Compute `outputs` of a signature, by alias; thread-safe. See `serving.prediction.Model`."""
        definition = self.signatures[signature]
        feeds = [self._tensor(definition.inputs[alias]) for alias in inputs]
        fetches = [self._tensor(definition.outputs[alias]) for alias in outputs]
        values = self._session.run(feeds, list(inputs.values()), fetches, timeout_s)
        return dict(zip(outputs, values, strict=True))

    def close(self) -> None:
        """Free its memory; no call may be under way."""
        self._session.close()

    def _tensor(self, info: pb.TensorInfo) -> Output:
        found = self._tensors[info.name]
        if found is None:
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"the graph has no tensor {info.name!r}")
        return found


def loader(config: tf.ConfigProto, *, warm_up: int, verify: bool = True) -> Callable[[Path], SavedModel]:
    """Return what loads the version in a folder, and replays its warm-up records `warm_up` times where it has any.

    Unless `verify` is false, a version with checksums whose files are not what was published is refused.

    The library, a gigabyte on disk, is loaded here. What it raises for a version is ServingError: TensorFlow's code and
    text, or those of a warm-up record that is corrupt or fails.

    Raises:
        OSError: TensorFlow is not installed.
    """
    library = LibTensorFlow()

    def load(path: Path) -> SavedModel:
        if verify:
            ensure_whole(path)
        model = SavedModel(Session(library, path, config))
        try:
            if warm_up and (path / _WARMUP).exists():
                for _ in range(warm_up):
                    replay(model, read_records(path / _WARMUP))
        except ServingError:
            model.close()
            raise
        return model

    return load
