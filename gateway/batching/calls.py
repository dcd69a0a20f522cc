"""The calls that are under way: how many, how far they are, and who waits for them. Time is a parameter."""

import asyncio
import math
from collections.abc import Iterator, Sequence

import msgspec

from gateway.batching.entries import Entry


class Call(msgspec.Struct, eq=False):
    """One of them."""

    entries: Sequence[Entry]
    begun: float
    ends_at: float
    """When it is about to end, as far as is known."""
    overdue_at: float
    """When it has taken so long that others are not kept waiting for it any more."""
    unanswered: int
    """Images of it for which somebody waits."""
    before: float
    """What `Calls` had summed up when it began."""
    task: asyncio.Task[None] | None = None


class Calls:
    """All of them, and the sum over time of how many there were."""

    def __init__(self) -> None:
        self._under_way: set[Call] = set()
        self._of: dict[Entry, Call] = {}
        self._sum = 0.0
        self._summed_until = 0.0

    def __len__(self) -> int:
        """Return how many there are, those included that are overdue."""
        return len(self._under_way)

    def __iter__(self) -> Iterator[Call]:
        """Iterate over those that are there now."""
        return iter(tuple(self._under_way))

    def begin(self, entries: Sequence[Entry], now: float, ending_after: float, overdue_after: float) -> Call:
        """Note a call that begins."""
        self._sum_up(now)
        call = Call(entries, now, now + ending_after, now + overdue_after, len(entries), self._sum)
        self._under_way.add(call)
        self._of.update(dict.fromkeys(entries, call))
        return call

    def end(self, call: Call) -> None:
        """Forget a call."""
        self._under_way.discard(call)

    def together(self, call: Call, now: float) -> float:
        """Return how many calls were under way since this one began, itself included; the mean over time."""
        self._sum_up(now)
        passed = now - call.begun
        return (self._sum - call.before) / passed if passed > 0 else 1.0

    def leave(self, entry: Entry) -> bool:
        """Note that nobody waits for an image any more, and say whether it was in a call.

        A call for which nobody waits is cancelled.
        """
        call = self._of.pop(entry, None)
        if call is None:
            return False
        call.unanswered -= 1
        if not call.unanswered and call.task is not None:
            call.task.cancel()  # without effect where it has ended
        return True

    def in_flight(self, now: float) -> int:
        """Return how many there are that are not overdue."""
        return sum(call.overdue_at > now for call in self._under_way)

    def ending(self, now: float) -> int:
        """Return how many of those are about to end."""
        return sum(call.ends_at <= now < call.overdue_at for call in self._under_way)

    def moments(self, now: float) -> list[float]:
        """Return the seconds until one is about to end or overdue."""
        times = (time for call in self._under_way for time in (call.ends_at, call.overdue_at))
        return [time - now for time in times if now < time < math.inf]

    def _sum_up(self, now: float) -> None:
        self._sum += len(self._under_way) * (now - self._summed_until)
        self._summed_until = now
