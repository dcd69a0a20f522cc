"""An event loop whose time passes only while nothing can run, and then at once, for exact simulations."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_TURN_S = 1e-9  # what a turn of the loop takes: time never stands still


class _Skipping(selectors.SelectSelector):
    """Instead of waiting, says that the time is over."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None:
            self.now += max(timeout, _TURN_S)
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def simulate(scene: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in virtual time, which begins at 0; it must wait for nothing but timers."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(scene)
