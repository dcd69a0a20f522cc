"""Which scope a request needs. What is not named here needs `operate`: a new route is closed until somebody opens it.

The decision is made by method and path before the framework sees the request, so that a refusal costs next to nothing
and no body is read for it. Paths that the framework takes for each other (`/predict/`, `//predict`) are one here too.
"""

import re
from typing import Final

from gateway.access.keys import Scope

_READ: Final = frozenset({"GET", "HEAD"})
_WRITE: Final = frozenset({"POST"})

_OPEN = re.compile(
    r"/|/health(/live|/ready)?|/v2/health/(live|ready)|/problems/[^/]+"
    r"|/(docs|redoc|schema)(/.*)?|/openapi\.json|/favicon\.ico"
)
"""Read without a key: what says nothing of patients or models, and what a load balancer asks."""
_PREDICT = (
    (_WRITE, re.compile(r"/predict|/predict-batch|/explain|/feedback|/v2/models/[^/]+(/versions/[^/]+)?/infer")),
    (_READ, re.compile(r"/models|/v2|/v2/models/[^/]+(/versions/[^/]+)?(/ready|/config|/stats)?|/metrics|/status")),
)
_SLASHES = re.compile("/{2,}")


def scope_of(method: str, path: str) -> Scope | None:
    """Return the scope that a request needs, or None where it needs no key."""
    path = _SLASHES.sub("/", path)
    path = path.rstrip("/") or "/"
    if method in _READ and _OPEN.fullmatch(path):
        return None
    if any(method in methods and paths.fullmatch(path) for methods, paths in _PREDICT):
        return "predict"
    return "operate"
