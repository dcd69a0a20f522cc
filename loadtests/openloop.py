"""Open-loop load: requests go out when they are due, whether or not earlier ones were answered.

A closed loop slows down with the server and hides its worst moments (coordinated omission); here a latency counts from
the moment at which the request was due. https://www.scylladb.com/2021/04/22/on-coordinated-omission/
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import httpx

from loadtests.images import Image


class Sample(NamedTuple):
    """What became of one request."""

    due: float
    """On the clock of `time.monotonic`, seconds."""
    latency_s: float
    """From `due` to the last byte of the answer."""
    status: int
    """The HTTP status; 0 where there was no answer."""
    answer: Mapping[str, object]
    """The JSON document, or the failure under `error`."""


async def post_steadily(url: str, images: Sequence[Image], rate: float, stop: asyncio.Event) -> list[Sample]:
    """Post `rate` images a second, in turn, until `stop` is set; then wait for the answers.

    Returns:
        A sample for each request, in the order in which they were due.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client, asyncio.TaskGroup() as group:
        await _post(client, url, images[0], time.monotonic())  # the first use of a client takes tens of milliseconds
        begin = time.monotonic()
        tasks: list[asyncio.Task[Sample]] = []
        while not stop.is_set():
            due = begin + len(tasks) / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(group.create_task(_post(client, url, images[len(tasks) % len(images)], due)))
    return [task.result() for task in tasks]


async def _post(client: httpx.AsyncClient, url: str, image: Image, due: float) -> Sample:
    try:
        reply = await client.post(url, content=image.body, headers={"Content-Type": image.media_type})
        status, body = reply.status_code, reply.content
    except httpx.TransportError as error:
        return Sample(due, time.monotonic() - due, 0, {"error": repr(error)})
    latency = time.monotonic() - due
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    return Sample(due, latency, status, answer if isinstance(answer, dict) else {"error": body[:200].decode("latin-1")})
