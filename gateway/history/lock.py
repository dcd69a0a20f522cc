"""The right to write to a database, held by one process at a time.

Before 3.51.3, SQLite may corrupt a database in WAL mode when two connections write or checkpoint at the same instant
(https://sqlite.org/wal.html, "WAL-reset bug"). Its own locks do not prevent that, so this one stands around them. The
kernel takes it back from a process that ends, however that comes about.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gateway.errors import HistoryUnavailable

_SHORTEST_S, _LONGEST_S = 0.0005, 0.02


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock `path`, a file that is made and stays, for the length of a block. Threads exclude one another too.

    Raises:
        HistoryUnavailable: another holds it for longer than `timeout_s` seconds.
        OSError: the file cannot be opened.
    """
    with path.open("ab") as file:
        if not _lock(file, time.monotonic() + timeout_s):
            raise HistoryUnavailable(
                f"another process has been writing to the history for {timeout_s:g} s; see who holds {path.name}, "
                "which lies beside the database"
            )
        yield


def _lock(file: IO[bytes], until: float) -> bool:
    """Try again and again: `flock` knows no time limit, and offers no event with one (`man 2 flock`)."""
    pause = _SHORTEST_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(pause)  # in the writer's own thread; see above
            pause = min(2 * pause, _LONGEST_S)
        else:
            return True
