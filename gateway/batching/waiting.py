"""The images of one version: those that wait for a call, and those that are being decoded for it."""

from itertools import count

from gateway.batching.entries import Entry
from gateway.batching.rule import Standing
from gateway.lanes import Lanes, Priority


class WaitingRoom:
    """A queue that knows what is coming. Time is a parameter; nothing here waits."""

    def __init__(self) -> None:
        self._ready: Lanes[Entry] = Lanes()
        self._coming: dict[int, None] = {}  # tickets, the oldest first
        self._tickets = count()
        self._since = 0.0  # when the first of those that are ready was, on the caller's clock
        self._last = -1  # the newest ticket that was out then

    def __len__(self) -> int:
        """Return how many images are ready."""
        return len(self._ready)

    def __bool__(self) -> bool:
        """Return whether anything is ready or coming."""
        return bool(len(self._ready) or self._coming)

    def expect(self) -> int:
        """Note an image that is being decoded, and return its ticket."""
        ticket = next(self._tickets)
        self._coming[ticket] = None
        return ticket

    def forget(self, ticket: int) -> None:
        """Expect an image no more: it is ready, or never will be."""
        del self._coming[ticket]

    def add(self, entry: Entry, priority: Priority, now: float) -> None:
        """Let an image wait that is ready."""
        if not self._ready:
            self._begin(now)
        self._ready.add(entry, priority)

    def discard(self, entry: Entry) -> bool:
        """Take an image out for which nobody waits any more, and return whether it was there."""
        return self._ready.discard(entry)

    def standing(self, now: float, in_flight: int, ending: int) -> Standing:
        """Return how things stand while so many calls are under way, and so many of them about to end."""
        return Standing(
            waiting=len(self._ready),
            coming=sum(ticket <= self._last for ticket in self._coming),
            waited_s=now - self._since,
            in_flight=in_flight,
            ending=ending,
        )

    def take(self, max_batch: int, now: float) -> tuple[list[Entry], list[Entry]]:
        """Take the next batch out: images for which somebody still waits.

        Returns:
            The batch, and the entries that were dropped because their client has gone or their deadline has passed.
        """
        batch: list[Entry] = []
        dropped: list[Entry] = []
        while len(self._ready) and len(batch) < max_batch:
            entry = self._ready.pop()
            dead = entry.answer.done() or entry.deadline <= now
            (dropped if dead else batch).append(entry)
        self._begin(now)
        return batch, dropped

    def _begin(self, now: float) -> None:
        """Note when the first of the images that wait now was ready, and what was coming then."""
        self._since, self._last = now, max(self._coming, default=-1)
