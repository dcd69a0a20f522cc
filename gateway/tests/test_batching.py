"""The laws that hold whatever happens around the batching rule."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gateway.batching.batcher import Batcher, Ticket
from gateway.batching.entries import Answer, Row, Scores
from gateway.errors import DeadlineExceeded, ModelFailed
from gateway.lanes import Priority
from gateway.metrics import Metrics
from tests.clocks import Clock
from tests.settling import settle

MAX_BATCH, QUOTA = 4, 2


class Echo:
    """A model that answers each image with its first pixel and the version, when it is let go."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[int]]] = []
        self.cancelled = 0
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.refused: set[int] = set()

    async def __call__(self, version: int, images: Sequence[Row], _timeout_s: float, /) -> list[Answer]:
        values = [int(image[0, 0, 0]) for image in images]
        self.batches.append((version, values))
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return [self._answer(value, version) for value in values]

    def _answer(self, value: int, version: int) -> Answer:
        return ModelFailed(str(value)) if value in self.refused else np.array([value, version], np.float32)


class Scene:
    """A batcher between a model and a clock that the test holds."""

    def __init__(self) -> None:
        self.model = Echo()
        self.clock = Clock()
        self.metrics = Metrics(CollectorRegistry())
        self.batcher = Batcher(self.model, MAX_BATCH, QUOTA, self.metrics, self.clock)

    def post(
        self, value: int, deadline: float = 9.0, *, version: int = 1, priority: Priority = "interactive"
    ) -> asyncio.Task[Scores]:
        """Submit an image that needs no decoding."""
        return asyncio.create_task(self._submit(value, deadline, version, priority))

    async def _submit(self, value: int, deadline: float, version: int, priority: Priority) -> Scores:
        with self.batcher.expect(version) as ticket:
            return await self.submit(ticket, value, deadline, priority)

    def submit(
        self, ticket: Ticket, value: int, deadline: float = 9.0, priority: Priority = "interactive"
    ) -> Coroutine[Any, Any, Scores]:
        return self.batcher.submit(ticket, np.full((2, 2, 1), value, np.uint8), deadline, priority)

    def dropped(self, reason: str) -> float:
        return self.metrics.registry.get_sample_value("gateway_dropped_total", {"reason": reason}) or 0


async def test_a_batch_never_mixes_versions_and_keeps_the_order() -> None:
    """Images of another version wait for a batch of their own, in their order."""
    scene = Scene()
    first = scene.post(0)
    await settle()
    rest = [scene.post(n, version=version) for n, version in enumerate([1, 2, 1, 2, 1], start=1)]
    await settle()
    scene.model.open.set()
    await asyncio.gather(first, *rest)

    assert scene.model.batches == [(1, [0]), (1, [1, 3, 5]), (2, [2, 4])]


async def test_an_idle_model_waits_for_an_image_that_is_being_decoded() -> None:
    """What was being decoded when the first image was ready goes with it, in one batch."""
    scene = Scene()
    scene.model.open.set()
    await scene.post(1)  # teaches how long a call takes
    scene.batcher._pace.learn(1, 1, 60.0, 1.0)  # noqa: SLF001 - so long that the test does not see its end
    with scene.batcher.expect(1) as ticket:
        ready = scene.post(2)
        await settle()
        assert scene.model.batches == [(1, [1])]
        await asyncio.gather(scene.submit(ticket, 3), ready)

    assert scene.model.batches == [(1, [1]), (1, [2, 3])]


async def test_an_image_that_cannot_be_decoded_is_waited_for_no_longer() -> None:
    """It leaves, and the ones that waited for it go."""
    scene = Scene()
    scene.model.open.set()
    scene.batcher._pace.learn(1, 1, 60.0, 1.0)  # noqa: SLF001 - as above
    with scene.batcher.expect(1):
        ready = scene.post(2)
        await settle()
        assert scene.model.batches == []
    await ready

    assert scene.model.batches == [(1, [2])]


async def test_cancelled_images_are_not_sent() -> None:
    """An image whose client has gone takes no place in a batch, and no memory in the queue."""
    scene = Scene()
    first = scene.post(1)
    await settle()
    gone, kept = scene.post(2), scene.post(3)
    await settle()
    gone.cancel()
    await settle()
    assert scene.batcher.statistics().waiting == 1
    scene.model.open.set()
    await asyncio.gather(first, kept)

    assert scene.model.batches == [(1, [1]), (1, [3])]
    assert scene.dropped("gone") == 1


async def test_expired_images_are_not_sent_and_are_told_so() -> None:
    """An image whose deadline passed in the queue never reaches the model."""
    scene = Scene()
    first = scene.post(1)
    await settle()
    late = scene.post(2, deadline=1.0)
    await settle()
    scene.clock.now = 2.0
    scene.model.open.set()

    with pytest.raises(DeadlineExceeded, match=r"waited 2\.0 s"):
        await late
    await first
    assert scene.model.batches == [(1, [1])]
    assert scene.dropped("expired") == 1


async def test_a_call_for_which_nobody_waits_is_cancelled_and_the_next_one_goes() -> None:
    """It goes on while one of its images is wanted."""
    scene = Scene()
    first = scene.post(0)
    await settle()
    both = [scene.post(n) for n in (1, 2)]
    await settle()
    scene.model.open.set()
    await first
    scene.model.open.clear()
    await settle()
    both[0].cancel()
    await settle()
    assert scene.model.cancelled == 0
    both[1].cancel()
    await settle()
    assert scene.model.cancelled == 1
    scene.model.open.set()

    assert (await scene.post(3)).probabilities[0] == 3


async def test_a_call_that_hangs_keeps_no_other_version_waiting() -> None:
    """When it has taken far longer than calls take, images of another version go beside it, until the quota is full."""
    scene = Scene()
    hanging = scene.post(1, deadline=90.0, version=2)
    await settle()
    other = scene.post(2, deadline=90.0)
    await settle()
    assert scene.model.batches == [(2, [1])]
    scene.clock.now = 60.0
    late = scene.post(3, deadline=90.0)
    await settle()
    assert scene.model.batches == [(2, [1]), (1, [2, 3])]
    scene.clock.now = 61.5
    never = scene.post(4, deadline=90.0)
    await settle()
    assert len(scene.model.batches) == QUOTA
    scene.model.open.set()
    await asyncio.gather(hanging, other, late, never)


async def test_bulk_cannot_starve_interactive_images() -> None:
    """An interactive image that comes behind a long bulk queue is in the next batch."""
    scene = Scene()
    bulk = [scene.post(n, priority="bulk") for n in range(40)]
    await settle()
    interactive = scene.post(100)
    await settle()
    scene.model.open.set()
    await asyncio.gather(interactive, *bulk)

    position = next(n for n, (_, values) in enumerate(scene.model.batches) if 100 in values)
    assert position <= QUOTA


async def test_closing_answers_what_waits() -> None:
    """Shutting down loses nobody who was let in."""
    scene = Scene()
    tasks = [scene.post(n) for n in range(7)]
    await settle()
    closing = asyncio.create_task(scene.batcher.close())
    await settle()
    scene.model.open.set()
    await closing

    assert list(range(7)) == [int(task.result().probabilities[0]) for task in tasks]


async def test_a_failed_call_is_told_to_all_of_its_batch_and_to_nobody_else() -> None:
    """The next batch is answered."""
    scene = Scene()
    scene.model.error = ModelFailed("no")
    first = scene.post(1)
    await settle()
    scene.model.open.set()
    with pytest.raises(ModelFailed):
        await first
    scene.model.error = None

    assert (await scene.post(2)).probabilities[0] == 2


FATES = st.sampled_from(["stay", "leave", "leave later", "expire", "refused", "undecodable"])


@given(
    st.lists(st.tuples(st.integers(1, 2), FATES, st.sampled_from(["interactive", "bulk"])), max_size=30), st.booleans()
)
def test_each_image_is_answered_exactly_once(clients: list[tuple[int, str, Priority]], fails: bool) -> None:  # noqa: C901, FBT001
    """With clients that leave, images that expire or are refused, and calls that fail: who stays gets its answer."""

    async def client(scene: Scene, number: int, version: int, fate: str, priority: Priority) -> Scores:
        with scene.batcher.expect(version) as ticket:
            await asyncio.sleep(0)
            if fate == "undecodable":
                raise ModelFailed("undecodable")
            return await scene.submit(ticket, number, 1.0 if fate == "expire" else 9.0, priority)

    def leave(tasks: Sequence[asyncio.Task[Scores]], when: str) -> None:
        for task, (_, fate, _) in zip(tasks, clients, strict=True):
            if fate == when:
                task.cancel()

    def check(number: int, version: int, fate: str, result: object) -> None:
        if isinstance(result, Scores):
            assert [number, version] == result.probabilities.tolist()
            assert fate not in {"refused", "undecodable"}
        elif isinstance(result, asyncio.CancelledError):
            assert fate.startswith("leave")
        elif isinstance(result, DeadlineExceeded):
            assert fate == "expire"
        else:
            assert isinstance(result, ModelFailed)
            assert fails or fate in {"refused", "undecodable"}

    async def scenario() -> None:
        scene = Scene()
        scene.model.error = ModelFailed("no") if fails else None
        scene.model.refused = {number for number, (_, fate, _) in enumerate(clients) if fate == "refused"}
        tasks = [asyncio.create_task(client(scene, number, *what)) for number, what in enumerate(clients)]
        await settle()
        leave(tasks, "leave")
        await settle()
        scene.clock.now = 2.0
        scene.model.open.set()
        await asyncio.sleep(0)
        leave(tasks, "leave later")
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for number, (result, (version, fate, _)) in enumerate(zip(results, clients, strict=True)):
            check(number, version, fate, result)
        await scene.batcher.close()
        sent = [value for _, values in scene.model.batches for value in values]
        assert len(sent) == len(set(sent))
        assert all(len(values) <= MAX_BATCH for _, values in scene.model.batches)
        assert scene.batcher.statistics().waiting == 0
        assert not scene.batcher._calls._of  # noqa: SLF001 - nothing is held on to
        assert not scene.batcher._rooms  # noqa: SLF001 - as above

    asyncio.run(scenario())
