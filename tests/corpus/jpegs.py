"""JPEGs of every kind, and what can be wrong with one (ITU-T T.81)."""

import base64
import struct
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import simplejpeg
from imagecodecs import jpeg8_encode, ljpeg_encode

from tests.corpus.case import Case, Verdict, cut, flipped, overwritten
from tests.images import jpeg, pixels

_PROGRESSIVE = """
/9j/4AAQSkZJRgABAQEBLAEsAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0o
MCUoKSj/wgALCAAwACgBAREA/8QAGAABAQEBAQAAAAAAAAAAAAAAAAUEAwf/2gAIAQEAAAAB81NvCqUslMLYWwtB/8QAGxABAQADAQEBAAAAAAAA
AAAAABMBAgMEEiH/2gAIAQEAAQUCmmm18W2cdPPnnmaabX817a/W000000000000000000003//EABsQAAIBBQAAAAAAAAAAAAAAAAERAAIQICFA
/9oACAEBAAY/ArguncRWA5v/xAAZEAEBAQEBAQAAAAAAAAAAAAAAcQERITH/2gAIAQEAAT8hlKWHOGO/dZHq3c74lKXOPueZjm7nviUpSlKUpSlK
UpSlKUv/2gAIAQEAAAAQ8H/wf//EAB4QAQEAAQMFAAAAAAAAAAAAAAERABAgUSFAQWFx/9oACAEBAAE/ENQBawAaAl4x2uqDUlTyHGwBsQRS+sCS
ASn17UAAAAAAP//Z
"""
"""Of 40 x 48 grey pixels in six scans, by TensorFlow's encoder; those at hand write no progressive ones."""

_FRAME = b"\xff\xc0"


@cache
def progressive() -> bytes:
    """Return a progressive JPEG, 40 pixels wide and 48 high."""
    return base64.b64decode(_PROGRESSIVE)


def odd() -> dict[str, bytes]:
    """Return a valid JPEG of each kind."""
    colour = pixels(7, 40)
    plain = jpeg(colour)
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 2000) + bytes(2000)
    return {
        "grey": jpeg(pixels(8, 40, 1)),
        "colour": plain,
        "coarse": jpeg(colour, quality=5),
        "subsampled": bytes(jpeg8_encode(colour, 80, subsampling="420")),
        "progressive": progressive(),
        "commented": plain[:2] + comment + plain[2:],
        "fill bytes": plain[:2] + b"\xff\xff\xff" + plain[2:],
    }


def markers(body: bytes) -> list[int]:
    """Return where the segments of a JPEG begin, up to the first scan's data."""
    found, position = [0], 2
    while body[position + 1] != 0xDA:
        found.append(position)
        position += 1 if body[position + 1] == 0xFF else 2 + int.from_bytes(body[position + 2 : position + 4], "big")
    return [*found, position, position + 2 + int.from_bytes(body[position + 2 : position + 4], "big")]


def broken() -> Iterator[Case]:
    """Yield everything that is wrong with JPEGs."""
    for seed, (kind, body) in enumerate(odd().items()):
        name, places = f"{kind} JPEG", set(markers(body))
        random = {int(place) for place in np.random.default_rng(seed).integers(3, len(body), 12)}
        yield from cut(name, body, {*places, *(place + 2 for place in places), *random, len(body) - 1})
        yield from flipped(name, body, 48, 200 + seed)
        yield from overwritten(name, body, 20, 300 + seed)
        yield from _lying_segments(name, body)
    yield from _lying_frame(odd()["colour"])
    yield from _other_kinds()
    yield from _bombs()


def _lying_segments(name: str, body: bytes) -> Iterator[Case]:
    """Yield copies in which a segment has another length or another marker, or is missing or there twice."""
    places = markers(body)[1:]
    for begin, end in pairwise(places):
        if body[begin + 1] == 0xFF:
            continue
        for length in (0, 1, 2, end - begin - 3, end - begin - 1, 65_535):
            lie = body[: begin + 2] + struct.pack(">H", length) + body[begin + 4 :]
            yield Case(f"{name}, segment at {begin} says {length}", lie, "either")
        for marker in (0x00, 0xC4, 0xD8, 0xD9, 0xDC, 0xDD, 0xDE):
            lie = body[: begin + 1] + bytes([marker]) + body[begin + 2 :]
            yield Case(f"{name}, segment at {begin} is marked {marker:x}", lie, "either")
        yield Case(f"{name}, without the segment at {begin}", body[:begin] + body[end:], "either")
        yield Case(f"{name}, segment at {begin} twice", body[:end] + body[begin:], "either")


def _lying_frame(body: bytes) -> Iterator[Case]:
    frame = body.index(_FRAME)
    for place, values in ((4, (1, 2, 12, 16)), (9, (0, 2, 4, 5, 255)), (10, (2, 9)), (11, (0x00, 0x15, 0xFF))):
        for value in values:
            lie = body[: frame + place] + bytes([value]) + body[frame + place + 1 :]
            verdict: Verdict = "refused" if place < 10 else "either"
            yield Case(f"the frame's byte {place} is {value}", lie, verdict)
    for side in (0, 65_535):
        lie = body[: frame + 5] + struct.pack(">HH", side, side) + body[frame + 9 :]
        yield Case(f"the frame is {side} pixels square", lie, "refused")
    for side in (39, 41, 48, 400):
        lie = body[: frame + 5] + struct.pack(">HH", side, side) + body[frame + 9 :]
        yield Case(f"the frame is {side} pixels square", lie, "either")
    for marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF):
        lie = body[: frame + 1] + bytes([marker]) + body[frame + 2 :]
        yield Case(f"the frame is of kind {marker:x}", lie, "refused")


def _other_kinds() -> Iterator[Case]:
    """Yield JPEGs that are whole and of a kind that is not accepted."""
    wide = np.random.default_rng(5).integers(0, 4096, (40, 40), np.uint16)
    yield Case("CMYK JPEG", bytes(simplejpeg.encode_jpeg(pixels(9, 40, 4), colorspace="CMYK")), "refused")
    yield Case("12-bit JPEG", bytes(jpeg8_encode(wide, 90, bitspersample=12)), "refused")
    yield Case("lossless JPEG", bytes(jpeg8_encode(pixels(9, 40), lossless=True)), "refused")
    yield Case("lossless JPEG of 12 bits", bytes(ljpeg_encode(wide, bitspersample=12)), "refused")
    one, two = jpeg(pixels(1, 40)), jpeg(pixels(2, 40))
    index = b"MPF\0MM\0\x2a\0\0\0\x08" + bytes(70)
    first = one[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(index)) + index + one[2:]
    yield Case("MPO of two pictures", first + two, "refused")
    yield Case("two JPEGs", one + two, "refused")


def _bombs() -> Iterator[Case]:
    """Yield small files that would take much memory or time."""
    grey, several = jpeg(pixels(8, 40, 1)), progressive()
    last = several.rindex(b"\xff\xda")
    frame = several.index(b"\xff\xc2")
    for scans, side in ((95, 4096), (200, 4096), (20_000, 4096), (5_000, 65_535)):
        large = several[: frame + 5] + struct.pack(">HH", side, side) + several[frame + 9 : last]
        yield Case(f"{side} pixels square in {scans} scans", large + scans * several[last:-2] + several[-2:], "refused")
    yield Case("20000 comments", grey[:2] + 20_000 * b"\xff\xfe\0\2" + grey[2:], "refused")
    yield Case("a megabyte of fill bytes", grey[:2] + 10**6 * b"\xff" + grey[2:], "refused")
    yield Case("restarts without end", grey[:-2] + 10**5 * b"\xff\xd0" + grey[-2:], "either")
