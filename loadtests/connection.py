"""One HTTP/1.1 connection that posts, as light as asyncio allows: a generator must not be what is measured."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple, Self, cast
from urllib.parse import urlsplit

from loadtests.images import Image
from loadtests.replies import BrokenReply, Reply, ReplyParser

_BOUNDARY: Final = "pulmo7MA4YWxkTrZu0gW"


class ConnectionLost(ConnectionError):
    """The server ended the connection, or answered what is no HTTP, before its reply was whole."""


class Address(NamedTuple):
    """Where the requests go."""

    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `http://host:port/path`.

        Raises:
            ValueError: it is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"{url!r} is no URL to post to; write http://HOST:PORT/PATH")
        return cls(parts.hostname, parts.port or 80, parts.path or "/")


def build_requests(address: Address, images: Sequence[Image], *headers: str) -> list[bytes]:
    """Return the whole POST of each image as form field `file`; `headers` are lines of their own, such as `X-A: 1`."""
    return [_build(address, image, headers) for image in images]


def _build(address: Address, image: Image, headers: Sequence[str]) -> bytes:
    name = image.name.encode("ascii", "replace").decode().replace('"', "_")
    disposition = f'form-data; name="file"; filename="{name}"'
    begin = f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: {image.media_type}\r\n\r\n".encode()
    body = begin + image.body + f"\r\n--{_BOUNDARY}--\r\n".encode()
    lines = [
        f"POST {address.path} HTTP/1.1",
        f"Host: {address.host}:{address.port}",
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time, until it is closed."""

    def __init__(self) -> None:
        self.received = 0.0
        """When the last reply was whole, on the clock of `time.monotonic`, seconds."""
        self.used = False
        """Whether a reply came over it already."""
        self._parser = ReplyParser()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply] | None = None

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connect.

        Raises:
            OSError: nobody listens there.
        """
        _, connection = await asyncio.get_running_loop().create_connection(cls, address.host, address.port)
        return connection

    @property
    def is_open(self) -> bool:
        """Whether it can carry a request."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Drop it at once, with whatever is still to be sent."""
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, request: bytes) -> Reply:
        """Send a request and return its reply, which may come before the request was sent: then the rest is not.

        Raises:
            ConnectionLost: there was no whole reply.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLost("the server closed the connection while it was idle")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take what asyncio made."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Read on."""
        try:
            reply = self._parser.feed(data)
        except (BrokenReply, ValueError) as error:
            self._fail(str(error))
            self.close()
            return
        if reply is not None:
            self._answer(reply)

    def connection_lost(self, error: Exception | None) -> None:
        """End the exchange that is under way."""
        reply = self._parser.end()
        if reply is not None:
            self._answer(reply)
        self._fail(str(error) if error else "the server closed the connection")
        self._transport = None

    def _answer(self, reply: Reply) -> None:
        self.received = time.monotonic()
        self.used = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(reply)
        if self._transport is not None and (not reply.keeps or self._transport.get_write_buffer_size()):
            self._transport.abort()

    def _fail(self, reason: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionLost(reason))
