"""Whether a version is whole: its files against the checksums that the trainer wrote beside them.

TensorFlow Serving takes a numbered folder as it finds it, and a slow copy fails or serves garbage (serving#1738).
"""

import hashlib
from pathlib import Path

import grpc

from serving.errors import ServingError

CHECKSUMS = Path("assets.extra/SHA256SUMS")


def ensure_whole(version: Path) -> None:
    """Compare a version's files with its checksums; a version without them is taken as it is.

    Raises:
        ServingError: DATA_LOSS, a file is missing or is not what was published.
    """
    try:
        lines = (version / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, UnicodeDecodeError) as error:
        raise _not_whole(version, f"{CHECKSUMS} cannot be read: {error}") from error
    for line in lines:
        digest, _, name = line.partition("  ")
        if not name:
            raise _not_whole(version, f"{CHECKSUMS} ends within a line")
        _check(version, name, digest)


def _check(version: Path, name: str, digest: str) -> None:
    try:
        with (version / name).open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise _not_whole(version, f"{name} cannot be read: {error.strerror}") from error
    if found != digest:
        raise _not_whole(version, f"{name} is not what was published")


def _not_whole(version: Path, what: str) -> ServingError:
    remedy = "copy it under a name that is no number, and rename it when the copy is complete"
    return ServingError(grpc.StatusCode.DATA_LOSS, f"version {version.name} is not whole: {what}; {remedy}")
