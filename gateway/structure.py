"""The structure of a PNG or JPEG, walked in Python before any C decoder sees the file.

A PNG is a sequence of chunks (W3C PNG, third edition, section 5), a JPEG one of marker segments and scans (ITU-T T.81,
annex B). What passes is whole, holds one picture of an allowed kind, and ends where its picture ends: a file that is
something else besides (an archive, a page, a second picture) is refused.
"""

import re
from typing import Literal, NamedTuple

from gateway.png import MAGIC as _PNG_MAGIC

Reason = Literal["empty", "format", "truncated", "corrupt", "pixels", "dicom-invalid", "dicom-unsupported"]

_MAX_PARTS = 16_384  # chunks or segments
_JPEG_MAGIC = b"\xff\xd8\xff"
_JPEG_SOF = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive; all Huffman coded
_JPEG_OTHER_SOF = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_JPEG_BARE = {0xFF: 1, 0x01: 2, **dict.fromkeys(range(0xD0, 0xD8), 2)}  # fill bytes and markers without a segment
_JPEG_SOS, _JPEG_EOI = 0xDA, 0xD9
MAGICS = (_PNG_MAGIC, _JPEG_MAGIC)
"""What a body begins with that is walked here, whatever else it looks like."""
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # the first marker after a scan that is no restart
_MAX_SCANS = 100  # ten are usual; each is decoded over the whole picture, so thousands of them would take for ever
_GREY, _COLOUR = 1, 3  # components of a JPEG


class ImageError(ValueError):
    """A body that is not an image we accept; `reason` says which rule it broke."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class Header(NamedTuple):
    """What the walk over a body found."""

    format: Literal["PNG", "JPEG"]
    width: int
    height: int


def inspect(body: bytes) -> Header:
    """Walk the structure of a PNG or JPEG without decoding it.

    Raises:
        ImageError: the body is empty, of another format, truncated, malformed or more than one picture.
    """
    if not body:
        raise ImageError("empty", "the body is empty; send a PNG or JPEG image")
    if body.startswith(_PNG_MAGIC):
        return _walk_png(body)
    if body.startswith(_JPEG_MAGIC):
        return _walk_jpeg(body)
    raise ImageError("format", f"the body begins with {body[:8].hex(' ')}; PNG and JPEG images are accepted")


def _walk_png(body: bytes) -> Header:
    header: Header | None = None
    has_data = False
    position = len(_PNG_MAGIC)
    for _ in range(_MAX_PARTS):
        if position + 12 > len(body):
            raise ImageError("truncated", f"PNG ends after {len(body)} bytes, before its IEND chunk")
        length = int.from_bytes(body[position : position + 4], "big")
        kind = body[position + 4 : position + 8]
        if position + 12 + length > len(body):
            raise ImageError("truncated", f"PNG ends after {len(body)} bytes, inside a chunk of {length} bytes")
        if header is None:
            header = _png_header(kind, body[position + 8 : position + 8 + length])
        elif kind == b"IHDR":
            raise ImageError("corrupt", "PNG has a second IHDR chunk")
        elif kind == b"acTL":
            raise ImageError("format", "PNG is animated; send one picture")
        has_data = has_data or kind == b"IDAT"
        position += 12 + length
        if kind == b"IEND":
            if not has_data:
                raise ImageError("corrupt", "PNG has no IDAT chunk")
            _refuse_more("PNG", body, position)
            return header
    raise ImageError("corrupt", f"PNG has more than {_MAX_PARTS} chunks")


def _png_header(kind: bytes, data: bytes) -> Header:
    if kind != b"IHDR" or len(data) != 13:  # the length that the standard gives
        raise ImageError("corrupt", "PNG does not begin with an IHDR chunk of 13 bytes")
    width, height = int.from_bytes(data[0:4], "big"), int.from_bytes(data[4:8], "big")
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise ImageError("corrupt", f"PNG says that it is {width}x{height} pixels")
    return Header("PNG", width, height)


def _walk_jpeg(body: bytes) -> Header:
    header: Header | None = None
    position, scans = 2, 0
    for _ in range(_MAX_PARTS):
        if position + 4 > len(body) and body[position : position + 2] != b"\xff\xd9":
            raise ImageError("truncated", f"JPEG ends after {len(body)} bytes, before its end marker")
        if body[position] != 0xFF:  # every marker begins so
            raise ImageError("corrupt", f"JPEG has no marker at byte {position}, where one must be")
        marker = body[position + 1]
        if marker in _JPEG_BARE:
            position += _JPEG_BARE[marker]
            continue
        if marker == _JPEG_EOI and header is not None and scans:
            _refuse_more("JPEG", body, position + 2)
            return header
        length = int.from_bytes(body[position + 2 : position + 4], "big")
        if marker == _JPEG_EOI or length < 2:  # a length counts its own two bytes
            raise ImageError("corrupt", f"JPEG has a broken segment at byte {position}")
        header = _note_frame(marker, body[position + 4 : position + 2 + length], header)
        position += 2 + length
        if marker == _JPEG_SOS:
            scans += 1
            position = _end_of_scan(body, position, header, scans)
    raise ImageError("corrupt", f"JPEG has more than {_MAX_PARTS} segments")


def _note_frame(marker: int, segment: bytes, header: Header | None) -> Header | None:
    """Return the header that is known after a segment."""
    if marker in _JPEG_OTHER_SOF:
        raise ImageError(
            "format", "JPEG is lossless, hierarchical or arithmetic-coded; save it as baseline JPEG or PNG"
        )
    if marker not in _JPEG_SOF:
        return header
    if header is not None:
        raise ImageError("corrupt", "JPEG has a second frame header")
    return _jpeg_header(segment)


def _jpeg_header(segment: bytes) -> Header:
    if len(segment) < 6:  # precision, height, width and count of components
        raise ImageError("truncated", "JPEG ends inside its frame header")
    precision, components = segment[0], segment[5]
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if precision != 8 or components not in (_GREY, _COLOUR):  # bits
        raise ImageError(
            "format", f"JPEG has {components} components of {precision} bits; 1 or 3 of 8 bits are accepted"
        )
    if not (width and height):
        raise ImageError("corrupt", f"JPEG says that it is {width}x{height} pixels")
    return Header("JPEG", width, height)


def _end_of_scan(body: bytes, data: int, header: Header | None, scans: int) -> int:
    """Return where the marker stands that ends the coded data beginning at `data`."""
    if header is None:
        raise ImageError("corrupt", "JPEG has a scan before its frame header")
    if scans > _MAX_SCANS:
        raise ImageError("corrupt", f"JPEG has more than {_MAX_SCANS} scans")
    end = _SCAN_END.search(body, data)
    if end is None:
        raise ImageError("truncated", f"JPEG ends after {len(body)} bytes, before its end marker")
    return end.start()


def _refuse_more(kind: Literal["PNG", "JPEG"], body: bytes, end: int) -> None:
    """See that nothing follows the end of a picture but zeros, with which some programs fill up."""
    more = len(body) - end
    if body.count(0, end) != more:
        raise ImageError("corrupt", f"{kind} is followed by {more} bytes that are no part of it; save it anew")
