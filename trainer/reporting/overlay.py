"""An image with a heat map laid over it.

The colours are viridis (van der Walt and Smith 2015): they get steadily lighter, for all kinds of eyes and in grey, and
none of them is a grey of the image. The heat decides how much of the colour covers the image too, so that what did not
count stays as it was.
"""

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

_COVER = 0.65
"""How much of the image the greatest heat hides."""


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a heat map over an image.

    Args:
        image: uint8 `[H, W, C]`, with one channel or three.
        heat: float32 `[H, W]`, 0 to 1.

    Returns:
        uint8 `[H, W, 3]`.
    """
    colours = np.asarray(colormaps["viridis"](heat), np.float64)[..., :3] * 255
    cover = _COVER * heat[..., np.newaxis]
    return np.asarray(((1 - cover) * image + cover * colours).round(), np.uint8)
