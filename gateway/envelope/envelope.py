"""Puts every answer into its envelope, also those that come from no route, and writes one line about it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog
from litestar.enums import ScopeType

from gateway.endings import brings_body
from gateway.envelope.headers import ALWAYS, UNLESS_SET, CrossOrigin, Header
from gateway.envelope.identity import REQUEST_ID, request_id, trace_of

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

_REQUEST_ID = REQUEST_ID.lower().encode()
_QUIET = ("/health", "/metrics")  # what machines ask every few seconds
_NO_REPLY = 499  # the client went away before the reply began


class Envelope:
    """An ASGI application around another."""

    def __init__(self, app: "ASGIApp", cross_origin: CrossOrigin) -> None:
        self._app = app
        self._cross_origin = cross_origin
        self._log = structlog.get_logger()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one ASGI connection (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        name = request_id(headers.get(_REQUEST_ID))
        origin = headers.get(b"origin")
        added = [*ALWAYS, (_REQUEST_ID, name.encode("ascii")), *self._cross_origin.headers(origin)]
        status = _NO_REPLY

        async def enclose(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = enclosed(message["headers"], added)
            await send(message)

        begin = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=name, **trace_of(headers.get(b"traceparent"))):
            try:
                await self._answer(scope, headers, receive, enclose)
            finally:
                self._report(scope, status, time.perf_counter() - begin)

    async def _answer(
        self, scope: "HTTPScope", headers: Mapping[bytes, bytes], receive: "Receive", send: "Send"
    ) -> None:
        wanted = headers.get(b"access-control-request-method")
        preflight = self._cross_origin.preflight(scope["method"], headers.get(b"origin"), wanted)
        if preflight is None or brings_body(headers):  # a body is the business of `gateway.endings`
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 204, "headers": preflight})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _report(self, scope: "HTTPScope", status: int, seconds: float) -> None:
        """Write the line: the route's template and not the path, which a client may fill with anything."""
        route = scope.get("path_template") or "unmatched"
        report = self._log.debug if route.startswith(_QUIET) else self._log.info
        report(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            caller=scope.get("state", {}).get("caller"),
        )


def enclosed(headers: Iterable[Header], added: Sequence[Header]) -> list[Header]:
    """Return the headers of an answer with what is added to all, and with what it did not say itself."""
    own = list(headers)
    said = {name.lower() for name, _ in own}
    return [*own, *added, *(header for header in UNLESS_SET if header[0] not in said)]
