"""Loads that give way to calls: on Linux a thread may run only where no other wants to (SCHED_IDLE, sched(7)).

A version that loads takes a core for tens of milliseconds or more. A call is handed from thread to thread a dozen times
on its way, and at each hand-over it may have to wait some milliseconds for a core that a load has.

Not on a busy machine: there a thread that gives way may not run for seconds, and since one thread of Python runs at a
time, everybody would wait for it whenever it was about to go on.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from serving.prediction import Model

_STAT = Path("/proc/stat")
_IDLE = (3, 4)
"""Which of the numbers count idle time: idle, and idle while it waits for a disk (proc(5))."""
_COUNTED = 8
"""The first so many are disjoint; guests' time, which follows, is in them already."""
_WATCHED_S = 0.1
_SPARE = 0.5
"""The share of the machine that must be idle."""


class GivingWay:
    """Loads versions as `load` does; after the first, loads give way to calls while the machine has time to spare.

    The first does not: the threads that TensorFlow computes with are started in it, and inherit its rank.
    """

    def __init__(
        self, load: Callable[[Path], Model], has_time_to_spare: Callable[[], bool] = lambda: is_idle(_SPARE)
    ) -> None:
        self._load = load
        self._has_time_to_spare = has_time_to_spare
        self._loaded = threading.Event()

    def __call__(self, path: Path) -> Model:
        """Load the version in a folder; for any thread.

        Raises:
            ServingError: as `load` does.
        """
        if not self._loaded.is_set() or not self._has_time_to_spare():
            model = self._load(path)
            self._loaded.set()
            return model
        with ThreadPoolExecutor(1, thread_name_prefix="load", initializer=_give_way) as pool:
            return pool.submit(self._load, path).result()


def _give_way() -> None:
    """Rank this thread below all others, for good: without privileges there is no way back."""
    with suppress(AttributeError, OSError):  # another system than Linux, or one that forbids it
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def is_idle(share: float) -> bool:
    """Watch the machine for a moment, and say whether more than `share` of it is idle; no where that cannot be seen."""
    try:
        before = _times()
        time.sleep(_WATCHED_S)  # how busy it is shows over a time only
        passed = [after - earlier for after, earlier in zip(_times(), before, strict=True)]
    except OSError:
        return False
    return sum(passed[index] for index in _IDLE) > share * sum(passed)


def _times() -> list[int]:
    """Return the time that all cores spent in each way since the start, in ticks (`/proc/stat`, proc(5))."""
    with _STAT.open() as file:
        return [int(number) for number in file.readline().split()[1 : 1 + _COUNTED]]
