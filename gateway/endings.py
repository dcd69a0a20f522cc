"""How a connection ends whose request was answered before its body was read.

It says so, as HTTP has it (RFC 9112, section 9.3): both ASGI servers would either read on for nobody (uvicorn) or close
without having said so (Granian), so that the client's next request is lost. And it lingers (section 9.6): where bytes
arrive at a closed connection, the kernel answers them with a reset, which may overtake the answer on its way to a
client that is still sending. Granian's HTTP library (hyper) closes such a connection as soon as it has written as much
as Content-Length says. So the last byte of the answer is kept back while more of the body comes.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from litestar.enums import ScopeType

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

_CLOSE = (b"connection", b"close")
_LINGER_S = 1.0
_LINGER_BYTES = 1024 * 1024  # of a body that nobody wants; most are here by then, and the others take their risk
_PAUSE_S = 0.005  # after which a client is taken for one that waits for its answer, and sends nothing before it has it


class Exchange:
    """A request that has a body, and its answer, which says that the connection ends where the body was not read."""

    def __init__(self, receive: "Receive", send: "Send") -> None:
        self._receive = receive
        self._send = send
        self._unread = True
        self._open = False
        self._rest = b""

    async def receive(self) -> Any:  # noqa: ANN401 - whatever the server says
        """Return the server's next message."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: "Message") -> None:
        """Hand a message to the server."""
        if self._unread and message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], _CLOSE]}
        elif self._unread and message["type"] == "http.response.body" and not message.get("more_body", False):
            body = message.get("body", b"")
            self._open, self._rest = True, body[-1:]
            message = {**message, "body": body[:-1], "more_body": True}
        await self._send(message)

    async def end(self) -> None:
        """Read what is left of the body and forget it, until it is too much or takes too long; then close."""
        if not self._open:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await self._drain()
        await self._send({"type": "http.response.body", "body": self._rest, "more_body": False})

    async def _drain(self) -> None:
        left = _LINGER_BYTES
        while self._unread and left > 0:
            coming = asyncio.ensure_future(self.receive())
            try:
                if self._rest and not (await asyncio.wait([coming], timeout=_PAUSE_S))[0]:
                    await self._send({"type": "http.response.body", "body": self._rest, "more_body": True})
                    self._rest = b""
                left -= len((await coming).get("body", b""))
            finally:
                coming.cancel()


class Endings:
    """An ASGI application around another, which sees nothing of what is left of a body."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one ASGI connection (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        if scope["type"] != ScopeType.HTTP or not brings_body(dict(scope["headers"])):
            await self._app(scope, receive, send)
            return
        exchange = Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)
        await exchange.end()


def brings_body(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request has a body, by its headers, names in lower case (RFC 9112, section 6.3)."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
