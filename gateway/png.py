"""A posted PNG, taken apart and written anew, so that libpng is never given what it could fail on.

`imagecodecs.png_decode` (2026.3.6) leaves libpng's errors by a long jump over Cython's bookkeeping: each broken image
would keep its whole picture in memory for ever and take a reference from None, until Python ends with a fatal error.
So all that libpng checks is checked here first, and the compressed rows are inflated by libdeflate, which returns its
errors and is twice as fast as zlib. What libpng gets is a file of ours, with the same rows, stored uncompressed.
Sections: W3C PNG, third edition.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from imagecodecs import DeflateError, deflate_adler32, deflate_crc32, deflate_decode

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOUR, _PALETTE = 0, 2, 3  # colour types, section 11.2.1
_CHANNELS: Final = {_GREY: 1, _COLOUR: 3, _PALETTE: 1, 4: 2, 6: 4}
_DEPTHS: Final = {_GREY: (1, 2, 4, 8, 16), _COLOUR: (8, 16), _PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_FILTERS: Final = 5  # section 9.2
_LONGEST: Final = 1_000_000  # pixels: libpng's own limit for each side
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_STORED: Final = 65_535  # bytes in a stored block of DEFLATE, RFC 1951 section 3.2.4


class Broken(ValueError):
    """A PNG that cannot be decoded; the message says why."""


class Head(NamedTuple):
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filtering: int
    interlaced: int


def rewrite(body: bytes) -> bytes:
    """Return a PNG of the same pixels that libpng decodes without an error.

    Args:
        body: a PNG whose chunks are known to lie within it, the first of them an IHDR of 13 bytes. The caller has
            compared width and height with its limit: memory for the rows is taken here.

    Raises:
        Broken: a checksum, a length or a value is wrong, or the rows do not fill the image.
    """
    parts = _critical(body)
    head = Head(*struct.unpack(">IIBBBBB", parts[b"IHDR"][0]))
    _check(head)
    palette = _palette(head, parts.get(b"PLTE", []))
    rows = _inflate(b"".join(parts.get(b"IDAT", [])), list(_passes(head)))
    return b"".join(
        [
            MAGIC,
            *_chunk(b"IHDR", parts[b"IHDR"]),
            *(_chunk(b"PLTE", [palette]) if palette else ()),
            *_transparency(head, palette, parts.get(b"tRNS", [])),
            *_chunk(b"IDAT", _stored(rows)),
            *_chunk(b"IEND", []),
        ]
    )


def _critical(body: bytes) -> dict[bytes, list[memoryview]]:
    """Return the data of the chunks that decide about pixels; PLTE and tRNS count before the first IDAT only."""
    view = memoryview(body)
    parts: dict[bytes, list[memoryview]] = {}
    position = len(MAGIC)
    while (kind := body[position + 4 : position + 8]) != b"IEND":
        end = position + 8 + int.from_bytes(body[position : position + 4], "big")
        if kind in {b"IHDR", b"IDAT"} or (kind in {b"PLTE", b"tRNS"} and b"IDAT" not in parts):
            if _crc32(view[position + 4 : end]) != int.from_bytes(body[end : end + 4], "big"):
                raise Broken(f"the checksum of its {kind.decode()} chunk at byte {position} is wrong")
            parts.setdefault(kind, []).append(view[position + 8 : end])
        position = end + 4
    return parts


def _check(head: Head) -> None:
    if head.depth not in _DEPTHS.get(head.colour, ()):
        raise Broken(f"there is no PNG of colour type {head.colour} with {head.depth} bits")
    if head.compression or head.filtering or head.interlaced > 1:
        raise Broken(f"its methods are {head.compression}, {head.filtering} and {head.interlaced}; none is known")
    if max(head.width, head.height) > _LONGEST:
        raise Broken(f"it is {head.width}x{head.height} pixels; a side may have {_LONGEST} at most")


def _palette(head: Head, found: list[memoryview]) -> memoryview | None:
    if head.colour != _PALETTE:
        return None  # a suggestion, section 11.2.2
    if len(found) != 1 or len(found[0]) % 3 or not 3 <= len(found[0]) <= 768:
        raise Broken("it has no single palette of 1 to 256 colours before its data")
    return found[0][: 3 << head.depth]


def _transparency(head: Head, palette: memoryview | None, found: list[memoryview]) -> list[bytes | memoryview]:
    """Return the tRNS chunk, or nothing where it has a wrong length or no meaning: decoders pass over it (13.1)."""
    lengths = {_GREY: range(2, 3), _COLOUR: range(6, 7), _PALETTE: range(1, len(palette or b"") // 3 + 1)}
    if len(found) != 1 or len(found[0]) not in lengths.get(head.colour, ()):
        return []
    return _chunk(b"tRNS", found)


def _passes(head: Head) -> Iterator[tuple[int, int]]:
    """Yield rows and bytes in a row, the filter's byte included, of each pass (section 8.1)."""
    bits = _CHANNELS[head.colour] * head.depth
    for x, y, across, down in _ADAM7 if head.interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(head.width - x) // across), -(-(head.height - y) // down)
        if columns > 0 and rows > 0:
            yield rows, 1 + (columns * bits + 7) // 8


def _inflate(data: bytes, passes: list[tuple[int, int]]) -> memoryview:
    size = sum(rows * length for rows, length in passes)
    try:
        raw = deflate_decode(data, out=size)
    except (DeflateError, ValueError) as error:
        raise Broken(f"its data cannot be inflated to {size} bytes: {error}") from error
    if len(raw) != size:
        raise Broken(f"its data inflates to {len(raw)} bytes; the image has {size}")
    filters, start = np.frombuffer(raw, np.uint8), 0
    for rows, length in passes:
        if filters[start : start + rows * length : length].max() >= _FILTERS:
            raise Broken("one of its rows has a filter that does not exist")
        start += rows * length
    return memoryview(raw)


def _stored(rows: memoryview) -> list[bytes | memoryview]:
    """Return a zlib stream (RFC 1950) that holds the rows as they are."""
    stream: list[bytes | memoryview] = [b"\x78\x01"]
    for start in range(0, len(rows), _STORED):
        block = rows[start : start + _STORED]
        last = start + _STORED >= len(rows)
        stream += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    return [*stream, struct.pack(">I", deflate_adler32(rows))]  # type: ignore[arg-type] # as below


def _chunk(kind: bytes, data: list[bytes | memoryview] | list[memoryview]) -> list[bytes | memoryview]:
    checksum = _crc32(kind)
    for part in data:
        checksum = _crc32(part, checksum)
    return [struct.pack(">I", sum(map(len, data))), kind, *data, struct.pack(">I", checksum)]


def _crc32(data: bytes | memoryview, before: int = 0) -> int:
    return int(deflate_crc32(data, value=before))  # type: ignore[arg-type] # it takes any buffer
