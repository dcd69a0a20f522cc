"""Files of other formats, files of two formats, and files of none."""

import io
import zipfile
from collections.abc import Iterator

import imagecodecs
import numpy as np

from tests.corpus import jpegs, pngs
from tests.corpus.case import Case
from tests.images import PNG_MAGIC, chunk, pixels

_PAGE = b"<!DOCTYPE html><script>alert(document.domain)</script>"
_DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'


def archive() -> bytes:
    """Return a ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        writer.writestr("index.html", _PAGE)
    return file.getvalue()


def formats() -> dict[str, bytes]:
    """Return a whole file of each format that is not accepted."""
    grey = np.ascontiguousarray(pixels(2, 40, 1)[..., 0])
    colour = pixels(2, 40)
    return {
        "GIF": bytes(imagecodecs.gif_encode(grey)),
        "BMP": bytes(imagecodecs.bmp_encode(colour)),
        "TIFF": bytes(imagecodecs.tiff_encode(colour)),
        "WEBP": bytes(imagecodecs.webp_encode(colour)),
        "JPEG 2000": bytes(imagecodecs.jpeg2k_encode(colour)),
        "JPEG-LS": bytes(imagecodecs.jpegls_encode(grey)),
        "JPEG XL": bytes(imagecodecs.jpegxl_encode(colour)),
        "SVG": _DRAWING,
        "HTML": _PAGE,
        "ZIP": archive(),
        "PDF": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
        "PostScript": b"%!PS-Adobe-3.0\n(/etc/passwd) run\n",
        "PPM": b"P6 2 2 255 " + bytes(12),
        "ICO": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(40),
        "JSON": b'{"image": "aGVsbG8="}',
        "ELF": b"\x7fELF\2\1\1" + bytes(57),
    }


def broken() -> Iterator[Case]:
    """Yield all of them."""
    pictures = {f"{kind} PNG": body for kind, body in pngs.odd().items()}
    pictures |= {f"{kind} JPEG": body for kind, body in jpegs.odd().items()}
    for kind, other in formats().items():
        yield Case(kind, other, "refused")
        yield Case(f"{kind} behind the magic bytes of a PNG", PNG_MAGIC + other, "refused")
        yield Case(f"{kind} behind the magic bytes of a JPEG", b"\xff\xd8\xff\xe0" + other, "refused")
    for kind in ("GIF", "HTML", "ZIP", "PDF"):
        other = formats()[kind]
        for name, picture in pictures.items():
            yield Case(f"{name}, then {kind}", picture + other, "refused")
            yield Case(f"{kind}, then {name}", other + picture, "refused")
    for name, picture in pictures.items():
        yield Case(f"{name} twice", picture + picture, "refused")
        yield Case(f"{name} behind a line break", b"\r\n" + picture, "refused")
        yield Case(f"{name}, filled up with zeros", picture + bytes(300), "valid")
        yield Case(f"{name} as text", picture.decode("latin-1").encode(), "refused")
    grey = pngs.odd()["grey"]
    yield Case("a page inside a PNG's text", grey[:33] + chunk(b"tEXt", b"c\0" + _PAGE) + grey[33:], "valid")
    yield from _noise()


def _noise() -> Iterator[Case]:
    random = np.random.default_rng(17)
    yield Case("nothing", b"", "refused")
    for length in (1, 2, 3, 7, 8, 9, 100, 10_000):
        for name, head in (("", b""), ("PNG ", PNG_MAGIC), ("JPEG ", b"\xff\xd8\xff")):
            yield Case(f"{name}{length} random bytes", head + random.bytes(length), "refused")
            yield Case(f"{name}{length} zeros", head + bytes(length), "refused")
            yield Case(f"{name}{length} ones", head + b"\xff" * length, "refused")
