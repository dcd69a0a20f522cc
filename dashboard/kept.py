"""Answers that many visitors want: asked for once in some seconds."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from dashboard.problems import GatewayProblem

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """An answer, or the problem that came instead, for as long as it lasts. Threads may share it; one of them asks.

    Args:
        ask: gets the answer.
        lasts_s: seconds.
        clock: seconds.
    """

    def __init__(self, ask: Callable[[], Answer], lasts_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._lasts_s = lasts_s
        self._clock = clock
        self._last: tuple[float, Answer | GatewayProblem] | None = None
        self._lock = Lock()

    def get(self) -> Answer:
        """Return the answer.

        Raises:
            GatewayProblem: there is none, or there was none a moment ago.
        """
        with self._lock:
            if self._last is None or self._clock() - self._last[0] >= self._lasts_s:
                outcome = self._outcome()
                self._last = (self._clock(), outcome)  # whoever waited for that need not ask again
            outcome = self._last[1]
        if isinstance(outcome, GatewayProblem):
            raise outcome.with_traceback(None)  # it is raised again and again; its past would grow each time
        return outcome

    def _outcome(self) -> Answer | GatewayProblem:
        try:
            return self._ask()
        except GatewayProblem as problem:
            return problem
