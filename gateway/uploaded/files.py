"""Uploaded images on the disk: `<folder>/<session>/<label>/<hash>.png`. No name there is a client's."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["png", "jpg"]

_UNLABELLED = ".unlabelled"
"""The trainer looks into no folder whose name begins with a dot."""
_MAGIC: tuple[tuple[bytes, Kind], ...] = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"))
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")


class StoredImage(msgspec.Struct, frozen=True):
    """An image that is to lie on the disk."""

    body: bytes
    sha256: str
    kind: Kind
    label: str | None

    def path(self, session: Path) -> Path:
        """Return its path below its session's folder."""
        return session / (self.label or _UNLABELLED) / f"{self.sha256}.{self.kind}"


def kind_of(body: bytes) -> Kind | None:
    """Return the kind of an image by its first bytes; None for one that is not kept, such as DICOM with its names."""
    return next((kind for magic, kind in _MAGIC if body.startswith(magic)), None)


def is_folder_name(label: str) -> bool:
    """Say whether a label can be a folder's name, here and wherever the folder is copied to."""
    return _FOLDER_NAME.fullmatch(label) is not None


def write(session: Path, images: Sequence[StoredImage]) -> None:
    """Write images, each whole or not at all, and on the disk when this returns.

    Raises:
        OSError: one could not be written; none of them is left.
    """
    try:
        for image in images:
            _write(image.path(session), image.body)
        for folder in {image.path(session).parent for image in images}:
            for each in (folder, session, session.parent):
                _sync(each)
    except OSError:
        remove(session, images)
        raise


def remove(session: Path, images: Sequence[StoredImage]) -> None:
    """Remove images, and the folders that are empty then."""
    with suppress(OSError):  # what is left is in no list, and counts for nothing
        for image in images:
            image.path(session).unlink(missing_ok=True)
        for folder in {image.path(session).parent for image in images}:
            folder.rmdir()
        session.rmdir()


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
