"""What the endpoints of uploads answer with."""

import msgspec
from msgspec import UNSET, UnsetType

from gateway.schemas import Problem


class UploadedFile(msgspec.Struct, frozen=True):
    """What became of a file that was sent to be kept."""

    filename: str | None
    label: str | None
    accepted: bool
    duplicate: bool | UnsetType = UNSET
    """Whether the same bytes were stored before; they are not stored again."""
    sha256: str | UnsetType = UNSET
    error: Problem | UnsetType = UNSET
    """Why it was not accepted."""


class UploadReply(msgspec.Struct, frozen=True):
    """What became of the files of a request, in the order sent."""

    message: str
    session_id: str
    files: list[UploadedFile]


class UploadedImage(msgspec.Struct, frozen=True):
    """A stored image."""

    filename: str | None
    """As the client called it."""
    label: str | None
    sha256: str
    size: int
    """Bytes."""
    duplicate: bool
    """Whether the bytes lie in an earlier session."""
    timestamp: str
    """RFC 3339, UTC."""


class UploadedSession(msgspec.Struct, frozen=True):
    """What was accepted of one request."""

    session_id: str
    files: list[UploadedImage]
    labels: dict[str, int]
    """How many images each label has."""
