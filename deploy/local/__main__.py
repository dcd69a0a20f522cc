"""What `make run` starts: sees to a first model, then becomes supervisord over the processes of `supervisord.conf`."""

import errno
import fcntl
import os
import pwd
import socket
import sys
from pathlib import Path
from typing import NoReturn

from deploy.local.first_model import ensure_model
from deploy.local.layout import REST_PORT, Layout, LayoutError
from deploy.local.models_config import write_models_config

_CONFIGURATION = Path(__file__).with_name("supervisord.conf")


def main() -> None:
    """Prepare, and replace this process by supervisord; exit with a message where that is not possible."""
    try:
        layout = prepare()
    except LayoutError as error:
        sys.exit(f"make run: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    supervise(layout)


def prepare() -> Layout:
    """See to it that the processes can start: nobody else runs here, the ports are free, and there is a model.

    Raises:
        LayoutError: they cannot.
    """
    layout = Layout.read(os.environ, Path.cwd())
    layout.run.mkdir(parents=True, exist_ok=True)
    _lock(layout)
    _check_ports(layout)
    write_models_config(layout)
    ensure_model(layout)
    return layout


def supervise(layout: Layout) -> NoReturn:
    """Become supervisord."""
    environment = {
        **os.environ,
        "PULMO_ROOT": str(layout.root),
        "PULMO_PYTHON": sys.executable,
        "PULMO_USER": pwd.getpwuid(os.getuid()).pw_name,
        "PULMO_GATEWAY_URL": layout.gateway,
        "PULMO_CONSOLE_PORT": str(layout.console_port),
        REST_PORT: str(layout.rest_port),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(_CONFIGURATION)]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted


def _lock(layout: Layout) -> None:
    """Hold a lock for as long as this process lives, also as supervisord; its children do not inherit it."""
    lock = os.open(layout.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LayoutError("Pulmo runs already in this folder; stop it with Ctrl-C where it was started") from error
    os.set_inheritable(lock, True)  # noqa: FBT003 - the parameter has no name


def _check_ports(layout: Layout) -> None:
    ports = {
        "PULMO_PORT": layout.gateway_port,
        "PULMO_CONSOLE_PORT": layout.console_port,
        REST_PORT: layout.rest_port,
    }
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise LayoutError(f"port {port} is taken; name another one: {name}={port + 1} make run") from error


if __name__ == "__main__":
    main()
