"""`python -m serving`: hand over to `tensorflow_model_server` where it is installed, else serve the model from here."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from serving.lifetime import catch_signals, run
from serving.prediction import Model
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
        return run(settings, _loader(settings), news)
    except OSError as error:
        return _fail(1, str(error))


def _loader(settings: Settings) -> Callable[[Path], Model]:
    """Return what loads a version; TensorFlow, which takes seconds to import, is imported by the first load."""

    def load(path: Path) -> Model:
        from serving import model  # noqa: PLC0415 - see above

        model.configure(
            intra_op=settings.intra_op,
            inter_op=settings.inter_op,
            mixed_precision=settings.mixed_precision,
        )
        return model.load(path, warm_up=settings.enable_model_warmup)

    return load


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fail(status: int, message: str) -> int:
    sys.stderr.write(f"serving: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
