"""Clients of the gateway that go on for as long as a test needs them."""

import itertools
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx


@contextmanager
def posting(
    url: str, *bodies: bytes, clients: int = 4, headers: Mapping[str, str] | None = None
) -> Iterator[list[httpx.Response]]:
    """Let each client post one image after the other until the block ends; the list fills with the replies."""
    replies: list[httpx.Response] = []
    stop = threading.Event()

    def post() -> None:
        with httpx.Client(timeout=30, headers=headers) as client:
            turn = itertools.cycle(bodies)
            while not stop.is_set():
                replies.append(client.post(f"{url}/predict", content=next(turn)))

    threads = [threading.Thread(target=post) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield replies
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def sending(
    url: str, body: bytes, *, path: str = "/predict", headers: str = "", announced: int | None = None
) -> socket.socket:
    """Return a connection on which `body` was posted and no answer was read, for a test that leaves it in the middle.

    A body that is `announced` longer than it is stays unfinished; `headers` are further lines.
    """
    address = urlsplit(url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30)
    length = len(body) if announced is None else announced
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection
