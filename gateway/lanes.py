"""Two classes of traffic that wait for the same thing, and who is next."""

from typing import Generic, Literal, TypeVar

Priority = Literal["interactive", "bulk"]
PRIORITIES: tuple[Priority, ...] = ("interactive", "bulk")

Waiting = TypeVar("Waiting")

_TURNS = 4  # while both classes wait, every fourth turn is bulk's


class Lanes(Generic[Waiting]):
    """What waits, first in, first out within each class.

    While both classes wait, interactive traffic has three turns of four: bulk cannot starve it, nor is starved by it
    (weighted round robin, https://en.wikipedia.org/wiki/Weighted_round_robin).
    """

    def __init__(self) -> None:
        self._lanes: dict[Priority, dict[Waiting, None]] = {priority: {} for priority in PRIORITIES}
        self._turn = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(map(len, self._lanes.values()))

    def __contains__(self, item: object) -> bool:
        """Return whether `item` waits."""
        return any(item in lane for lane in self._lanes.values())

    def add(self, item: Waiting, priority: Priority) -> None:
        """Let `item`, which is told apart by its hash, wait behind all others of its class."""
        self._lanes[priority][item] = None

    def discard(self, item: Waiting) -> bool:
        """Take `item` out, wherever it is, and return whether it was there."""
        return any(lane.pop(item, self) is None for lane in self._lanes.values())

    def pop(self) -> Waiting:
        """Take the next one out.

        Raises:
            IndexError: nobody waits.
        """
        interactive, bulk = self._lanes["interactive"], self._lanes["bulk"]
        if interactive and bulk:
            self._turn = (self._turn + 1) % _TURNS
            lane = interactive if self._turn else bulk
        else:
            lane = interactive or bulk
        if not lane:
            raise IndexError("nobody waits")
        item = next(iter(lane))
        del lane[item]
        return item


def ahead(priority: Priority, interactive: int, bulk: int) -> float:
    """Return how many of those that are there will have had their turn before a newcomer of a class has."""
    own, others, share = (
        (interactive, bulk, (_TURNS - 1) / _TURNS) if priority == "interactive" else (bulk, interactive, 1 / _TURNS)
    )
    return min(own / share, own + others)
