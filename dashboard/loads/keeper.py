"""Runs a command for as long as its standard input stays open: `python keeper.py COMMAND...`.

The console holds the other end. Where it closes that, or ends in whatever way, the command and all that it has started
are killed; so no load outlives the console. Both ends are in sessions of their own, out of reach of what is meant for
the console's process group. A process file descriptor tells of the end of the command without a race: pidfd_open(2) of
Linux.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence


def keep(command: Sequence[str]) -> int:
    """Run a command until it ends or nobody wants it any more, and return its status."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the operator's
    ended = os.pidfd_open(child.pid)
    select.select([sys.stdin, ended], [], [])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # of a command that has ended, what it has left behind
    os.close(ended)
    return child.wait()


if __name__ == "__main__":
    try:
        sys.exit(abs(keep(sys.argv[1:])))
    except OSError as error:
        sys.exit(f"{sys.argv[1]} cannot be started: {error.strerror}")
