"""What the batcher makes of model servers that compute one call at a time or several, simulated in virtual time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from gateway.batching.batcher import Batcher
from gateway.batching.entries import Answer, Row
from gateway.metrics import Metrics
from tests.virtualtime import simulate

MAX_BATCH, QUOTA = 32, 8
BASE_S, PER_IMAGE_S, DECODE_S = 0.010, 0.005, 0.003
LONG_S = 60.0
IMAGE = np.zeros((1, 1, 1), np.uint8)


@dataclass
class Devices:
    """Model servers behind one name: each computes one call at a time."""

    count: int
    images: int = 0
    calls: int = 0
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.count)

    async def __call__(self, _version: int, images: Sequence[Row], _timeout_s: float, /) -> list[Answer]:
        async with self._free:
            await asyncio.sleep(BASE_S + PER_IMAGE_S * len(images))  # virtual
        self.images += len(images)
        self.calls += 1
        return [np.zeros(4, np.float32)] * len(images)


@dataclass(frozen=True)
class Outcome:
    """What was done in a minute."""

    images: int
    calls: int
    probes: float


async def served(devices: int, clients: int) -> Outcome:
    """Let clients ask again as soon as they are answered, one image each."""
    loop, model, metrics = asyncio.get_running_loop(), Devices(devices), Metrics(CollectorRegistry())
    batcher = Batcher(model, MAX_BATCH, QUOTA, metrics, loop.time)

    async def client() -> None:
        while loop.time() < LONG_S:
            with batcher.expect(1) as ticket:
                await asyncio.sleep(DECODE_S)  # virtual
                await batcher.submit(ticket, IMAGE, loop.time() + LONG_S)

    await asyncio.gather(*(client() for _ in range(clients)))
    probes = metrics.registry.get_sample_value("gateway_batches_total", {"trigger": "probe"})
    return Outcome(model.images, model.calls, probes or 0)


@pytest.mark.parametrize("devices", [2, 4])
def test_servers_beside_each_other_all_get_work_from_fewer_clients_than_fill_a_batch(devices: int) -> None:
    """Nothing but a probe tells that a second call would not wait for the first."""
    one, several = (simulate(served(count, clients=24)) for count in (1, devices))

    assert several.images > 1.5 * one.images


def test_a_server_that_computes_one_call_at_a_time_is_hardly_ever_probed() -> None:
    """Each probe takes some images out of a better batch."""
    outcome = simulate(served(1, clients=24))

    assert outcome.probes < 0.02 * outcome.calls
