"""What libpng is given is proven first: it must never fail, and every pixel must be as it was posted."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagecodecs import png_decode

from gateway.imaging import ImageError, ImageSpec, decode
from gateway.png import Broken, rewrite
from tests.images import PNG_MAGIC, chunk, raw_png
from tests.processes import ROOT

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
KINDS = st.sampled_from([(colour, depth) for colour, depths in DEPTHS.items() for depth in depths])
SIDES = st.integers(1, 20)

POST_BROKEN_PNGS = """
import sys
from pathlib import Path
from gateway.imaging import ImageError, ImageSpec, decode
from tests.images import pixels, png, raw_png

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def refuse(body, times):
    for _ in range(times):
        try:
            decode(body, ImageSpec("RGB", 16, 16, "bilinear"), 10_000_000)
        except ImageError:
            continue
        raise AssertionError("it was accepted")

small, large = (bytearray(png(pixels(1, size))) for size in (8, 1500))
small[-20] ^= 1  # the checksum of the data
large[-20] ^= 1
short, odd, bare = raw_png(4, 4, bytes(2)), raw_png(4, 4, bytes([9, 0, 0, 0, 0]) * 4), raw_png(1, 1, bytes(2), colour=3)
before = sys.getrefcount(None)
for body in (bytes(small), short, odd, bare):
    refuse(body, 5_000)
lost = before - sys.getrefcount(None)
refuse(bytes(large), 2)
at_first = resident()
refuse(bytes(large), 20)
sys.stdout.write(f"{lost} {(resident() - at_first) // (1500 * 1500 * 3)}")
"""


def test_broken_images_leave_nothing_behind() -> None:
    """Twenty thousand of them take no reference from None, which would end Python, and keep no picture in memory."""
    command = [sys.executable, "-c", POST_BROKEN_PNGS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stderr[-500:]
    references, pictures = map(int, done.stdout.split())
    assert references < 100
    assert pictures < 5


@given(KINDS, SIDES, SIDES, st.data())
def test_every_pixel_is_as_it_was_posted(kind: tuple[int, int], width: int, height: int, data: st.DataObject) -> None:
    """Any kind of PNG, with any filters, palette, transparency and order of rows, decodes as if it were untouched."""
    (colour, depth), interlaced = kind, data.draw(st.booleans())
    rows = random_rows(width, height, CHANNELS[colour] * depth, data.draw(st.integers(0, 999)), interlaced=interlaced)
    entries = data.draw(st.integers(1, 1 << min(depth, 8)))
    extra = chunk(b"PLTE", bytes(range(256))[:3] * entries) if colour == 3 else b""
    if data.draw(st.booleans()) and colour < 4:
        length = {0: 2, 2: 6, 3: entries}[colour]
        extra += chunk(b"tRNS", data.draw(st.binary(min_size=length, max_size=length)))
    body = whole((width, height, depth, colour, 0, 0, int(interlaced)), extra, rows)

    expected, actual = png_decode(body), png_decode(rewrite(body))

    assert (expected.dtype, expected.shape) == (actual.dtype, actual.shape)
    assert np.array_equal(expected, actual)


@given(KINDS, st.data())
def test_libpng_accepts_whatever_is_handed_to_it(kind: tuple[int, int], data: st.DataObject) -> None:
    """Whatever stands between right checksums is refused before libpng sees it, or decoded by it."""
    colour, depth = kind
    width, height = data.draw(SIDES), data.draw(SIDES)
    rows = random_rows(width, height, CHANNELS[colour] * depth, data.draw(st.integers(0, 999)), interlaced=False)
    names = st.sampled_from([b"PLTE", b"tRNS", b"gAMA", b"sBIT", b"bKGD", b"cHRM", b"IDAT", b"abCd"])
    extra = b"".join(chunk(name, data.draw(st.binary(max_size=9))) for name in data.draw(st.lists(names, max_size=3)))
    fields = [width, height, depth, colour, 0, 0, 0]
    if data.draw(st.booleans()):
        fields[data.draw(st.integers(0, 6))] = data.draw(st.integers(1, 255))
    flaw = bytearray(rows)
    flaw[data.draw(st.integers(0, len(rows) - 1))] = data.draw(st.integers(0, 255))
    try:
        handed = rewrite(whole(tuple(fields), extra, bytes(flaw)))
    except Broken:
        return

    assert png_decode(handed).shape[:2] == (fields[1], fields[0])


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("colour type 5 with 8 bits", raw_png(1, 1, bytes(2), colour=5)),
        ("colour type 2 with 4 bits", raw_png(1, 1, bytes(4), colour=2, depth=4)),
        ("its methods are 0, 0 and 2", PNG_MAGIC + chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 2]))),
        ("1000001x1 pixels; a side may have 1000000", raw_png(1_000_001, 1, b"")),
        ("no single palette", raw_png(1, 1, bytes(2), colour=3)),
        ("inflates to 2 bytes; the image has 20", raw_png(4, 4, bytes(2))),
        ("cannot be inflated to 20 bytes", raw_png(4, 4, bytes(21))),
        ("a filter that does not exist", raw_png(1, 2, bytes([0, 0, 5, 0]))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_says_what_is_wrong(message: str, body: bytes) -> None:
    """Who posts a broken file learns what broke it."""
    if b"IDAT" not in body:
        body += chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(ImageError, match=message) as error:
        decode(body, ImageSpec("RGB", 16, 16, "bilinear"), 2_000_000)

    assert error.value.reason == "corrupt"


def whole(fields: tuple[int, ...], extra: bytes, rows: bytes) -> bytes:
    """Return a PNG of these fields of IHDR and these filtered rows."""
    parts = [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *fields))
    return PNG_MAGIC + header + extra + b"".join(chunk(name, data) for name, data in parts)


def random_rows(width: int, height: int, bits: int, seed: int, *, interlaced: bool) -> bytes:
    """Return random rows with random filters, in the standard's order for the Adam7 method (section 8.1)."""
    random = np.random.default_rng(seed)
    pattern = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"]
    table = np.array([[int(place) for place in line] for line in pattern])
    places = table[np.arange(height)[:, None] % 8, np.arange(width) % 8] if interlaced else np.ones((height, width))
    rows = bytearray()
    for number in range(1, 8):
        for line in places == number:
            if line.any():
                length = -(-int(line.sum()) * bits // 8)
                rows += bytes([random.integers(0, 5), *random.integers(0, 256, length).tolist()])
    return bytes(rows)
