"""Grey PNGs of any size, drawn without an image library: gradients with noise, which compress about as CT slices do."""

import random
import struct
import zlib


def grey_png(side: int, seed: int) -> bytes:
    """Return a PNG of `side` x `side` pixels, 8 bits grey."""
    source = random.Random(seed)  # noqa: S311 - a drawing, no secret
    noise = source.randbytes(4096)
    rows = []
    for y in range(side):
        shift = source.randrange(4096)
        line = bytes((y + x * (1 + seed % 3) + noise[(shift + x) % 4096] % 16) % 256 for x in range(side))
        rows.append(b"\0" + line)  # filter type 0: none
    header = struct.pack(">2I5B", side, side, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
