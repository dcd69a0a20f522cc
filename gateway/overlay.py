"""A picture with a heat map laid over it, as a PNG.

The colours are viridis (van der Walt and Smith 2015), interpolated between nine of its own: they get steadily lighter,
for all kinds of eyes and in grey, and none of them is a grey of the picture. The heat decides how much of the colour
covers the picture too, so that what did not count stays as it was.
"""

import numpy as np
from imagecodecs import png_encode
from numpy.typing import NDArray
from PIL import Image

from gateway.decoding import read_row
from gateway.dicom import is_dicom, read_picture
from gateway.imaging import ImageSpec, fit, inspect

_SIDE = 1024  # pixels: a larger picture is shown this large
_COVER = 0.65
"""How much of the picture the greatest heat hides."""
_STOPS = np.linspace(0, 255, 9)
_VIRIDIS = np.array(
    [
        *([68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141]),
        *([39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]),
    ]
)
_COLOURS = np.stack([np.interp(np.arange(256), _STOPS, _VIRIDIS[:, c]) for c in range(3)], axis=1).astype(np.float32)


def overlaid(body: bytes, heat: NDArray[np.float32], max_pixels: int) -> bytes:
    """Lay a heat map over the picture in a file.

    Args:
        body: a file that was decoded before.
        heat: float32 `[h, w]`, 0 to 1, of any size; it is stretched over the picture, as the model saw it squeezed.
        max_pixels: width x height of the picture may be at most this.

    Returns:
        A PNG in colour, of the picture's size; the longer side has 1024 pixels at most.

    Raises:
        ImageError: the file is not an image that is accepted.
    """
    picture = _shown(body, max_pixels)
    height, width, _ = picture.shape
    stretched = np.asarray(Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR))
    cover = _COVER * stretched[..., np.newaxis]
    colours = _COLOURS[(stretched * 255).round().astype(np.uint8)]
    return bytes(png_encode(((1 - cover) * picture + cover * colours).round().astype(np.uint8), level=1))


def _shown(body: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Return the picture in a file, uint8 `[height, width, 3]`."""
    if is_dicom(body):
        pixels = read_picture(body, max_pixels)
        return fit(pixels, _spec(pixels.shape[1], pixels.shape[0]))
    header = inspect(body)
    return read_row(body, _spec(header.width, header.height), max_pixels)


def _spec(width: int, height: int) -> ImageSpec:
    scale = min(1.0, _SIDE / max(width, height))
    return ImageSpec("RGB", max(1, round(height * scale)), max(1, round(width * scale)), "bilinear")
