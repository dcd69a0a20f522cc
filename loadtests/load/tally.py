"""What all processes of a run have counted, each for itself: Locust's own, and its workers'."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from loadtests.load.generator import Generator, Reading
from loadtests.load.ledger import Kind, from_rows, to_rows


class Tally:
    """The counts of this process, and the last that was heard of the others."""

    def __init__(self) -> None:
        self.generator = Generator()
        self._counts: Counter[Kind] = Counter()
        self._others: dict[str, Mapping[str, Any]] = {}

    def start(self) -> None:
        """Forget everything, and begin to watch this process."""
        self._counts.clear()
        self._others.clear()
        self.generator.start()

    def count(self, route: str, method: str, code: str) -> None:
        """Count a request that has ended."""
        self._counts[Kind(route, method, code)] += 1

    def to_message(self) -> dict[str, Any]:
        """Return all that this process has counted so far, for `hear` of another process."""
        return {"counts": to_rows(self._counts), "generator": self.generator.read().to_message()}

    def hear(self, worker: str, message: Mapping[str, Any]) -> None:
        """Take what a worker has counted so far in place of what it had told before."""
        self._others[worker] = message

    def counts(self) -> Counter[Kind]:
        """Return the requests of all processes."""
        total = Counter(self._counts)
        for message in self._others.values():
            total.update(from_rows(message["counts"]))
        return total

    def readings(self) -> list[Reading]:
        """Return what each process with users used; where there are workers, this one has none."""
        told = [Reading.from_message(message["generator"]) for message in self._others.values()]
        return told or [self.generator.read()]
