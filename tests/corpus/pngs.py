"""PNGs of every kind, and what can be wrong with one (W3C PNG, third edition)."""

import struct
import zlib
from collections.abc import Iterator
from itertools import chain

import numpy as np
from imagecodecs import apng_encode

from tests.corpus.case import Case, Verdict, cut, flipped, overwritten
from tests.images import PNG_MAGIC, chunk, pixels, png, raw_png

_PALETTE = chunk(b"PLTE", bytes(range(48)))
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_END = chunk(b"IEND", b"")
_SIDES = (0, 1, 39, 41, 80, 65_535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
_SIZE = 40


def interlaced() -> bytes:
    """Return a grey PNG in Adam7's seven passes, 40 pixels square."""
    image = pixels(3, _SIZE, 1)[..., 0]
    rows = chain.from_iterable(image[y::down, x::across] for x, y, across, down in _ADAM7)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 0, 0, 0, 1))
    return PNG_MAGIC + header + chunk(b"IDAT", zlib.compress(data)) + _END


def odd() -> dict[str, bytes]:
    """Return a valid PNG of each kind, 40 pixels square."""
    random = np.random.default_rng(11)
    grey, colour = pixels(3, _SIZE, 1), pixels(4, _SIZE, 3)
    wide = random.integers(0, 65_536, (_SIZE, _SIZE, 3), np.uint16)
    bits = b"".join(b"\0" + random.bytes(_SIZE // 8) for _ in range(_SIZE))
    nibbles = b"".join(b"\0" + random.bytes(_SIZE // 2) for _ in range(_SIZE))
    return {
        "grey": png(grey[..., 0]),
        "colour": png(colour),
        "grey with alpha": png(pixels(5, _SIZE, 2)),
        "colour with alpha": png(pixels(6, _SIZE, 4)),
        "16-bit grey": png(np.ascontiguousarray(wide[..., 0])),
        "16-bit colour": png(wide),
        "1-bit": raw_png(_SIZE, _SIZE, bits, depth=1),
        "4-bit palette": raw_png(_SIZE, _SIZE, nibbles, depth=4, colour=3, extra=_PALETTE),
        "clear palette": raw_png(
            _SIZE, _SIZE, nibbles, depth=4, colour=3, extra=_PALETTE + chunk(b"tRNS", bytes(range(0, 256, 16)))
        ),
        "interlaced": interlaced(),
    }


def parts(body: bytes) -> list[bytes]:
    """Return the chunks of a PNG, whole."""
    found, position = [], len(PNG_MAGIC)
    while position < len(body):
        end = position + 12 + int.from_bytes(body[position : position + 4], "big")
        found.append(body[position:end])
        position = end
    return found


def broken() -> Iterator[Case]:
    """Yield everything that is wrong with PNGs."""
    for seed, (kind, body) in enumerate(odd().items()):
        name, chunks = f"{kind} PNG", parts(body)
        starts = {len(PNG_MAGIC) + sum(map(len, chunks[:count])) for count in range(len(chunks))}
        random = {int(place) for place in np.random.default_rng(seed).integers(1, len(body), 6)}
        yield from cut(name, body, {*starts, *(start + 4 for start in starts), *(start + 8 for start in starts)})
        yield from cut(name, body, random)
        yield from flipped(name, body, 36, seed)
        yield from overwritten(name, body, 15, 100 + seed)
        yield from _lying_header(name, body)
        yield from _rearranged(name, chunks)
    yield from _lying_chunks(odd()["colour"])
    yield from _bombs()
    frames = np.stack([pixels(seed, _SIZE) for seed in (1, 2, 3)])
    yield Case("APNG of three pictures", bytes(apng_encode(frames)), "refused")


def _lying_header(name: str, body: bytes) -> Iterator[Case]:
    """Yield copies whose IHDR chunk says something else, its checksum left as it was or made to fit."""
    header, rest = body[16:29], body[33:]
    lies = [struct.pack(">I", side) + header[4:] for side in _SIDES]
    lies += [header[:4] + struct.pack(">I", side) + header[8:] for side in _SIDES]
    lies += [header[:8] + bytes([depth]) + header[9:] for depth in (0, 3, 7, 32, 255)]
    lies += [header[:9] + bytes([colour]) + header[10:] for colour in (1, 5, 7, 255)]
    lies += [header[:place] + b"\7" + header[place + 1 :] for place in (10, 11, 12)]
    lies += [header[:-1], header + b"\0", b""]
    for number, lie in enumerate(lies):
        same_rows = header[8] < 8 and lie[:4] == struct.pack(">I", _SIZE - 1)  # bits: a row is as many bytes
        verdict: Verdict = "either" if same_rows else "refused"
        yield Case(f"{name}, header lies, {number}", PNG_MAGIC + chunk(b"IHDR", lie) + rest, verdict)
    for number, lie in enumerate(lies[::4]):
        stale = PNG_MAGIC + chunk(b"IHDR", lie)[:-4] + body[29:]
        yield Case(f"{name}, header lies, old checksum, {number}", stale, "refused")


def _rearranged(name: str, chunks: list[bytes]) -> Iterator[Case]:
    """Yield copies in which a chunk is missing, or there twice, or comes first."""
    for place, part in enumerate(chunks):
        kind, others = part[4:8], [*chunks[:place], *chunks[place + 1 :]]
        needed: Verdict = "refused" if kind in {b"IHDR", b"IDAT", b"IEND"} else "either"
        yield Case(f"{name}, without chunk {place}", PNG_MAGIC + b"".join(others), needed)
        twice: Verdict = "refused" if kind in {b"IHDR", b"IEND"} else "either"
        yield Case(
            f"{name}, chunk {place} twice", PNG_MAGIC + b"".join([*chunks[:place], part, *chunks[place:]]), twice
        )
        if place:
            yield Case(f"{name}, chunk {place} first", PNG_MAGIC + part + b"".join(others), "refused")


def _lying_chunks(body: bytes) -> Iterator[Case]:
    """Yield copies whose IDAT chunk has another length or another name, or holds another stream."""
    header, data = parts(body)[0], zlib.decompress(b"".join(part[8:-4] for part in parts(body)[1:-1]))
    lengths = (0, 1, len(data) - 1, len(data) + 1, 2**31 - 1, 2**31, 2**32 - 1)
    idat = chunk(b"IDAT", zlib.compress(data))
    for length in lengths:
        lie = struct.pack(">I", length) + idat[4:]
        yield Case(f"IDAT says {length}", PNG_MAGIC + header + lie + _END, "refused")
    for kind in (b"idat", b"IDAX", b"\0\0\0\0", b"IEND", b"PLTE"):
        lie = chunk(kind, zlib.compress(data))
        yield Case(f"IDAT is called {kind!r}", PNG_MAGIC + header + lie + _END, "refused")
    streams = {
        "short": zlib.compress(data[:-1]),
        "long": zlib.compress(data + b"\0"),
        "raw": data,
        "not ended": zlib.compress(data)[:-5],
        "wrong sum": zlib.compress(data)[:-4] + b"1234",
        "wrong filter": zlib.compress(b"\x05" + data[1:]),
        "dictionary": b"\x78\xbb" + zlib.compress(data)[2:],
    }
    for what, stream in streams.items():
        yield Case(f"the stream is {what}", PNG_MAGIC + header + chunk(b"IDAT", stream) + _END, "refused")


def _bombs() -> Iterator[Case]:
    """Yield small files that would take much memory or time."""
    grey = odd()["grey"]
    for side in (1_000, 4_096, 16_384, 65_535, 2**20, 2**31 - 1):
        for colour, depth in ((0, 8), (6, 16), (3, 1)):
            body = raw_png(side, side, bytes(1000), depth=depth, colour=colour, extra=_PALETTE)
            yield Case(f"{side} pixels square of type {colour} in a few bytes", body, "refused")
    for size in (10**6, 10**8):
        yield Case(f"IDAT of {size} zeros for 32x32", raw_png(32, 32, bytes(size)), "refused")
    for kind in (b"zTXt", b"iCCP", b"iTXt"):
        text = b"a\0\0" + zlib.compress(bytes(10**8))
        yield Case(f"{kind!r} of 10^8 zeros", grey[:33] + chunk(kind, text) + grey[33:], "valid")
    yield Case("20000 chunks", grey[:33] + 20_000 * chunk(b"tEXt", b"") + grey[33:], "refused")
    yield Case("20000 IDAT chunks", grey[:33] + 20_000 * chunk(b"IDAT", b"") + grey[33:], "refused")
