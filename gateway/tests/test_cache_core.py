"""The result cache without any I/O: whose answer to which image is given again, and when it is not."""

import asyncio
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gateway.answers import Scored
from gateway.cache.cache import ResultCache
from gateway.errors import CorruptImage, DeadlineExceeded, GatewayError
from gateway.imaging import ImageSpec
from gateway.lanes import Priority
from gateway.manifest import Manifest, ModelVersion
from gateway.metrics import Metrics
from gateway.passage import Passage
from gateway.router import Destination
from gateway.stopwatch import Stopwatch
from tests.settling import settle

MANIFEST = Manifest(labels=["a", "b"], image=ImageSpec("L", 2, 2, "box"), metrics={})


def destination(version: ModelVersion) -> Destination:
    return Destination(version, "stable", None)


class Asked:
    """A cache, and a model behind it that answers with the ordinal of the version that it was asked for."""

    def __init__(self, entries: int = 4) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.cache = ResultCache(entries, self.metrics)
        self.asked: list[tuple[int, bytes]] = []
        self.open = asyncio.Event()
        self.error: GatewayError | None = None
        self.versions: list[ModelVersion] = []

    def new_version(self) -> int:
        """Return the ordinal of a version that is equal to all others, and still another."""
        self.versions.append(ModelVersion(1, MANIFEST))
        return len(self.versions) - 1

    def find(
        self, ordinal: int, body: bytes = b"body", deadline: float = 60.0, priority: Priority = "interactive"
    ) -> asyncio.Task[Scored]:
        async def compute() -> Scored:
            self.asked.append((ordinal, body))
            await self.open.wait()
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            row = np.array([[ordinal, 1.0], [0, 0]], np.float32)[0]
            return Scored(self.versions[ordinal], "stable", row, 0.0, 1)

        end = time.monotonic() + deadline
        passage = Passage(body, end, None, priority, Stopwatch(time.monotonic()))
        return asyncio.create_task(self.cache.find(destination(self.versions[ordinal]), passage, compute))

    def counts(self) -> list[float]:
        """Return how many hits, shared ones and misses were counted."""
        read = self.metrics.registry.get_sample_value
        return [
            read("gateway_cache_requests_total", {"outcome": outcome}) or 0.0 for outcome in ("hit", "shared", "miss")
        ]


STEP = st.sampled_from(["ask", "ask", "ask", "replace", "retain", "clear"])


@given(st.integers(1, 3), st.lists(st.tuples(STEP, st.integers(0, 1), st.sampled_from([b"a", b"b", b"c", b"d"]))))
def test_no_answer_is_of_another_version_or_image_and_never_are_there_too_many(
    limit: int, steps: list[tuple[str, int, bytes]]
) -> None:
    """Whatever versions come under one number with one description, told of or not: each is asked itself."""

    async def scenario() -> None:
        here = Asked(limit)
        here.open.set()
        current = [here.new_version(), here.new_version()]
        asks = 0
        for step, which, body in steps:
            if step == "ask":
                asks += 1
                scored = await here.find(current[which], body)
                assert scored.probabilities[0] == current[which]
                assert (current[which], body) in here.asked
            elif step == "replace":
                current[which] = here.new_version()
            elif step == "retain":
                here.cache.retain([here.versions[ordinal] for ordinal in current])
            else:
                here.cache.clear()
            held = here.metrics.registry.get_sample_value("gateway_cache_entries")
            assert held is not None
            assert held <= limit
        assert sum(here.counts()) == asks
        assert here.counts()[2] == len(here.asked)

    asyncio.run(scenario())


async def test_what_was_forgotten_while_it_was_computed_is_not_kept() -> None:
    """A change of the route ends the memory of what is under way too; who waits is answered."""
    here = Asked()
    version = here.new_version()
    first = here.find(version)
    await settle()
    here.cache.clear()
    second = here.find(version)
    await settle()
    here.open.set()

    assert ((await first).cache, (await second).cache) == ("miss", "miss")
    assert here.metrics.registry.get_sample_value("gateway_cache_entries") == 1
    assert (await here.find(version)).cache == "hit"
    assert len(here.asked) == 2


async def test_an_interactive_request_does_not_wait_in_bulks_lane() -> None:
    """What is under way for bulk is computed once more for interactive traffic; what is kept is kept for both."""
    here = Asked()
    version = here.new_version()
    bulk, interactive = here.find(version, priority="bulk"), here.find(version)
    await settle()
    here.open.set()

    assert ((await bulk).cache, (await interactive).cache) == ("miss", "miss")
    assert (await here.find(version)).cache == (await here.find(version, priority="bulk")).cache == "hit"


async def test_that_the_time_of_who_began_is_up_is_nobody_elses_failure() -> None:
    """Who joined has a deadline of the own: those who have time left compute once more, together."""
    here = Asked()
    version = here.new_version()
    here.error = DeadlineExceeded("no time left")
    first, late = here.find(version), here.find(version, deadline=0.0)
    others = [here.find(version) for _ in range(3)]
    await settle()
    here.open.set()
    with pytest.raises(DeadlineExceeded):
        await first
    with pytest.raises(DeadlineExceeded):
        await late

    assert [scored.cache for scored in await asyncio.gather(*others)] == ["miss", "shared", "shared"]
    assert len(here.asked) == 2
    assert here.counts() == [0, 3, 2]


async def test_an_error_is_shared_by_those_who_wait_and_counted_for_each() -> None:
    """An image that is none is none for everyone, and is looked at again when it is posted again."""

    here = Asked()
    version = here.new_version()
    here.error = CorruptImage("no image")
    waiters = [here.find(version) for _ in range(3)]
    await settle()
    here.open.set()

    assert [type(error) for error in await asyncio.gather(*waiters, return_exceptions=True)] == [CorruptImage] * 3
    rejected = here.metrics.registry.get_sample_value("gateway_image_rejects_total", {"reason": "image-corrupt"})
    assert rejected == 2  # the first one is counted where it is decoded
    assert (await here.find(version)).cache == "miss"


async def test_a_kept_answer_keeps_nothing_of_its_batch() -> None:
    """A row is copied out of the array that it came in, so that entries bound the memory."""
    here = Asked()
    version = here.new_version()
    here.open.set()
    await here.find(version)

    assert (await here.find(version)).probabilities.base is None
