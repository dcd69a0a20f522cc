"""Clients of the gateway that go on for as long as a test needs them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def posting(url: str, body: bytes, *, clients: int = 4) -> Iterator[list[httpx.Response]]:
    """Post one image again and again until the block ends; the list fills with the replies."""
    replies: list[httpx.Response] = []
    stop = threading.Event()

    def post() -> None:
        with httpx.Client(timeout=30) as client:
            while not stop.is_set():
                replies.append(client.post(f"{url}/predict", content=body))

    threads = [threading.Thread(target=post) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield replies
    finally:
        stop.set()
        for thread in threads:
            thread.join()
