"""Clients of the gateway that go on for as long as a test needs them."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def posting(url: str, *bodies: bytes, clients: int = 4) -> Iterator[list[httpx.Response]]:
    """Let each client post one image after the other until the block ends; the list fills with the replies."""
    replies: list[httpx.Response] = []
    stop = threading.Event()

    def post() -> None:
        with httpx.Client(timeout=30) as client:
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
