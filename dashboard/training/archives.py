"""A zip of images, opened with care: what it says of itself is judged before anything is unpacked.

It is never written to a disk, and no image in it is decoded. Refused are what CWE-409 (a file that unpacks to far more
than it is), CWE-22 (names that lead elsewhere) and links are about. The layout is that of PKWARE's APPNOTE.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import Final

import msgspec

MAX_MB: Final = 100
"""Of a zip, as it is; the page that takes it sees to that."""
MAX_FILES: Final = 5_000
_MAX_DIRECTORY: Final = 2_000_000
"""Bytes of the list of entries, which the library reads whole; 5,000 entries with names of 300 bytes have less."""
_MAX_UNPACKED: Final = 200_000_000
_MAX_FILE: Final = 10_000_000
"""Bytes; the gateway refuses larger images by default."""
_MAX_RATIO: Final = 100
"""What PNG and JPEG cannot be packed to: they are packed already."""
_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\x05\x06"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_LOCATOR_BYTES: Final = 20
_LONGEST_COMMENT: Final = 65_535
_PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_SHOWN: Final = 80  # characters of a name
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError)


class ArchiveRefused(ValueError):
    """The zip is broken, or more than the console opens; the message names the value, the limit and the remedy."""


class Member(msgspec.Struct, frozen=True):
    """A file in a zip."""

    path: str
    """With `/` between folders."""
    body: bytes


def open_archive(body: bytes) -> list[Member]:
    """Return the files of a zip, without hidden ones.

    Raises:
        ArchiveRefused: nothing of it is to be used.
    """
    _check_directory(body)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_hidden(entry.filename)]
            _check_sizes(entries)
            for entry in entries:
                _check_entry(entry)
            return [Member(entry.filename, _read(archive, entry)) for entry in entries]
    except ArchiveRefused:
        raise
    except _BROKEN as error:
        raise ArchiveRefused("the zip is broken, or of a kind that is not opened; pack the folder anew") from error


def _check_directory(body: bytes) -> None:
    """Judge the list of entries by its own end, before the library reads all of it."""
    start = body.rfind(_END_SIGNATURE, -(_END.size + _LONGEST_COMMENT))
    if start < 0 or len(body) - start < _END.size:
        raise ArchiveRefused("the file is no zip, or only a part of one; pack the folder anew")
    if body[max(0, start - _LOCATOR_BYTES) : start].startswith(_ZIP64_LOCATOR):
        raise ArchiveRefused("the zip is of the kind for more than 4 GB (Zip64); pack the folder in several zips")
    _, _, _, _, entries, size, _, _ = _END.unpack_from(body, start)
    if entries > MAX_FILES:
        raise ArchiveRefused(f"the zip has {entries:,} entries; the limit is {MAX_FILES:,}: pack several zips")
    if size > _MAX_DIRECTORY:
        raise ArchiveRefused(
            f"the list of files has {size:,} bytes; the limit is {_MAX_DIRECTORY:,}: pack several zips"
        )


def _check_sizes(entries: Iterable[zipfile.ZipInfo]) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _MAX_UNPACKED:
        size, limit = unpacked / 1e6, _MAX_UNPACKED / 1e6
        raise ArchiveRefused(f"the zip unpacks to {size:,.0f} MB; the limit is {limit:,.0f} MB: pack several zips")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Judge an entry by what the list says of it."""
    name = entry.filename[:_SHOWN]
    if _leads_elsewhere(entry.filename):
        raise ArchiveRefused(f"the zip has a file called {name!r}, which leads out of its folder; pack the folder anew")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ArchiveRefused(f"{name!r} in the zip is a link; pack the images themselves")
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveRefused(f"{name!r} in the zip has a password; pack the folder without one")
    if entry.compress_type not in _PACKED:
        raise ArchiveRefused(f"{name!r} in the zip is packed in an unusual way; pack the folder as usual (deflate)")
    if entry.file_size > _MAX_FILE:
        raise ArchiveRefused(f"{name!r} has {entry.file_size / 1e6:,.0f} MB; the limit is {_MAX_FILE / 1e6:,.0f} MB")
    if entry.file_size > _MAX_RATIO * max(entry.compress_size, 1):
        raise ArchiveRefused(f"{name!r} unpacks to more than {_MAX_RATIO} times its size, as no image does; remove it")


def _leads_elsewhere(path: str) -> bool:
    return "\\" in path or ":" in path or any(part in {"", ".", ".."} for part in path.split("/"))


def _is_hidden(path: str) -> bool:
    """Say whether a file is one that systems leave beside those of people; `..` is none, and is judged."""
    parts = path.split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part not in {".", ".."} for part in parts)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Unpack no more than was announced: at its end the library compares the checksum."""
    with archive.open(entry) as file:
        return file.read(entry.file_size + 1)
