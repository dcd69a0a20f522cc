"""Starts the gateway: `python -m gateway`. Everything is set by `PULMO_*` or pulmo.toml; see README.md.

`python -m gateway COMMAND` does something else; `COMMANDS` names what there is.
"""

import argparse
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from gateway.access.command import run_key
from gateway.listening.granian import PatientServer
from gateway.listening.limits import HEADER_TIMEOUT_S, allow_connections
from gateway.logs import configure_logs
from gateway.settings import PREFIX, Settings, SettingsError, read_settings

_DRAIN_S = 15
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's name

App = Callable[..., Any]
Command = Callable[[Sequence[str], Mapping[str, str], Path], int]
"""Takes the arguments after its name, the environment and the file of settings, and returns the exit status."""


def _run_history(arguments: Sequence[str], environment: Mapping[str, str], file: Path) -> int:
    from gateway.history.command import run  # noqa: PLC0415 - whoever serves needs none of it

    return run(arguments, read_settings(environment, file).history)


COMMANDS: Mapping[str, Command] = {"history": _run_history, "key": run_key}
"""What `python -m gateway NAME` does instead of serving."""


def main(arguments: Sequence[str], environment: Mapping[str, str], file: Path) -> int:
    """Serve until SIGTERM or SIGINT, or run a command; return the exit status, 2 where the settings are refused."""
    try:
        if arguments and arguments[0] in COMMANDS:
            return COMMANDS[arguments[0]](arguments[1:], environment, file)
        settings = read_settings({**environment, **_flags(arguments)}, file)
    except SettingsError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2
    allow_connections()
    return {"granian": serve_granian, "uvicorn": serve_uvicorn}[settings.server](settings)


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    """Return the settings that stand on the command line, by their names in the environment."""
    parser = argparse.ArgumentParser(
        "python -m gateway",
        description=f"Serve predictions over HTTP. Commands, each with --help: {', '.join(COMMANDS)}.",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        help=f"processes that share the port; before {PREFIX}WORKERS, which has a default of 1",
    )
    flags = vars(parser.parse_args(arguments))
    return {f"{PREFIX}{name.upper()}": value for name, value in flags.items() if value is not None}


class Loader:
    """Builds the application in the process that serves it; Granian starts that one and hands this over."""

    def __init__(self, create_app: App, settings: Settings, metrics_folder: Path | None = None) -> None:
        self._create_app = create_app
        self._settings = settings
        self._metrics_folder = metrics_folder

    def __call__(self) -> Any:  # noqa: ANN401 - an ASGI application
        """Configure logging, and return the application."""
        die_with_parent()
        configure_logs(self._settings.log_level, self._settings.log_format)
        return self._create_app(self._settings, self._metrics_folder)


def die_with_parent() -> None:
    """Let the kernel end this process when its parent ends, where the parent is Granian (`man 2 prctl`, Linux only).

    Granian's worker would survive a killed Granian, keep the port, and answer beside the gateway that is started next.
    """
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Granian's own handler came along, and would do nothing here
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent.pid:  # it ended before the kernel was told
        signal.raise_signal(signal.SIGTERM)


def load_app() -> App:
    """Import what makes the application; the environment must be ready, since prometheus_client looks at it then."""
    from gateway.app import create_app  # noqa: PLC0415 - see above

    return create_app


@contextmanager
def metrics_folder(workers: int) -> Iterator[Path | None]:
    """Make a folder in which the metrics of several workers are kept together, and remove it at the end.

    One worker needs none, and keeps its metrics to itself.
    """
    if workers == 1:
        yield None
        return
    with TemporaryDirectory(prefix="pulmo-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[_METRICS_FOLDER] = folder
        yield Path(folder)


def serve_granian(settings: Settings) -> int:
    """Serve with Granian: an event loop in each worker process.

    Of several workers, one that ends unexpectedly is replaced while the others go on; where it is the only one, or its
    successor ends at once too, all ends, and whoever supervises the gateway starts it anew.
    """
    server = PatientServer(
        "gateway",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        respawn_failed_workers=settings.workers > 1,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_S * 1000),
        workers_kill_timeout=_DRAIN_S,
        log_level=LogLevels.warning,
    )
    with metrics_folder(settings.workers) as folder:
        loader = Loader(load_app(), settings.of_one_worker(os.cpu_count() or 1), folder)
        server.serve(target_loader=loader, wrap_loader=False)
    return 0


def serve_uvicorn(settings: Settings) -> int:
    """Serve with uvicorn, in this process."""
    import uvicorn  # noqa: PLC0415 - only this choice needs it

    from gateway.listening.uvicorn import TimedProtocol, run  # noqa: PLC0415 - as above

    config = uvicorn.Config(
        Loader(load_app(), settings)(),
        http=TimedProtocol,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=HEADER_TIMEOUT_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    return run(config)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, Path("pulmo.toml")))
