"""Headers that tell a browser what it must not do with an answer, and who may read it from another site."""

import base64
import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Final

Header = tuple[bytes, bytes]

_CLOSED: Final = b"default-src 'none'; frame-ancestors 'none'"

ALWAYS: Final[Sequence[Header]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
UNLESS_SET: Final[Sequence[Header]] = (
    (b"content-security-policy", _CLOSED),
    (b"cache-control", b"no-store"),
)
"""Answers hold what is known of patients, and are no pages; a route that answers otherwise says so itself."""

_INLINE = re.compile(r"<(script|style)[^>]*>(.*?)</\1>", re.DOTALL)
_METHODS: Final = b"GET, POST, PUT, DELETE"
_REQUEST_HEADERS: Final = (
    b"authorization, content-type, x-api-key, x-request-id, x-request-timeout, pulmo-route-key, traceparent"
)
_EXPOSED: Final = b"x-request-id, server-timing, retry-after, www-authenticate"
_PREFLIGHT_S: Final = b"600"
_ANY: Final = b"*"


def page_policy(html: str) -> str:
    """Return a Content-Security-Policy for a page of ours: its own scripts and styles, and nothing from elsewhere."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    scripts, styles = (" ".join(hashes[kind]) or "'none'" for kind in ("script", "style"))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src 'self' blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class CrossOrigin:
    """Which other sites may read answers in a browser (https://fetch.spec.whatwg.org/#http-cors-protocol).

    Cookies never come into it: a key is a header that the other site's page must know.

    Args:
        origins: as browsers send them, `https://example.org`; `*` for all; none for nobody.
    """

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in origins)

    def headers(self, origin: bytes | None) -> Sequence[Header]:
        """Return what an answer says to a page of `origin`."""
        if not self._origins:
            return ()
        if not self._allows(origin):
            return ((b"vary", b"origin"),)
        return (
            (b"access-control-allow-origin", origin or b""),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"origin"),
        )

    def preflight(self, method: str, origin: bytes | None, wanted: bytes | None) -> Sequence[Header] | None:
        """Return what a browser is told that asks first, beside `headers`; None where this is no such question."""
        if method != "OPTIONS" or wanted is None or not self._allows(origin):
            return None
        return (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _PREFLIGHT_S),
        )

    def _allows(self, origin: bytes | None) -> bool:
        return origin is not None and (origin in self._origins or _ANY in self._origins)
