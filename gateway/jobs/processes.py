"""Processes that outlive the gateway: how one is started, recognised later, and ended. Linux: all is read from /proc.

A process is known by its number and the moment of its start, which it writes down itself before it becomes the program:
so there is no moment in which it runs and nobody could find it, whoever is killed.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

EVENTS, LOG = "events", "log"
"""What a process writes to its standard output, and to its standard error."""
_PROCESS, _TOLD = "process", "told"

_PROC = Path("/proc")
_STATE, _START = 0, 19  # fields of /proc/PID/stat, counted from the one after the name (`man 5 proc`)
_ENDED = ("Z", "X")

_BECOME = """
cat /proc/$$/stat >"$0" || exit
back=$1
shift
echo "$back" >/proc/$$/autogroup
echo 500 >/proc/$$/oom_score_adj
exec nice -n "$back" "$@"
"""
"""Writes down who it is, steps back, and becomes the program. A session has a scheduling group of its own, across which
the nice value alone says nothing (`man 7 sched`, "The autogroup feature"); where memory is short, it ends before the
gateway does. Where a kernel has no such file, the shell says so in the log, and goes on."""


class Process(msgspec.Struct, frozen=True):
    """A process of this machine, of this boot."""

    pid: int
    started: int
    """Clock ticks since the boot; numbers are used again, but not at the same moment."""


def place() -> str:
    """Return where the processes of this gateway are: the machine, its boot, and its namespace of process numbers."""
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    namespace = (_PROC / "self/ns/pid").readlink()
    return f"{socket.gethostname()} {boot} {namespace}"


def start(
    folder: Path, command: Sequence[str], environment: Mapping[str, str], nice: int = 19
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, whose outputs go to files in a new folder.

    Args:
        folder: for its files.
        command: the program and its arguments.
        environment: of the program.
        nice: how far it steps back for everything else, 0 to 19.

    Raises:
        OSError: the folder exists or cannot be written, or there is no such program.
    """
    folder.mkdir(parents=True)
    with (folder / EVENTS).open("xb") as events, (folder / LOG).open("xb") as log:
        return subprocess.Popen(  # noqa: S603 - the operator's command; what a client said was checked
            ["/bin/sh", "-c", _BECOME, str(folder / _PROCESS), str(nice), *command],
            stdin=subprocess.DEVNULL,
            stdout=events,
            stderr=log,
            start_new_session=True,
            env=environment,
        )


def find(folder: Path) -> Process | None:
    """Return the process that was started in a folder; None where none has come to write itself down."""
    try:
        text = (folder / _PROCESS).read_text()
    except FileNotFoundError:
        return None
    number, _, rest = text.partition(" ")
    fields = rest.rpartition(")")[2].split()
    return Process(int(number), int(fields[_START])) if len(fields) > _START else None


def is_alive(process: Process) -> bool:
    """Say whether this process, and not another with its number, has not ended."""
    try:
        fields = (_PROC / str(process.pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(fields[_START]) == process.started and fields[_STATE] not in _ENDED


def tell_to_end(folder: Path, process: Process) -> None:
    """Send SIGTERM to a process and what it has started, once, whoever asks: a second one would not let it finish."""
    try:
        (folder / _TOLD).touch(exist_ok=False)
    except FileExistsError:
        return
    _send(process, signal.SIGTERM)


def kill(process: Process) -> None:
    """Send SIGKILL to a process and what it has started."""
    _send(process, signal.SIGKILL)


def _send(process: Process, number: signal.Signals) -> None:
    if is_alive(process):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return  # it was faster


def tail(file: Path, size: int) -> bytes:
    """Return the last bytes of a file, whole lines; nothing where it is not there."""
    try:
        with file.open("rb") as opened:
            length = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, length - size))
            kept = opened.read(size)
    except FileNotFoundError:
        return b""
    return kept if length <= size else kept.partition(b"\n")[2]
