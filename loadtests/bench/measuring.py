"""One measurement of a service that runs: its answers checked, then load and what it cost."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.material import Material
from loadtests.bench.usage import Usage, look
from loadtests.closedloop import Window, post_in_turn
from loadtests.connection import Address, Connection, build_requests
from loadtests.images import Image
from loadtests.loops import run
from loadtests.samples import Sample, count_statuses, latencies_ms

CHECKED = 32
"""Images whose answers are checked before a service is measured."""
_AT_A_TIME = 8


@dataclass(frozen=True)
class Bench:
    """What all parts share."""

    material: Material
    folder: Path
    """Temporary: sockets, logs and histories."""
    work: Path
    """Kept: what is made once."""
    seconds: float
    warm_up: float
    rounds: int
    connections: Sequence[int]
    modes: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    """PULMO_ variables of the gateway."""
    limit_setting: str | None = None
    """`intra,callers,decoders,batch`; None: searched for."""
    seed: int = 1

    def say(self, text: str) -> None:
        """Tell how far the run is."""
        sys.stderr.write(text + "\n")


class WrongAnswers(ValueError):
    """A service answers otherwise than the same version without it; it must not be measured."""


def load(
    bench: Bench, url: str, connections: int, pids: Sequence[int], images: Sequence[Image] | None = None
) -> dict[str, float]:
    """Load a service in a closed loop, and return what it did and what it cost.

    Returns:
        `rate` (predictions/s), `p50`, `p90`, `p99` (ms), `failed` (requests), `cpu_s_per_1000` of the service and
        `generator_cpu_s_per_1000`, `rss_mb`, and `other_cores`: what else the machine was busy with.
    """
    address = Address.parse(url)
    requests = build_requests(address, images or bench.material.images)
    window = run(
        post_in_turn(
            address, requests, connections, seconds=bench.seconds, warm_up=bench.warm_up, look=lambda: look(pids)
        )
    )
    return figures(window)


def figures(window: Window[Usage]) -> dict[str, float]:
    """Return the figures of a window; see `load`."""
    before, after = window.before, window.after
    thousands = max(1, len(window.samples)) / 1000
    cpu, own = after.cpu_s - before.cpu_s, after.own_cpu_s - before.own_cpu_s
    other = after.machine_cpu_s - before.machine_cpu_s - cpu - own
    good = [sample for sample in window.samples if sample.status == 200]
    return {
        "rate": window.rate,
        **latencies_ms(good),
        "failed": len(window.samples) - len(good),
        "cpu_s_per_1000": cpu / thousands,
        "generator_cpu_s_per_1000": own / thousands,
        "rss_mb": after.rss_mb,
        "other_cores": max(0.0, other / window.seconds),
    }


def check(material: Material, url: str, answers: Sequence[Sequence[float]], tolerance: float) -> None:
    """Post the first images, several at a time, and compare with what the version answers by itself.

    Raises:
        WrongAnswers: one of them is another.
    """
    address = Address.parse(url)
    replies = run(_post_all(address, build_requests(address, material.images[: len(answers)])))
    for number, (sample, wanted) in enumerate(zip(replies, answers, strict=True)):
        expected = dict(zip(material.labels, wanted, strict=True))
        given, confidence = sample.answer.get("prediction"), sample.answer.get("confidence")
        if (
            sample.status != 200
            or not isinstance(confidence, int | float)
            or abs(expected.get(str(given), -1.0) - confidence) > tolerance
        ):
            raise WrongAnswers(f"image {number}: {sample.status} {sample.body[:200]!r}; expected {expected}")


async def _post_all(address: Address, requests: Sequence[bytes]) -> list[Sample]:
    places = asyncio.Semaphore(_AT_A_TIME)

    async def post(request: bytes) -> Sample:
        async with places:
            connection = await Connection.open(address)
            try:
                reply = await connection.exchange(request)
            finally:
                connection.close()
            return Sample(0.0, 0.0, reply.status, reply.body)

    return list(await asyncio.gather(*map(post, requests)))


def statuses(samples: Sequence[Sample]) -> str:
    """Return how many requests ended how, to be read."""
    return ", ".join(f"{number} x {name}" for name, number in count_statuses(samples).items())
