"""What is learnt about a version from the requests that it answers, and who wants to know."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import msgspec

from gateway.answers import Scored
from gateway.batching.entries import Answer, Model, Row
from gateway.errors import DeadlineExceeded, ModelFailed
from gateway.manifest import ModelVersion
from gateway.routing import Role


class Outcome(msgspec.Struct, frozen=True):
    """One answer of one version, or its failure to answer.

    A failure is one that the version is to blame for: the call failed or its numbers were no probabilities
    (`model-failed`), or they did not come in time (`deadline-exceeded`). What a client did wrong, a model server that
    is away or busy, and a version that left, are none.
    """

    version: int
    role: Role
    backend_s: float
    """Seconds that the call took."""
    batch: int = 1
    """Images in the call; one for a shadow."""
    error: str = ""
    """The problem's name; empty where the version answered."""
    label: str = ""
    """The class with the highest probability; empty after a failure."""
    confidence: float = 0.0
    """Its probability."""
    abstained: bool = False
    """Whether the answer is none to rely on, by the version's own limits (`gateway.abstention`)."""
    model: ModelVersion | None = None
    """The version itself; None after a failure."""
    seen: Mapping[str, float] = {}
    """What the image looks like, as `gateway.abstention.look` says."""
    disagreed: bool | None = None
    """Whether the class is another than the stable version's; None where nothing was compared."""

    @classmethod
    def of(cls, scored: Scored, *, disagreed: bool | None = None) -> Self:
        """Return the outcome of an answer."""
        return cls(
            version=scored.version.number,
            role=scored.role,
            backend_s=scored.backend_s,
            batch=scored.batch,
            label=scored.label,
            confidence=scored.confidence,
            abstained=scored.abstention is not None,
            model=scored.version,
            seen=scored.seen,
            disagreed=disagreed,
        )


Observer = Callable[[Outcome], None]


class Observers:
    """Tells everyone who wants to know of each outcome, at once, on the event loop; an observer must not wait."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Tell `observer` from now on."""
        self._observers.append(observer)

    def __call__(self, outcome: Outcome) -> None:
        """Tell all of an outcome."""
        for observer in self._observers:
            observer(outcome)


class ObservedModel:
    """A model whose failures are told, image by image: the batcher asks it as it would ask the model."""

    def __init__(self, model: Model, role: Callable[[int], Role], observe: Observer) -> None:
        self._model = model
        self._role = role
        self._observe = observe

    async def __call__(self, version: int, images: Sequence[Row], timeout_s: float, /) -> list[Answer]:
        """Return one outcome for each image, in order."""
        begin = time.monotonic()
        answers = await self._model(version, images, timeout_s)
        for answer in answers:
            if isinstance(answer, ModelFailed | DeadlineExceeded):
                elapsed_s = time.monotonic() - begin
                self._observe(Outcome(version, self._role(version), elapsed_s, error=answer.name))
        return answers
