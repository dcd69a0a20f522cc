"""Who waits for a decoding thread, and who is next."""

import asyncio
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from gateway.decoding import Decoder, Statistics
from gateway.errors import BadImage
from gateway.imaging import ImageSpec
from gateway.lanes import Priority
from gateway.metrics import Metrics
from tests.images import pixels, png

SPEC = ImageSpec("L", 8, 8, "bilinear")


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    """A decoder with one thread."""
    decoding = Decoder(1, 1 << 24, Metrics(CollectorRegistry()))
    yield decoding
    decoding.close()


async def finish_order(decoder: Decoder, *jobs: tuple[str, Priority]) -> list[str]:
    """Ask for images at once, and return the names of those that were decoded, in the order in which they were."""
    body, order = png(pixels(1)), list[str]()

    async def decode(name: str, priority: Priority) -> None:
        await decoder.decode(body, SPEC, priority)
        order.append(name)

    await asyncio.gather(*(decode(*job) for job in jobs))
    return order


async def test_bulk_does_not_hold_up_an_interactive_image(decoder: Decoder) -> None:
    """It is decoded before those bulk images that were there first; in a class the order is kept."""
    bulk: list[tuple[str, Priority]] = [(f"bulk {n}", "bulk") for n in range(20)]
    order = await finish_order(decoder, *bulk, ("interactive", "interactive"))

    assert order.index("interactive") <= 3
    assert [name for name in order if name != "interactive"] == [name for name, _ in bulk]


async def test_an_image_whose_client_has_gone_is_not_decoded_and_the_rest_is(decoder: Decoder) -> None:
    """Cancelled ones leave the queue; a bad one fails alone, also when it is the one that keeps the thread."""
    body = png(pixels(1))
    tasks: list[asyncio.Task[NDArray[np.uint8]]] = [
        asyncio.create_task(decoder.decode(content, SPEC)) for content in [b"no image", body, body, body]
    ]
    await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.sleep(0)
    assert decoder.statistics() == Statistics(waiting=1, handed=2)
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[0], BadImage)
    assert isinstance(results[2], asyncio.CancelledError)
    assert all(isinstance(result, np.ndarray) for result in (results[1], results[3]))
    assert decoder.statistics() == Statistics(waiting=0, handed=0)


async def test_the_next_image_of_a_thread_is_not_decoded_either_if_its_client_goes(decoder: Decoder) -> None:
    """It was handed over already, and had not begun."""
    free, begun = threading.Event(), list[str]()
    tasks = [
        asyncio.create_task(decoder.work(work))
        for work in (free.wait, lambda: begun.append("gone"), lambda: begun.append("there"))
    ]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    free.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results[1], asyncio.CancelledError)
    assert begun == ["there"]
    assert decoder.statistics() == Statistics(waiting=0, handed=0)
