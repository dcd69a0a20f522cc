"""What the clients of a gateway have seen, request by request, to be compared with what the gateway counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One request whose headers were sent whole, and what became of it."""

    method: str
    """As the metrics have it: `OTHER` where HTTP does not know it."""
    route: str
    """The route's template as the metrics have it, `unmatched` where none answers that method at that path."""
    status: int | None
    """HTTP status of the answer; None where the client left without one, or lost its connection."""
    problem: str | None = None
    """The metrics' name of the problem that it was told."""
    sent: int = 0
    """Images that it brought."""
    answered: int = 0
    """Images of those that it was told a prediction for."""
    refused: Sequence[str] = ()
    """Names of the problems of those that were not accepted, where the gateway decoded them."""


@dataclass(frozen=True)
class Ledger:
    """All requests between two scrapes, those for the metrics and the health aside; threads may add to it."""

    requests: list[Request] = field(default_factory=list)

    def add(self, request: Request) -> None:
        """Note what became of a request."""
        self.requests.append(request)

    def sent(self) -> Counter[tuple[str, str]]:
        """Return the number of requests by route and method."""
        return Counter((each.route, each.method) for each in self.requests)

    def left(self) -> Counter[tuple[str, str]]:
        """Return the number of those whose client left, by route and method."""
        return Counter((each.route, each.method) for each in self._left())

    def seen(self) -> Counter[tuple[str, str, str]]:
        """Return the number of those that were answered, by route, method and status."""
        return Counter((each.route, each.method, str(each.status)) for each in self.requests if each.status is not None)

    def problems(self) -> Counter[tuple[str]]:
        """Return the number of problems that clients were told, by name."""
        return Counter((each.problem,) for each in self.requests if each.problem is not None)

    def refused(self) -> Counter[tuple[str]]:
        """Return the number of images that clients were told a problem for, by its name."""
        return Counter((name,) for each in self.requests for name in each.refused)

    def answered(self) -> int:
        """Return the number of images that clients were told a prediction for."""
        return sum(each.answered for each in self.requests)

    def in_doubt(self) -> int:
        """Return the number of images whose client never learned what became of them."""
        return sum(each.sent for each in self._left())

    def told(self, problem: str) -> int:
        """Return the number of images in requests that ended in a problem."""
        return sum(each.sent for each in self.requests if each.problem == problem)

    def _left(self) -> Iterable[Request]:
        return (each for each in self.requests if each.status is None)
