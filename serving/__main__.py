"""`python -m serving`: run `tensorflow_model_server` where it is installed, else serve the models from here."""

import logging
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from serving import binary
from serving.accounting import counted_warmup
from serving.doctor import command as doctor
from serving.givingway import GivingWay
from serving.heap import keep_freed_memory
from serving.libtensorflow import LibTensorFlow
from serving.lifetime import catch_signals, run
from serving.loading import Loader, LoadSettings
from serving.metrics import Metrics
from serving.settings import Settings, SettingsError, flags, parse


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status: 2 for unusable flags, 1 for another failure.

    `doctor` as the first argument examines a store and a server instead; see `serving.doctor`.
    """
    if argv[:1] == ["doctor"]:
        return doctor.main(argv[1:])
    try:
        settings, others = parse(argv)
    except SettingsError as error:
        return _fail(2, str(error))
    found = None if settings.embedded else binary.find()
    if found is not None:
        return _run_binary(found, settings, others)
    if others:
        return _fail(2, f"{' '.join(others)} is refused: the embedded server has no such flag; see --help")
    return _serve(settings)


def _serve(settings: Settings) -> int:
    """Run the embedded server until it ends, and return the exit status."""
    if settings.version:
        _say(f"Pulmo's embedded model server {version('pulmo')}")
        return 0
    keep_freed_memory()
    news = catch_signals()
    _say(f"serving {settings.models} with the embedded server on {', '.join(settings.addresses)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    metrics = Metrics(CollectorRegistry())
    try:
        load = Loader(LibTensorFlow(), _how(settings), counted=partial(counted_warmup, metrics))
        return run(settings, GivingWay(load), news, metrics)
    except SettingsError as error:
        return _fail(2, str(error))
    except OSError as error:
        return _fail(1, str(error))


def _run_binary(path: str, settings: Settings, others: Sequence[str]) -> int:
    """Run the real server until it ends, and return the exit status."""
    verdict = binary.judge(path)
    if verdict.refusal:
        return _fail(1, verdict.refusal)
    if verdict.warning:
        _warn(verdict.warning)
    if settings.rest_api_port and settings.rest_api_host != Settings().rest_api_host:
        _warn(f"--rest_api_host={settings.rest_api_host} is for the embedded server; {path} listens on all addresses")
    _say(f"serving {settings.models} with {path}")
    ended = binary.run(binary.command(path, flags(settings), others), say=_warn)
    if ended.sentence:
        _warn(ended.sentence)
    return ended.status


def _how(settings: Settings) -> LoadSettings:
    return LoadSettings(
        intra_op=settings.intra_op,
        inter_op=settings.inter_op,
        bfloat16=settings.mixed_precision == "bfloat16",
        bfloat16_unchecked=not settings.verify_mixed_precision,
        verify=settings.verify_checksums,
        warm_up=settings.warmup_rounds,
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def console() -> None:
    """Start as the command `serving`."""
    sys.exit(main(sys.argv[1:]))


def _warn(message: str) -> None:
    sys.stderr.write(f"serving: {message}\n")
    sys.stderr.flush()


def _fail(status: int, message: str) -> int:
    _warn(message)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
