"""Writes TFRecord files, for tests of who reads them."""

import struct
from collections.abc import Iterable
from pathlib import Path

import google_crc32c


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """Write each record as length, its masked checksum, data, its masked checksum."""
    parts = []
    for record in records:
        for part in (struct.pack("<Q", len(record)), record):
            crc = google_crc32c.value(part)
            parts += [part, struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)]
    path.write_bytes(b"".join(parts))
