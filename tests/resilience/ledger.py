"""What clients saw of the gateway, request for request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

OK = 200


class End(Enum):
    """How a request ended for its client."""

    REPLIED = "replied"
    """There was a whole reply, of whatever status."""
    UNSENT = "unsent"
    """Nobody listened; the gateway knows nothing of it."""
    LOST = "lost"
    """The connection broke before the reply was whole: the client cannot know what became of it."""
    LEFT = "left"
    """The client closed the connection by itself, in the middle."""
    HUNG = "hung"
    """Neither a reply nor an end came for far longer than the gateway allows itself."""


@dataclass(frozen=True)
class Answer:
    """A prediction, as its client was told or as the history has it."""

    id: str
    version: int
    label: str
    probabilities: Mapping[str, float]
    recorded: bool = True
    """False where the client was told that the history does not have it."""


@dataclass(frozen=True)
class Entry:
    """One request."""

    request: str
    """Its `X-Request-ID`, which is the name of the posted file too: so its row in the history tells whose it is."""
    image: int
    """The index of the image that was posted."""
    began: float
    """When it was sent, seconds on the clock of `time.monotonic`."""
    ended: float
    """When its client knew how it ended, on the same clock."""
    end: End
    status: int = 0
    """Of the reply; 0 without one."""
    problem: str = ""
    """The name of the problem type of a reply that is one."""
    retry_after: str = ""
    """The header of the reply; empty without one."""
    named: str = ""
    """The `X-Request-ID` of the reply."""
    answer: Answer | None = None
    """The prediction of a reply that is one."""

    @property
    def latency_s(self) -> float:
        """Seconds until the client knew."""
        return self.ended - self.began

    @property
    def is_answered(self) -> bool:
        """Whether the client got a prediction."""
        return self.status == OK

    @property
    def is_uncertain(self) -> bool:
        """Whether the gateway may have counted and recorded it without the client knowing."""
        return self.end in (End.LOST, End.LEFT)


def since(entries: Sequence[Entry], begin: float, until: float = float("inf")) -> list[Entry]:
    """Return the requests that were sent from `begin` on, and before `until`, seconds of `time.monotonic`."""
    return [entry for entry in entries if begin <= entry.began < until]
