"""`python -m serving`: hand over to `tensorflow_model_server` where it is installed, else serve the model from here."""

import logging
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version

from proto import tensorflow_pb2 as tf
from serving.lifetime import catch_signals, run
from serving.model import loader
from serving.settings import Settings, SettingsError, flags, parse

_BINARY = "tensorflow_model_server"


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status: 2 for unusable flags, 1 for another failure."""
    try:
        settings, others = parse(argv)
        binary = None if settings.embedded else shutil.which(_BINARY)
        if binary is not None:
            _say(f"serving {settings.models} with {binary}")
            os.execv(binary, [binary, *flags(settings), *others])  # noqa: S606 - no shell is wanted
    except SettingsError as error:
        return _fail(2, str(error))
    if others:
        return _fail(2, f"{' '.join(others)} is refused: the embedded server has no such flag; see --help")
    if settings.version:
        _say(f"Pulmo's embedded model server {version('pulmo')}")
        return 0
    news = catch_signals()
    _say(f"serving {settings.models} with the embedded server on {', '.join(settings.addresses)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        load = loader(_config(settings), warm_up=settings.warmup_rounds, verify=settings.verify_checksums)
        return run(settings, load, news)
    except OSError as error:
        return _fail(1, str(error))


def _config(settings: Settings) -> tf.ConfigProto:
    """Return how sessions compute."""
    config = tf.ConfigProto(
        intra_op_parallelism_threads=settings.intra_op,
        inter_op_parallelism_threads=settings.inter_op,
    )
    if settings.mixed_precision == "bfloat16":
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = tf.RewriterConfig.ON
    return config


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fail(status: int, message: str) -> int:
    sys.stderr.write(f"serving: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
