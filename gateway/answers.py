"""Numbers of a model to a prediction: checked, and given their meaning by the version's manifest."""

import uuid
from collections.abc import Mapping

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from gateway.abstention import Abstention, abstention
from gateway.errors import ModelFailed
from gateway.manifest import Manifest, ModelVersion
from gateway.routing import Role
from gateway.schemas import CacheOutcome, Prediction, Timings
from gateway.timestamps import now

_SLACK = 0.01  # bfloat16 keeps 8 bits of a number


class Scored(msgspec.Struct, frozen=True):
    """The model's answer to one image, before it has a meaning."""

    version: ModelVersion
    role: Role
    probabilities: NDArray[np.float32]
    """`[K]`"""
    backend_s: float
    """Seconds that the call took."""
    batch: int
    """Images in the call."""
    seen: Mapping[str, float] = {}
    """What the image looks like, as `gateway.abstention.look` says."""
    cache: CacheOutcome | UnsetType = UNSET
    """Where it is from; unset where no cache was asked."""

    @property
    def label(self) -> str:
        """The class with the highest probability."""
        values: list[float] = self.probabilities.tolist()  # of a few numbers, so NumPy's way is the longer one
        return self.version.manifest.labels[values.index(max(values))]

    @property
    def confidence(self) -> float:
        """Its probability."""
        values: list[float] = self.probabilities.tolist()
        return max(values)

    @property
    def abstention(self) -> Abstention | None:
        """Why this is none to rely on; None where it is."""
        return abstention(self.confidence, self.seen, self.version.manifest)

    def by_label(self) -> dict[str, float]:
        """Return the probability of each class, in the order of the model's outputs."""
        return dict(zip(self.version.manifest.labels, self.probabilities.tolist(), strict=True))


def check(probabilities: NDArray[np.float32], manifest: Manifest) -> None:
    """Refuse numbers `[K]` that are no probabilities of the classes that a version describes.

    Raises:
        ModelFailed: another number of them, or one that is not a number between 0 and 1.
    """
    if len(probabilities) != len(manifest.labels):
        raise ModelFailed(f"the model answered {len(probabilities)} classes; it describes {len(manifest.labels)}")
    values = probabilities.tolist()
    if not all(-_SLACK <= value <= 1 + _SLACK for value in values):  # false for NaN
        raise ModelFailed(f"the model answered {values}; probabilities lie between 0 and 1")


def interpret(scored: Scored, filename: str | None, timings: Timings) -> Prediction:
    """Give the model's numbers their meaning: labels, the winner, whether to rely on it, an id and a time."""
    warning = scored.abstention
    return Prediction(
        id=uuid.uuid4().hex,
        filename=filename,
        prediction=scored.label,
        confidence=scored.confidence,
        probabilities=scored.by_label(),
        model_version=scored.version.number,
        timestamp=now(),
        timings=timings,
        abstain=warning is not None,
        abstain_reason=UNSET if warning is None else warning.reason,
        abstain_detail=UNSET if warning is None else warning.detail,
        cache=scored.cache,
    )
