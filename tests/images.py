"""Images that tests post."""

import struct
import zlib

import numpy as np
import simplejpeg
from imagecodecs import png_encode
from numpy.typing import NDArray

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def pixels(seed: int, size: int = 48, channels: int = 3) -> NDArray[np.uint8]:
    """Return a random image `[size, size, channels]`, of a brightness that depends on the seed."""
    random = np.random.default_rng(seed)
    return random.integers(0, 20 + 37 * seed % 230, (size, size, channels), dtype=np.uint8, endpoint=True)


def png(array: NDArray[np.generic]) -> bytes:
    """Return a PNG of an array `[H, W]` or `[H, W, 1..4]`, uint8 or uint16."""
    return bytes(png_encode(array))


def jpeg(array: NDArray[np.uint8], *, quality: int = 95) -> bytes:
    """Return a JPEG of an array `[H, W, 1]` or `[H, W, 3]`."""
    space = "GRAY" if array.shape[2] == 1 else "RGB"
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(array), quality=quality, colorspace=space))


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk with a right checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 0, extra: bytes = b"") -> bytes:
    """Return a PNG with any header: colour 0 grey, 2 RGB, 3 palette, 4 grey-alpha, 6 RGBA; `data` has filter bytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PNG_MAGIC + header + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
