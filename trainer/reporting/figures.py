"""Pieces of a page: pictures that it carries inside itself. Every text that goes into one is escaped here."""

import base64
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def figure(pictures: str, *lines: str) -> str:
    """Return a figure of pictures, as `picture` returns them, with lines of text below."""
    return f"<figure>{pictures}<figcaption>{'<br>'.join(map(escape, lines))}</figcaption></figure>"


def picture(png: bytes, alternative: str) -> str:
    """Return a picture, from a PNG file, with what is said to those who do not see it."""
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{escape(alternative)}">'


def to_png(image: NDArray[np.uint8]) -> bytes:
    """Return an image, uint8 `[H, W, C]` with one channel or three, as a PNG file."""
    file = BytesIO()
    Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image).save(file, format="PNG")
    return file.getvalue()
