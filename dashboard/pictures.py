"""Pictures as the browser shows them: this process never decodes what was uploaded.

They travel as data URLs (RFC 2397), so that the page asks no other host.
"""

import base64
import html
from collections.abc import Sequence
from typing import Final, Literal

Kind = Literal["png", "jpeg"]

_MAGIC: Final[dict[bytes, Kind]] = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
_THUMBNAIL: Final = 300_000  # bytes; a larger picture is not sent to the browser as a thumbnail
_THUMBNAILS: Final = 12_000_000
"""Bytes of all thumbnails of a table: what is sent to a phone once more at every change of the table."""
_IMAGE: Final = "display:block;max-width:100%;max-height:26rem;min-width:min(16rem,100%)"


def kind(body: bytes) -> Kind | None:
    """Return what a browser takes a file for by its first bytes; None for what none can show, as DICOM."""
    return next((kind for magic, kind in _MAGIC.items() if body.startswith(magic)), None)


def data_url(body: bytes) -> str | None:
    """Return a picture as an address of its own; None for what a browser cannot show."""
    found = kind(body)
    return None if found is None else f"data:image/{found};base64,{base64.b64encode(body).decode('ascii')}"


def thumbnails(bodies: Sequence[bytes]) -> list[str | None]:
    """Return the address of each picture, None where it is too large, or all of them together are."""
    urls, left = [], _THUMBNAILS
    for body in bodies:
        url = data_url(body) if len(body) <= min(_THUMBNAIL, left) else None
        left -= 0 if url is None else len(body)
        urls.append(url)
    return urls


def picture(url: str, alt: str) -> str:
    """Return the HTML of a picture; `alt` is what it is to those who do not see it."""
    return f'<img src="{html.escape(url)}" alt="{html.escape(alt)}" style="{_IMAGE}">'


def overlaid(url: str, alt: str, heat_url: str, opacity: float) -> str:
    """Return the HTML of a picture with another one over it.

    Args:
        url: of the picture.
        alt: what both are, together.
        heat_url: of the other one, which is stretched over it.
        opacity: of the other one, 0 to 1.
    """
    over = f"position:absolute;inset:0;width:100%;height:100%;opacity:{opacity:.2f}"
    return (
        f'<div style="position:relative;display:inline-block;max-width:100%">{picture(url, alt)}'
        f'<img src="{html.escape(heat_url)}" alt="" style="{over}"></div>'
    )
