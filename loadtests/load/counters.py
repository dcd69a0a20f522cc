"""What the gateway has counted, read where Prometheus reads it."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from loadtests.load.ledger import Counts, Kind, compare

_METRIC: Final = "gateway_requests_total"
_SETTLED_S: Final = 5.0
"""The gateway may still be reading for a client that has its answer (up to a second), or its workers be busy."""
_PAUSE_S: Final = 0.2


class CountersMissing(ValueError):
    """The gateway does not say what it counted."""


async def read_counts(url: str, headers: Mapping[str, str]) -> Counter[Kind]:
    """Return how many requests the gateway at `url` has answered, ever, of each kind.

    Raises:
        CountersMissing: nobody answers there, or not with a gateway's metrics; the message says what to do.
    """
    try:
        async with httpx.AsyncClient(timeout=30) as client:
            reply = await client.get(f"{url}/metrics", headers={**headers, "Accept": "text/plain"})
    except httpx.HTTPError as error:
        raise CountersMissing(
            f"nobody answers at {url} ({error}); start the service (make run), or name it with HOST=http://..."
        ) from error
    if reply.status_code != httpx.codes.OK:
        raise CountersMissing(
            f"{url}/metrics answered {reply.status_code}; a key (scope operate) goes into PULMO_API_KEY"
        )
    return parse_counts(reply.text)


def parse_counts(text: str) -> Counter[Kind]:
    """Return the counts in a scrape; routes that a gateway has not been asked for are not in it."""
    return Counter(
        {
            Kind(sample.labels["route"], sample.labels["method"], sample.labels["code"]): int(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == _METRIC
        }
    )


async def differ(
    url: str, headers: Mapping[str, str], sent: Counts, before: Counts, *, shared: bool = False
) -> list[str]:
    """Return in words how what was sent differs from what the gateway has counted since `before`.

    It is asked again for a while where it does, because a request is counted when the gateway is done with it, which
    may be after its client.

    Raises:
        CountersMissing: it no longer says what it counted.
    """
    end = asyncio.get_running_loop().time() + _SETTLED_S
    while True:
        now = await read_counts(url, headers)
        found = compare(sent, since(before, now), shared=shared)
        if not found or asyncio.get_running_loop().time() > end:
            return found
        await asyncio.sleep(_PAUSE_S)


def since(before: Counts, now: Counts) -> dict[Kind, int]:
    """Return what has been counted meanwhile: less than nothing where the gateway was started anew."""
    grown = {kind: now.get(kind, 0) - before.get(kind, 0) for kind in {*before, *now}}
    return {kind: number for kind, number in grown.items() if number}
