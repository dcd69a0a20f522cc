"""What open connections and many requests cost in memory."""

import asyncio
from dataclasses import dataclass

from loadtests.bench.drawings import grey_png
from loadtests.bench.measuring import Bench
from loadtests.bench.processes import gateway, stub_server
from loadtests.bench.report import Section
from loadtests.bench.usage import rss_mb
from loadtests.closedloop import post_in_turn
from loadtests.connection import Address, Connection, build_requests
from loadtests.images import Image
from loadtests.loops import run

_OPEN = 500
_ACTIVE = 64
_REQUESTS = 100_000
_STEP = 10_000
_BASE_S, _PER_IMAGE_S = 0.001, 0.0001


@dataclass
class _Memory:
    fresh: float = 0.0
    idle: float = 0.0
    all_active: float = 0.0
    answered: int = 0


def measure(bench: Bench, requests: int = _REQUESTS) -> Section:
    """Weigh the gateway fresh, with 500 connections idle and active, and over many requests."""
    section = Section(
        "Memory of the gateway",
        f"Resident, MB. Small images against a stub model server; the requests of the steps by {_ACTIVE} connections.",
        ("when", "RSS MB"),
    )
    images = [Image(f"{seed}.png", "image/png", grey_png(96, seed)) for seed in range(8)]
    with (
        stub_server(bench.folder, _BASE_S, _PER_IMAGE_S) as (target, _),
        gateway(target, bench.folder, bench.settings) as (url, front),
    ):
        address = Address.parse(f"{url}/predict")
        bodies = build_requests(address, images)
        section.rows.append(["fresh", rss_mb(front.pid)])
        idle, active = run(_open(address, bodies, bench.seconds, front.pid))
        section.rows += [[f"{_OPEN} connections, idle", idle], [f"{_OPEN} connections, active", active]]
        answered, steps = 0, []
        while answered < requests:
            answered += run(_answer(address, bodies, _STEP))
            steps.append(rss_mb(front.pid))
            section.rows.append([f"after {answered} more requests", steps[-1]])
            bench.say(f"{answered} requests: {steps[-1]:.0f} MB")
    section.lines += [
        f"gateway memory with {_OPEN} open connections: {max(idle, active):.0f} MB",
        f"gateway memory over {answered} requests: {steps[-1] - steps[0]:+.1f} MB from the first step to the last",
    ]
    section.data = [dict(zip(("when", "rss_mb"), row, strict=True)) for row in section.rows]
    return section


async def _open(address: Address, bodies: list[bytes], seconds: float, pid: int) -> tuple[float, float]:
    """Return the memory with idle connections, each of which was answered once, and with as many active ones."""
    idle = [await Connection.open(address) for _ in range(_OPEN)]
    for connection in idle:
        await connection.exchange(bodies[0])
    resting = rss_mb(pid)
    for connection in idle:
        connection.close()
    window = await post_in_turn(address, bodies, _OPEN, seconds=seconds, warm_up=1, look=lambda: rss_mb(pid))
    return resting, max(window.before, window.after)


async def _answer(address: Address, bodies: list[bytes], count: int) -> int:
    """Post `count` requests and return how many were answered."""
    left = iter(range(count))
    answered = 0

    async def work() -> None:
        nonlocal answered
        connection = await Connection.open(address)
        for number in left:
            if not connection.is_open:
                connection = await Connection.open(address)
            reply = await connection.exchange(bodies[number % len(bodies)])
            answered += reply.status == 200
        connection.close()

    await asyncio.gather(*(work() for _ in range(_ACTIVE)))
    if not answered:
        raise RuntimeError("the gateway answered none of the requests")
    return answered
