"""Places whose body is still on its way: a slow one is given to whoever comes, where none is free."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from gateway.lanes import Priority

PATIENCE_S = 1.0
"""For which a body may come before its place can be given away; an image of 260 kB needs 2 Mbit/s for that."""


class Place:
    """What a request holds from its arrival to its answer.

    Args:
        priority: its class of traffic.
        readers: of all places, into which it enters itself while its body is read.
        clock: seconds.
    """

    def __init__(self, priority: Priority, readers: "Readers", clock: Callable[[], float]) -> None:
        self.priority: Priority = priority
        self.lost = False
        """Whether it was given to another request."""
        self._readers = readers
        self._clock = clock

    @contextmanager
    def reading(self, give_up: Callable[[], None]) -> Iterator[None]:
        """Say that the body is read for the length of a block, and who is to be called where the place is lost."""
        self._readers.enter(self, self._clock(), give_up)
        try:
            yield
        finally:
            self._readers.leave(self)


class Readers:
    """The places whose bodies are being read, the longest first. They hold one image each as yet."""

    def __init__(self) -> None:
        self._began: dict[Place, tuple[float, Callable[[], None]]] = {}

    def enter(self, place: Place, now: float, give_up: Callable[[], None]) -> None:
        """Add a place, at `now` seconds."""
        self._began[place] = (now, give_up)

    def leave(self, place: Place) -> None:
        """Remove a place; its body is here, or will not come."""
        self._began.pop(place, None)

    def slow(self, count: int, priority: Priority, now: float) -> list[Place]:
        """Return up to `count` places that a request may have which comes `now`: bulk takes none from interactive."""

        def candidates() -> Iterator[Place]:
            for place, (began, _) in self._began.items():
                if now - began <= PATIENCE_S:
                    return
                if priority in ("interactive", place.priority):
                    yield place

        return list(islice(candidates(), count))

    def take(self, place: Place) -> None:
        """Take a place away from its request."""
        _, give_up = self._began.pop(place)
        place.lost = True
        give_up()
