"""What the endpoints of feedback take and answer with."""

from typing import Annotated

import msgspec
from msgspec import Meta


class FeedbackDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The true label of an image that was classified."""

    prediction_id: Annotated[str, Meta(min_length=1, max_length=32)]
    label: Annotated[str, Meta(min_length=1, max_length=255)]


class FeedbackReply(msgspec.Struct, frozen=True):
    """What was taken down."""

    prediction_id: str
    prediction: str
    """What was answered."""
    label: str
    """What is true."""
    correct: bool
    model_version: int


class VersionAccuracy(msgspec.Struct, frozen=True):
    """How often a version was right, by feedback."""

    model_version: int
    images: int
    """Whose true label is known."""
    accuracy: float
    """Share of them that were right."""


class AccuracyReply(msgspec.Struct, frozen=True):
    """Live accuracy, newest version first."""

    versions: list[VersionAccuracy]
