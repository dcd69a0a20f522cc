"""When a prediction is none to rely on: the version is too unsure, or the image is unlike what it learned from.

The version says where that begins (its manifest); the probabilities are answered all the same.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
import numpy as np
from msgspec import UnsetType
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter

from gateway.imaging import appearance
from gateway.manifest import Manifest

AbstainReason = Literal["low-confidence", "out-of-distribution"]


class Abstention(msgspec.Struct, frozen=True):
    """Why a prediction is none to rely on."""

    reason: AbstainReason
    detail: str
    """The value and the limit."""


class AbstentionMetrics:
    """How often."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them in `registry`."""
        self.abstentions = Counter(
            "gateway_abstentions",
            "Images answered with a warning not to rely on it, by model version and reason.",
            ["version", "reason"],
            registry=registry,
        )

    def count(self, version: int, reason: AbstainReason | UnsetType) -> None:
        """Count a prediction that abstains."""
        self.abstentions.labels(version, reason).inc()


def look(image: NDArray[np.uint8], manifest: Manifest) -> Mapping[str, float]:
    """Measure what an image looks like, where its version has something to hold that against.

    Takes some 50 microseconds, none where the version has not.

    Args:
        image: as the version takes it, uint8 `[H, W, C]`.
        manifest: of the version.

    Returns:
        A number for each name in `gateway.imaging.APPEARANCE`, or none at all.
    """
    return appearance(image) if manifest.out_of_distribution or manifest.drift_reference else {}


def strangeness(seen: Mapping[str, float], manifest: Manifest) -> str:
    """Say in what an image is unlike all that a version learned from; empty where it is not.

    Args:
        seen: what `look` said of the image; numbers that this gateway does not know are passed over.
        manifest: of the version.
    """
    for name, (low, high) in manifest.out_of_distribution.items():
        value = seen.get(name)
        if value is not None and not low <= value <= high:
            return f"the image's {name} is {value:.4g}; the version was trained on {low:.4g} to {high:.4g}"
    return ""


def abstention(confidence: float, seen: Mapping[str, float], manifest: Manifest) -> Abstention | None:
    """Return why an answer is none to rely on, the graver reason first; None where it is one.

    Args:
        confidence: the highest probability.
        seen: what `look` said of the image.
        manifest: of the version that answered.
    """
    if strange := strangeness(seen, manifest):
        return Abstention("out-of-distribution", strange)
    if confidence < manifest.abstention_threshold:
        threshold = manifest.abstention_threshold
        return Abstention("low-confidence", f"{confidence:.3f} is under the version's threshold {threshold:.3g}")
    return None
