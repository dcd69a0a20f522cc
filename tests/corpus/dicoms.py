"""DICOM files, and what can be wrong with one (PS3.5, PS3.10)."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from tests.corpus.case import Case, Verdict, flipped, overwritten
from tests.dicoms import dicom, hounsfield

_IMPLICIT, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
_ENDLESS = 0xFFFFFFFF


def odd() -> dict[str, bytes]:
    """Return a valid DICOM file of each kind, 40 pixels square."""
    random, colour = np.random.default_rng(23), (40, 40, 3)
    return {
        "unsigned": dicom(hounsfield(1)),
        "signed": dicom(hounsfield(2).astype(np.int16) - 1024, RescaleIntercept="0"),
        "12-bit": dicom(hounsfield(3), BitsStored=12, HighBit=11),
        "implicit": dicom(hounsfield(4), syntax=_IMPLICIT),
        "big endian": dicom(hounsfield(5), syntax="1.2.840.10008.1.2.2"),
        "inverted": dicom(hounsfield(6), PhotometricInterpretation="MONOCHROME1"),
        "steep": dicom(hounsfield(7), RescaleSlope="0.5", RescaleIntercept="-1200.5"),
        "8-bit": dicom(random.integers(0, 256, (40, 40), np.uint8)),
        "colour": dicom(random.integers(0, 256, colour, np.uint8), PlanarConfiguration=0),
        "colour planes": dicom(random.integers(0, 256, colour, np.uint8), PlanarConfiguration=1),
    }


def broken() -> Iterator[Case]:
    """Yield everything that is wrong with DICOM files."""
    for seed, (kind, body) in enumerate(odd().items()):
        name, random = f"{kind} DICOM", np.random.default_rng(seed)
        for end in sorted({129, 131, 132, 140, len(body) - 2, *random.integers(1, len(body) - 1, 12).tolist()}):
            yield Case(f"{name}, cut at {end}", body[:end], "refused")
        yield from flipped(name, body, 24, 400 + seed)
        yield from overwritten(name, body, 15, 500 + seed)
        yield from flipped(f"{name}'s header", body[:700], 12, 600 + seed)
    yield from _lying()
    yield from _bombs()


def _lying() -> Iterator[Case]:
    """Yield files whose elements contradict each other, or ask for what is not read."""
    pixels = hounsfield(8)
    refused: Verdict = "refused"
    lies: dict[str, dict[str, object]] = {
        "no rows": {"Rows": 0},
        "more rows": {"Rows": 41},
        "fewer rows": {"Rows": 39},
        "65535 pixels square": {"Rows": 65_535, "Columns": 65_535},
        "two frames": {"NumberOfFrames": "2", "PixelData": 2 * pixels.tobytes()},
        "no frames": {"NumberOfFrames": "0"},
        "three samples": {"SamplesPerPixel": 3},
        "YBR": {"PhotometricInterpretation": "YBR_FULL"},
        "palette": {"PhotometricInterpretation": "PALETTE COLOR"},
        "no such colour": {"PhotometricInterpretation": "INFRARED"},
        "32 bits": {"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31},
        "1 bit": {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0},
        "more bits than there are": {"BitsStored": 17, "HighBit": 16},
        "no bits": {"BitsStored": 0, "HighBit": 65_535},
        "high bit elsewhere": {"BitsStored": 12, "HighBit": 15},
        "flat": {"RescaleSlope": "0"},
        "slope beyond all": {"RescaleSlope": "1e999"},
        "empty pixels": {"PixelData": b""},
    }
    for name, elements in lies.items():
        yield Case(f"DICOM, {name}", dicom(pixels, **elements), refused)  # type: ignore[arg-type] # elements only
    for keyword in ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation", "RescaleSlope", "PixelData"):
        yield Case(f"DICOM without {keyword}", dicom(pixels, without=(keyword,)), refused)
    body = dicom(pixels)
    place = body.index(b"\xe0\x7f\x10\x00OW") + 8
    for length in (0, 1, 3198, 3202, 2**31, _ENDLESS - 1, _ENDLESS):
        yield Case(
            f"DICOM's pixels are {length} bytes", body[:place] + struct.pack("<I", length) + body[place + 4 :], refused
        )
    for syntax in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5", "1.2.3", _DEFLATED):
        yield Case(f"DICOM as {syntax}", with_syntax(body, syntax), refused)


def _bombs() -> Iterator[Case]:
    """Yield files that would take much memory or time."""
    head = with_syntax(dicom(hounsfield(9)), _IMPLICIT)
    end = head.index(b"\x08\x00\x16\x00")  # the first element that is not of the file's meta information
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    inflated = deflate.compress(bytes(10**8)) + deflate.flush()
    refused: Verdict = "refused"
    yield Case("10^8 deflated zeros in a DICOM file", with_syntax(head[:end], _DEFLATED) + inflated, refused)
    sequence = struct.pack("<HHI", 0x0008, 0x1032, _ENDLESS) + struct.pack("<HHI", 0xFFFE, 0xE000, _ENDLESS)
    for depth in (10, 1000, 100_000):
        yield Case(f"{depth} nested sequences", head[:end] + depth * sequence, refused)
    yield Case("a million empty elements", head[:end] + 10**6 * struct.pack("<HHI", 0x0009, 0x0010, 0), refused)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    yield Case("half a million empty items", head[:end] + sequence[:8] + 500_000 * item, refused)
    yield Case("a charset that is none", head[:end] + struct.pack("<HHI", 8, 5, 10**6) + bytes(10**6), refused)
    yield Case("only magic bytes", bytes(128) + b"DICM", refused)
    yield Case("magic bytes and zeros", bytes(128) + b"DICM" + bytes(10**6), refused)


def with_syntax(body: bytes, syntax: str) -> bytes:
    """Return a file that announces another transfer syntax; the rest stays as it is."""
    place = body.index(b"\2\0\x10\0UI")
    length = int.from_bytes(body[place + 6 : place + 8], "little")
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    return body[: place + 6] + struct.pack("<H", len(value)) + value + body[place + 8 + length :]
