"""One decoder, for training and serving alike."""

import io

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.imaging import ImageError, ImageSpec, Mode, decode, inspect
from tests.images import PNG_MAGIC, chunk, jpeg, pixels, png, raw_png

GREY = ImageSpec("L", 16, 24, "bilinear")
COLOUR = ImageSpec("RGB", 16, 24, "bilinear")
LIMIT = 1_000_000
PALETTE = chunk(b"PLTE", bytes([10, 20, 30, 200, 210, 220]))


@pytest.mark.parametrize(
    ("name", "body", "colour"),
    [
        ("grey", raw_png(1, 1, b"\0\x12"), (18, 18, 18)),
        ("one bit grey", raw_png(1, 1, b"\0\x80", depth=1), (255, 255, 255)),
        ("16 bit grey keeps the high byte", raw_png(1, 1, b"\0\x12\xff", depth=16), (18, 18, 18)),
        ("RGB", raw_png(1, 1, b"\0\1\2\3", colour=2), (1, 2, 3)),
        ("16 bit RGB", raw_png(1, 1, b"\0\1\xff\2\xff\3\xff", colour=2, depth=16), (1, 2, 3)),
        ("palette", raw_png(1, 1, b"\0\1", colour=3, extra=PALETTE), (200, 210, 220)),
        (
            "transparent palette entry",
            raw_png(1, 1, b"\0\0", colour=3, extra=PALETTE + chunk(b"tRNS", b"\0")),
            (0, 0, 0),
        ),
        ("grey and alpha lies over black", raw_png(1, 1, b"\0\xc8\x80", colour=4), (100, 100, 100)),
        ("opaque RGBA", raw_png(1, 1, b"\0\1\2\3\xff", colour=6), (1, 2, 3)),
        ("clear RGBA", raw_png(1, 1, b"\0\1\2\3\0", colour=6), (0, 0, 0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_png_becomes_8_bit_colour(name: str, body: bytes, colour: tuple[int, int, int]) -> None:
    """Depth, palette and transparency are resolved before the model sees anything."""
    decoded = decode(body, ImageSpec("RGB", 1, 1, "bilinear"), LIMIT)

    assert colour == tuple(decoded.ravel().tolist()), name


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_array_is_pillows_conversion_and_resize(mode: Mode) -> None:
    """Grey by ITU-R 601 and an antialiased bilinear resize, as Pillow documents them."""
    array = pixels(3, 60)
    spec = ImageSpec(mode, 16, 24, "bilinear")

    reference = Image.fromarray(array).convert(mode).resize((24, 16), Image.Resampling.BILINEAR)

    assert np.array_equal(np.asarray(reference).reshape(spec.shape), decode(png(array), spec, LIMIT))


def test_a_jpeg_is_close_to_the_picture_it_was_made_of() -> None:
    """A JPEG goes another way than a PNG, and arrives at the same picture."""
    smooth = np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)

    difference = decode(jpeg(smooth), COLOUR, LIMIT).astype(int) - decode(png(smooth), COLOUR, LIMIT)

    assert np.abs(difference).max() <= 12


def test_a_grey_jpeg_and_a_colour_jpeg_serve_both_modes() -> None:
    """The mode of the file does not need to be the mode of the model."""
    shapes = {
        decode(jpeg(pixels(1, 40, channels)), spec, LIMIT).shape for channels in (1, 3) for spec in (GREY, COLOUR)
    }

    assert {(16, 24, 1), (16, 24, 3)} == shapes


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("empty", b""),
        ("format", b"GIF89a" + bytes(40)),
        ("format", b"hello"),
        ("truncated", png(pixels(1))[:-1]),
        ("truncated", png(pixels(1))[:200]),
        ("truncated", PNG_MAGIC),
        ("truncated", jpeg(pixels(1))[:-2]),
        ("truncated", jpeg(pixels(1))[:100]),
        ("truncated", b"\xff\xd8\xff"),
        ("corrupt", PNG_MAGIC + chunk(b"IDAT", b"") + chunk(b"IEND", b"")),
        ("corrupt", raw_png(0, 5, b"")),
        ("corrupt", raw_png(4, 4, b"\0\1")),
        ("corrupt", PNG_MAGIC + 20_000 * chunk(b"IHDR", bytes(13))),
        ("corrupt", b"\xff\xd8\xff" + b"\xff" * 50_000),
        ("pixels", raw_png(1001, 1000, b"")),
    ],
)
def test_what_is_no_whole_image_is_refused_with_its_reason(reason: str, body: bytes) -> None:
    """The walk finds it, or the decoder does; neither crashes."""
    with pytest.raises(ImageError) as error:
        decode(body, GREY, LIMIT)

    assert reason == error.value.reason


def test_a_png_with_one_wrong_bit_is_refused() -> None:
    """Checksums are verified."""
    body = bytearray(png(pixels(2)))
    body[len(body) // 2] ^= 1

    with pytest.raises(ImageError) as error:
        decode(bytes(body), GREY, LIMIT)

    assert error.value.reason == "corrupt"


def test_a_cmyk_jpeg_is_refused_by_its_header() -> None:
    """Its colours would be guesswork."""
    body = bytearray(jpeg(pixels(1)))
    frame = body.index(b"\xff\xc0")
    body[frame + 9] = 4  # components

    with pytest.raises(ImageError, match="4 components"):
        inspect(bytes(body))


@pytest.mark.parametrize("marker", [0xC3, 0xC9, 0xCA], ids=["lossless", "arithmetic", "progressive arithmetic"])
def test_rare_kinds_of_jpeg_are_refused_by_their_header(marker: int) -> None:
    """The decoder never sees them."""
    body = bytearray(jpeg(pixels(1)))
    body[body.index(b"\xff\xc0") + 1] = marker

    with pytest.raises(ImageError) as error:
        inspect(bytes(body))

    assert error.value.reason == "format"


@given(st.sampled_from([png(pixels(5)), jpeg(pixels(5))]), st.data())
def test_no_cut_and_no_flipped_byte_raises_anything_else(body: bytes, data: st.DataObject) -> None:
    """Whatever bytes are posted, the answer is an image or an ImageError."""
    cut = data.draw(st.integers(0, len(body)))
    place = data.draw(st.integers(0, len(body) - 1))
    flipped = bytearray(body[:cut])
    if place < cut:
        flipped[place] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode(bytes(flipped), GREY, LIMIT)
    except ImageError:
        return

    assert GREY.shape == decoded.shape


def test_pil_cannot_decode_a_jpeg_where_it_is_pillow_simd() -> None:
    """Pillow-SIMD is built without its JPEG decoder, which lacks security fixes."""
    if "post" not in PIL.__version__:
        pytest.skip("PIL is the Pillow wheel here: Pillow-SIMD could not be built")
    with pytest.raises(OSError, match="decoder jpeg not available"):
        Image.open(io.BytesIO(jpeg(pixels(1)))).load()
