"""HTTP for the REST API and the metrics: an ASGI application in uvicorn, in a thread of the process.

The application is written against ASGI itself, since the API's paths are the original's expressions, and since what a
web framework would hide is needed here: whether the client is still there while its request waits.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
import uvicorn

from serving.errors import ServingError
from serving.json_replies import write_error
from serving.rest import Reply, RestApi, RestCall
from serving.rest_paths import is_api

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_MAX_BODY = 32 * 2**20
"""Bytes of a request. 32 colour images of 224 x 224 pixels are 19 MB of digits; gRPC takes more."""
_WAITING = 3
"""Requests for each thread that may wait for it; further ones are refused at once."""
_CLOSING = (413, 429, 504)
"""Statuses that are given before a body is read to its end; what is still to come of it is not read then."""
_CONNECTIONS = 1000
"""Connections at a time, idle ones included."""


class _TooLargeError(ServingError):
    """A body above the limit; gRPC has the same code for it, HTTP a status of its own."""

    def __init__(self, size: int) -> None:
        text = f"the body has {size} bytes or more; the limit is {_MAX_BODY}: send fewer instances, or use gRPC"
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, text)


class Application:
    """The ASGI application.

    Args:
        api: answers what belongs to the API, in a thread.
        pages: what other paths show, by path; made in the event loop.
        pool: the threads.
        places: requests that may be under way, those that wait for a thread included.
        timeout: seconds that a request may take from its headers on; None is no limit.
    """

    def __init__(
        self,
        api: RestApi,
        pages: dict[str, Callable[[], Reply]],
        pool: Executor,
        *,
        places: int,
        timeout: float | None,
    ) -> None:
        self._api = api
        self._pages = pages
        self._pool = pool
        self._free = places
        self._timeout = timeout

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        path = scope["raw_path"].decode("latin-1")
        if path in self._pages:
            reply = self._pages[path]()
        elif is_api(path):
            reply = await self._answer(scope["method"], path, _length(scope), receive)
        else:
            reply = Reply(404, write_error(f"Not found: {path}"))
        headers = [
            (b"content-type", reply.content_type.encode()),
            (b"content-length", str(len(reply.body)).encode()),
        ]
        if reply.status in _CLOSING:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, verb: str, path: str, announced: int, receive: _Receive) -> Reply:
        if not self._free:
            busy = ServingError(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
            return self._api.refuse(verb, path, busy)
        call = RestCall(None if self._timeout is None else time.monotonic() + self._timeout)
        self._free -= 1
        try:
            async with asyncio.timeout(self._timeout):
                body = await _read(receive, announced)
            return await self._run(verb, path, body, call, receive)
        except TimeoutError:
            text = f"The body had not arrived after --rest_api_timeout_in_ms={1000 * (self._timeout or 0):.0f}"
            return self._api.refuse(verb, path, ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, text))
        except _TooLargeError as error:
            return self._api.refuse(verb, path, error)._replace(status=413)
        except ServingError as error:
            return self._api.refuse(verb, path, error)
        finally:
            self._free += 1

    async def _run(self, verb: str, path: str, body: bytes, call: RestCall, receive: _Receive) -> Reply:
        """Have a thread answer, and meanwhile look whether the client hangs up."""
        watch = asyncio.create_task(_watch(receive, call))
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._api.answer, verb, path, body, call)
        finally:
            watch.cancel()


def _length(scope: _Message) -> int:
    """Return the length of the body that the headers announce, 0 if they do not."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _read(receive: _Receive, announced: int) -> bytes:
    """Return the body; one that is announced or gets too large is not read to its end."""
    parts: list[bytes] = []
    size, more = announced, True
    while more and size <= _MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ServingError(grpc.StatusCode.CANCELLED, "The client left before its request was complete.")
        parts.append(message.get("body", b""))
        size = max(announced, sum(map(len, parts)))
        more = message.get("more_body", False)
    if size > _MAX_BODY:
        raise _TooLargeError(size)
    return b"".join(parts)


async def _watch(receive: _Receive, call: RestCall) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    call.gone.set()


class Listening(NamedTuple):
    """An HTTP server that takes requests."""

    port: int
    drain: Callable[[], None]
    """Has it take no new connections from now on; returns at once."""


@contextmanager
def listening_http(
    api: RestApi,
    pages: dict[str, Callable[[], Reply]],
    address: tuple[str, int],
    *,
    threads: int,
    timeout: float | None,
    grace: float,
) -> Iterator[Listening]:
    """Serve on `address`; at the end take no new requests, and let those that run finish within `grace` seconds.

    Raises:
        OSError: the address is taken or not allowed.
    """
    try:
        listener = socket.create_server(address)
    except OSError as error:
        raise OSError(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}") from error
    with (
        listener,
        ThreadPoolExecutor(threads, thread_name_prefix="rest") as pool,
        ThreadPoolExecutor(1, thread_name_prefix="http") as owner,
    ):
        application = Application(api, pages, pool, places=threads * (1 + _WAITING), timeout=timeout)
        server = uvicorn.Server(_config(application, grace))
        serving = owner.submit(server.run, [listener])

        def drain() -> None:
            server.should_exit = True

        try:
            yield Listening(listener.getsockname()[1], drain)
        finally:
            drain()
            serving.result()


def _config(application: Application, grace: float) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=int(grace),
    )
