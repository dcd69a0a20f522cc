"""What a model version says of itself through its `describe` signature."""

import hashlib
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from gateway.curves import Curves
from gateway.drift.reference import DriftReference
from gateway.imaging import ImageSpec

_LARGEST_SIDE = 4096  # pixels
_MOST_LABELS = 1000  # each is the label of a metric


class Manifest(msgspec.Struct, frozen=True):
    """The part of the manifest that the gateway needs; it ignores what it does not know."""

    labels: Annotated[list[str], Meta(min_length=2, max_length=_MOST_LABELS)]
    """The classes, in the order of the model's outputs."""
    image: ImageSpec
    """The array that the model takes."""
    metrics: dict[str, Any]
    """What the trainer measured."""
    abstention_threshold: float = 0.0
    """An answer that is less sure than this is none to rely on."""
    out_of_distribution: dict[str, tuple[float, float]] = {}
    """Between which numbers its training images lie, by the names of `gateway.imaging.APPEARANCE`; nothing is judged
    where it is empty."""
    drift_reference: DriftReference | None = None
    """What is usual, to notice drift by; old versions do not say, and are not watched."""
    curves: Curves | None = None
    """How the metrics came about; old versions do not say."""
    architecture: str = ""
    created_at: str = ""
    data_digest: str = ""
    model_digest: str = ""
    """Over the weights and all else that answers depend on: equal models have equal ones."""
    digest: str = ""
    """The model's, or the SHA-256 of the manifest's text where that names none; set on reading."""

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read a manifest.

        Raises:
            ValueError: the text is not JSON, or lacks a field, or a field is of the wrong kind or out of its range.
        """
        manifest = msgspec.json.decode(text, type=cls)
        height, width, _ = manifest.image.shape
        if not (0 < height <= _LARGEST_SIDE and 0 < width <= _LARGEST_SIDE):
            raise ValueError(f"image is {width}x{height}; each side is 1 to {_LARGEST_SIDE} pixels")
        if len(set(manifest.labels)) < len(manifest.labels):
            raise ValueError(f"labels are {manifest.labels}; each stands there once")
        reference = manifest.drift_reference
        if reference is not None and len(reference.classes) != len(manifest.labels):
            raise ValueError(
                f"drift_reference counts {len(reference.classes)} classes; the labels are {manifest.labels}"
            )
        if manifest.curves is not None and not manifest.curves.fits(len(manifest.labels)):
            raise ValueError(f"curves are not of the {len(manifest.labels)} classes in labels")
        digest = manifest.model_digest or f"sha256:{hashlib.sha256(text).hexdigest()}"
        return msgspec.structs.replace(manifest, digest=digest)


class ModelVersion(msgspec.Struct, frozen=True):
    """A version that has described itself."""

    number: int
    manifest: Manifest
