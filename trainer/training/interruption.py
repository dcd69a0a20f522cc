"""SIGTERM and Ctrl-C: training ends after the step that it is at, with the best weights so far."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interruption:
    """Whether the process was told to end."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The signal that came."""

    def heed(self, number: int, _: FrameType | None) -> None:
        """Remember a signal; the next one of its kind does what it does by default."""
        self.signal = signal.Signals(number)
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def heeded() -> Iterator[Interruption]:
    """Have signals remembered instead of obeyed at once; to be used in the main thread."""
    interruption = Interruption()
    earlier = {number: signal.signal(number, interruption.heed) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
