"""What the main thread waits for, signals among it."""

import time
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

_LONGEST_WAIT: Final = 1.0
"""Seconds. Python runs a signal's handler in the main thread, when that runs. A signal that comes just as a wait
begins, or to another thread, does not interrupt the wait, so no wait is long
(https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers)."""


class News(Generic[Item]):
    """A queue into which threads and signal handlers put, and from which the main thread takes."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Item] = SimpleQueue()  # others may be interrupted by a handler that puts into them

    def put(self, item: Item) -> None:
        """Tell the main thread."""
        self._queue.put(item)

    def get(self, timeout: float | None = None) -> Item:
        """Wait for the next item, for `timeout` seconds at most.

        Raises:
            Empty: there was none.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = _LONGEST_WAIT if end is None else min(_LONGEST_WAIT, max(0.0, end - time.monotonic()))
            try:
                return self._queue.get(timeout=wait)
            except Empty:
                if end is not None and time.monotonic() >= end:
                    raise
