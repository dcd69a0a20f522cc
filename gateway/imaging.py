"""Bytes to pixels: the one place where an image is decoded and resized, for training and for serving alike.

A body is first walked in Python: magic bytes, then the chunks of a PNG (W3C PNG, third edition, section 5) or the
marker segments of a JPEG (ITU-T T.81, annex B). Only what is whole, of an allowed kind and within the pixel limit
reaches a C decoder: libjpeg-turbo for JPEG; for PNG libdeflate and, once the rows are proven, libpng (`png.py`). PIL
never decodes here; it only converts and resizes.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import simplejpeg
from imagecodecs import PngError, png_decode
from numpy.typing import NDArray
from PIL import Image

from gateway.png import MAGIC as _PNG_MAGIC
from gateway.png import Broken, rewrite

Mode = Literal["L", "RGB"]
Resample = Literal["box", "bilinear", "hamming", "bicubic", "lanczos"]
Reason = Literal["empty", "format", "truncated", "corrupt", "pixels"]

_CHANNELS: dict[Mode, int] = {"L": 1, "RGB": 3}
_RESAMPLE: dict[Resample, Image.Resampling] = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

_MAX_PARTS = 16_384  # chunks or segments
_JPEG_MAGIC = b"\xff\xd8\xff"
_JPEG_SOF = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive; all Huffman coded
_JPEG_OTHER_SOF = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_JPEG_BARE = {0xFF: 1, 0x01: 2, **dict.fromkeys(range(0xD0, 0xD8), 2)}  # fill bytes and markers without a segment
_JPEG_SOS, _JPEG_EOI = 0xDA, 0xD9
_GREY, _COLOUR = 1, 3  # components of a JPEG


class ImageError(ValueError):
    """A body that is not an image we accept; `reason` says which rule it broke."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True)
class ImageSpec:
    """The array that a model takes: the `image` object of its manifest."""

    mode: Mode
    """`L` (grey, 1 channel) or `RGB` (3 channels)."""
    height: int
    """Pixels."""
    width: int
    """Pixels."""
    resample: Resample
    """The filter of the resize, with antialiasing."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, _CHANNELS[self.mode]


class Header(NamedTuple):
    """What the walk over a body found."""

    format: Literal["PNG", "JPEG"]
    width: int
    height: int


def decode(body: bytes, spec: ImageSpec, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a PNG or JPEG and bring it to the size and mode of `spec`.

    16-bit samples keep their high byte, palettes are expanded, transparent pixels are laid over black, colour becomes
    grey by ITU-R 601 luma. A JPEG is decoded at the smallest DCT scale that is not below the wanted size.

    Args:
        body: the whole file.
        spec: the array wanted.
        max_pixels: width x height may be at most this, in pixels.

    Returns:
        uint8 `[height, width, channels]`, C-contiguous, read-only.

    Raises:
        ImageError: the body is empty, of another format, truncated, corrupt or too large.
    """
    header = inspect(body)
    if header.width * header.height > max_pixels:
        raise ImageError("pixels", f"image is {header.width}x{header.height} pixels; the limit is {max_pixels} in all")
    image = _decode_png(body) if header.format == "PNG" else _decode_jpeg(body, spec)
    return _fit(image, spec)


def inspect(body: bytes) -> Header:
    """Walk the structure of a PNG or JPEG without decoding it.

    Raises:
        ImageError: the body is empty, of another format, truncated or malformed.
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
        has_data = has_data or kind == b"IDAT"
        if kind == b"IEND":
            if not has_data:
                raise ImageError("corrupt", "PNG has no IDAT chunk")
            return header
        position += 12 + length
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
    position = 2
    for _ in range(_MAX_PARTS):
        if position + 4 > len(body):
            raise ImageError("truncated", f"JPEG ends after {len(body)} bytes, before its first scan")
        if body[position] != 0xFF:  # every marker begins so
            raise ImageError("corrupt", f"JPEG has no marker at byte {position}, where one must be")
        marker = body[position + 1]
        if marker in _JPEG_BARE:
            position += _JPEG_BARE[marker]
            continue
        length = int.from_bytes(body[position + 2 : position + 4], "big")
        if marker == _JPEG_EOI or length < 2:  # a length counts its own two bytes
            raise ImageError("corrupt", f"JPEG has a broken segment at byte {position}")
        if marker in _JPEG_OTHER_SOF:
            raise ImageError(
                "format", "JPEG is lossless, hierarchical or arithmetic-coded; save it as baseline JPEG or PNG"
            )
        if marker in _JPEG_SOF:
            if header is not None:
                raise ImageError("corrupt", "JPEG has a second frame header")
            header = _jpeg_header(body[position + 4 : position + 2 + length])
        if marker == _JPEG_SOS:
            return _finish_jpeg(body, position, header)
        position += 2 + length
    raise ImageError("corrupt", f"JPEG has more than {_MAX_PARTS} segments before its first scan")


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


def _finish_jpeg(body: bytes, scan: int, header: Header | None) -> Header:
    if header is None:
        raise ImageError("corrupt", "JPEG has a scan before its frame header")
    if body.rfind(b"\xff\xd9", scan) < 0:
        raise ImageError("truncated", f"JPEG ends after {len(body)} bytes, before its end marker")
    return header


def _decode_png(body: bytes) -> Image.Image:
    try:
        pixels = png_decode(rewrite(body))
    except (Broken, PngError) as error:
        raise ImageError("corrupt", f"PNG cannot be decoded: {error}") from error
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 4 and pixels[..., 3].min() == 255:  # opaque
        height, width, _ = pixels.shape
        return Image.frombuffer("RGB", (width, height), pixels, "raw", "RGBX", 0, 1)  # as PIL keeps RGB: one plain copy
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):  # grey or colour, with alpha
        pixels = _over_black(pixels[..., :-1], pixels[..., -1])
    pixels = pixels.squeeze(axis=2) if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return Image.fromarray(np.ascontiguousarray(pixels))


def _over_black(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    product = colour.astype(np.uint16) * alpha[..., np.newaxis]
    return ((product + 127) // 255).astype(np.uint8)


def _decode_jpeg(body: bytes, spec: ImageSpec) -> Image.Image:
    colourspace = "GRAY" if spec.mode == "L" else "RGB"
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            body, colorspace=colourspace, min_height=spec.height, min_width=spec.width
        )
    except ValueError as error:
        raise ImageError("corrupt", f"JPEG cannot be decoded: {error}") from error
    return Image.fromarray(pixels[..., 0] if spec.mode == "L" else pixels)


def _fit(image: Image.Image, spec: ImageSpec) -> NDArray[np.uint8]:
    if image.mode != spec.mode:
        image = image.convert(spec.mode)
    if image.size != (spec.width, spec.height):
        image = image.resize((spec.width, spec.height), _RESAMPLE[spec.resample])
    return np.asarray(image).reshape(spec.shape)
