"""Zips as people pack them, and as nobody should."""

import io
import re
import stat
import struct
import zipfile
from collections.abc import Mapping

END = struct.Struct("<4s4H2LH")


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of files by their paths."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return buffer.getvalue()


def with_link(path: str, target: str) -> bytes:
    """Return a zip of one symbolic link."""
    entry = zipfile.ZipInfo(path)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, target)
    return buffer.getvalue()


def encrypted(path: str, body: bytes) -> bytes:
    """Return a zip of one file that says of itself that it has a password."""
    whole = bytearray(packed({path: body}))
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    return bytes(whole)


def announcing_size(whole: bytes, size: int) -> bytes:
    """Return a zip whose files are all announced to unpack to so many bytes."""
    changed = bytearray(whole)
    for entry in re.finditer(b"PK\x01\x02", whole):
        struct.pack_into("<L", changed, entry.start() + 24, size)
    return bytes(changed)


def announcing_list(whole: bytes, size: int) -> bytes:
    """Return a zip whose end says that its list of entries has so many bytes."""
    start = whole.rindex(b"PK\x05\x06")
    fields = list(END.unpack_from(whole, start))
    fields[5] = size
    return whole[:start] + END.pack(*fields) + whole[start + END.size :]
