"""The files of the documentation pages, by the names under which they are served; there are no others."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

import msgspec

_PACKAGE = "offapi"  # carries Swagger UI and Redoc as data; it is never imported, since it reads all of them then
_THEIRS = {
    "swagger-ui.css": "swagger_style.css",
    "swagger-ui-bundle.js": "swagger_bundle.js",
    "redoc.standalone.js": "redoc.js",
}
_OURS = ("swagger.js", "redoc.js", "page.css")
_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class Asset(msgspec.Struct, frozen=True):
    """One file."""

    body: bytes
    media_type: str
    digest: str
    """Of the body, which makes an address of this content and no other."""


class Assets:
    """Reads each file once, when it is first asked for."""

    def __init__(self, places: Mapping[str, Traversable]) -> None:
        self._places = places
        self._read: dict[str, Asset] = {}

    def get(self, name: str) -> Asset | None:
        """Return the file of that name; None where there is none. It may be read from the disk."""
        if name not in self._read and name in self._places:
            body = self._places[name].read_bytes()
            kind = _KINDS[name[name.rindex(".") :]]
            self._read[name] = Asset(body, kind, hashlib.sha256(body).hexdigest()[:32])
        return self._read.get(name)


def find_assets() -> Assets:
    """Return the files that are installed: our own, and those of the package where it is there."""
    ours = files("gateway") / "docs" / "static"
    places: dict[str, Traversable] = {name: ours / name for name in _OURS}
    spec = find_spec(_PACKAGE)
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        places.update({name: folder / source for name, source in _THEIRS.items()})
    return Assets(places)
