"""Bytes to pixels: the one place where an image is decoded and resized, for training and for serving alike.

A body is first walked in Python (`structure.py`). Only what is whole, of an allowed kind and within the pixel limit
reaches a C decoder: libjpeg-turbo for JPEG; for PNG libdeflate and, once the rows are proven, libpng (`png.py`). PIL
never decodes here; it only converts and resizes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import simplejpeg
from imagecodecs import PngError, png_decode
from numpy.typing import NDArray
from PIL import Image

from gateway.appearance import APPEARANCE, appearance
from gateway.png import Broken, rewrite
from gateway.structure import Header, ImageError, Reason, inspect

__all__ = [
    "APPEARANCE",
    "Header",
    "ImageError",
    "ImageSpec",
    "Mode",
    "Reason",
    "Resample",
    "appearance",
    "decode",
    "fit",
    "inspect",
]

Mode = Literal["L", "RGB"]
Resample = Literal["box", "bilinear", "hamming", "bicubic", "lanczos"]

_CHANNELS: dict[Mode, int] = {"L": 1, "RGB": 3}
_RESAMPLE: dict[Resample, Image.Resampling] = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


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


def fit(pixels: NDArray[np.uint8], spec: ImageSpec) -> NDArray[np.uint8]:
    """Bring a picture to the size and mode of `spec`, as `decode` does with that of a file.

    Args:
        pixels: uint8 `[H, W]`, or `[H, W, 3]`.
        spec: the array wanted.

    Returns:
        uint8 `[height, width, channels]`, C-contiguous, read-only.
    """
    return _fit(Image.fromarray(np.ascontiguousarray(pixels)), spec)


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
