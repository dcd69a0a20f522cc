"""What a command does before it becomes supervisord: nobody else does the same, and the ports are free."""

import errno
import fcntl
import os
import pwd
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from deploy.local.layout import LayoutError


def hold(lock: Path, taken: str) -> None:
    """Hold a lock for as long as this process lives, also as supervisord; its children do not inherit it.

    Args:
        lock: the file; its folder exists.
        taken: says that another process holds it, and what to do.

    Raises:
        LayoutError: another process holds it.
    """
    file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LayoutError(taken) from error
    os.set_inheritable(file, True)  # noqa: FBT003 - the parameter has no name


def check_ports(ports: Mapping[str, int], command: str) -> None:
    """See to it that nobody listens on these ports of the loopback address, by the settings that name them.

    Raises:
        LayoutError: somebody does; the message says how `command` is given another port.
    """
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise LayoutError(f"port {port} is taken; name another one: {name}={port + 1} {command}") from error


def supervise(configuration: Path, root: Path, environment: Mapping[str, str]) -> NoReturn:
    """Become supervisord.

    Args:
        configuration: of supervisord.
        root: where the processes start.
        environment: for the `ENV_` values of the configuration, beside this process's own and the common ones.
    """
    given = {
        **os.environ,
        "PULMO_ROOT": str(root),
        "PULMO_PYTHON": sys.executable,
        "PULMO_USER": pwd.getpwuid(os.getuid()).pw_name,
        "PYTHONUNBUFFERED": "1",
        **environment,
    }
    command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)]
    os.execve(sys.executable, command, given)  # noqa: S606 - no shell is wanted
