"""Starts the gateway: `python -m gateway`. Everything is set by `PULMO_*` or pulmo.toml; see README.md."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from gateway.app import create_app
from gateway.instrumentation import Instrumentation
from gateway.logs import configure_logs
from gateway.settings import Settings, SettingsError, read_settings

_HEADER_TIMEOUT_S = 10
_DRAIN_S = 15
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(environment: Mapping[str, str], file: Path) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status, 2 where the settings are refused."""
    try:
        settings = read_settings(environment, file)
    except SettingsError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2
    {"granian": serve_granian, "uvicorn": serve_uvicorn}[settings.server](settings)
    return 0


class Loader:
    """Builds the application in the process that serves it; Granian starts that one afresh and hands this over."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> Instrumentation:
        """Configure logging, and return the application."""
        die_with_parent()
        configure_logs(self._settings.log_level, self._settings.log_format)
        return create_app(self._settings)


def die_with_parent() -> None:
    """Let the kernel end this process when its parent ends, where the parent is Granian (`man 2 prctl`, Linux only).

    Granian's worker would survive a killed Granian, keep the port, and answer beside the gateway that is started next.
    """
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent.pid:  # it ended before the kernel was told
        signal.raise_signal(signal.SIGTERM)


def serve_granian(settings: Settings) -> None:
    """Serve with Granian: one worker process, one event loop."""
    server = Server(
        "gateway",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_S * 1000),
        workers_kill_timeout=_DRAIN_S,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=Loader(settings), wrap_loader=False)


def serve_uvicorn(settings: Settings) -> None:
    """Serve with uvicorn, in this process."""
    import uvicorn  # noqa: PLC0415 - only this choice needs it

    app = Loader(settings)()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_DRAIN_S,
    )


if __name__ == "__main__":
    sys.exit(main(os.environ, Path("pulmo.toml")))
