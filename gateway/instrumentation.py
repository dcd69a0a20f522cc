"""Counts and times requests around the whole application, also those that no route answers."""

import time
from typing import TYPE_CHECKING

from litestar.enums import ScopeType

from gateway.metrics import Metrics

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_REPLY = "499"  # the client went away before the reply began


class Instrumentation:
    """An ASGI application around another. Labels are bounded: the route's template, a known method, a status."""

    def __init__(self, app: "ASGIApp", metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one ASGI connection (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        code = _NO_REPLY

        async def watch(message: "Message") -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = str(message["status"])
            await send(message)

        begin = time.perf_counter()
        with self._metrics.inflight.track_inprogress():
            try:
                await self._app(scope, receive, watch)
            finally:
                route = scope.get("path_template") or "unmatched"
                method = scope["method"] if scope["method"] in _METHODS else "OTHER"
                self._metrics.requests.labels(route, method, code).inc()
                self._metrics.request_duration.labels(route).observe(time.perf_counter() - begin)
