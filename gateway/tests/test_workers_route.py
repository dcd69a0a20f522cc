"""One route for a gateway of two processes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from gateway.errors import RouteConflict
from gateway.metrics import Metrics
from gateway.routing import Latest, Pinned
from gateway.services import run_services
from gateway.settings import Settings
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.workers import wait_for_workers, workers_of, working_together

IMAGE = png(pixels(1))
CONNECTIONS = 16  # so many that all of them lead to one worker once in 32,768 times


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted(**{f"v{n}": Version(certain(n - 1)) for n in (1, 2, 3)}) as running:
        yield running


@pytest.fixture
def pair(server: ScriptedServer, tmp_path: Path) -> Iterator[Gateway]:
    with working_together(server.target, tmp_path) as gateway:
        yield gateway


def put(gateway: Gateway, **route: object) -> dict[str, Any]:
    reply = httpx.put(f"{gateway.url}/models/route", json=route)
    assert reply.status_code == 200, reply.text
    document: dict[str, Any] = reply.json()
    return document


def answering(gateway: Gateway) -> set[int]:
    """Return the versions that answer, asked by connections of their own."""
    replies = [httpx.post(f"{gateway.url}/predict", content=IMAGE).json() for _ in range(CONNECTIONS)]
    return {reply["model_version"] for reply in replies}


def follows(gateway: Gateway, version: int) -> None:
    eventually(lambda: answering(gateway) == {version}, within=20, what=f"all workers answer by version {version}")


def test_a_route_that_one_worker_was_told_holds_for_all_and_for_their_successors(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """Also for a worker that is started in place of one that was killed, and for the next gateway."""
    with working_together(server.target, tmp_path) as gateway:
        before = answering(gateway)
        for version in (1, 2, 1):
            put(gateway, mode="pinned", version=version)
            follows(gateway, version)
        workers_of(gateway)[0].kill()
        wait_for_workers(gateway)
        after_a_kill = answering(gateway)
        put(gateway, mode="pinned", version=2)
        follows(gateway, 2)
    with serving_gateway(server.target, tmp_path) as alone:
        restarted = answering(alone)

    assert before == {3}
    assert after_a_kill == {1}
    assert restarted == {2}


def test_who_asks_for_the_route_is_told_the_newest_whichever_worker_he_meets(pair: Gateway) -> None:
    """There is no moment in which a change that was acknowledged is not to be seen, or cannot be taken back."""
    for version in (1, 2, 3) * 3:
        told = put(pair, mode="pinned", version=version)
        seen = [httpx.get(f"{pair.url}/models/route").json() for _ in range(4)]
        assert [(state["sequence"], state["current"]) for state in seen] == [(told["sequence"], told["current"])] * 4

    put(pair, mode="canary", version=3, percent=10, stable=1)
    back = httpx.post(f"{pair.url}/models/rollback").json()
    assert back["current"] == {"mode": "pinned", "version": 1}


def test_changes_at_one_time_come_one_after_the_other(pair: Gateway) -> None:
    """Each is kept once, none is lost, and the newest holds everywhere."""

    def change(number: int) -> None:
        put(pair, mode="pinned", version=number % 3 + 1, reason=f"number {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(40)))
    kept = httpx.get(f"{pair.url}/models/route/history", params={"limit": 500}).json()["history"]
    follows(pair, kept[0]["route"]["version"])

    assert sorted(entry["reason"] for entry in kept) == sorted(f"number {number}" for number in range(40))
    assert [entry["sequence"] for entry in kept] == list(range(40, 0, -1))
    eventually(
        lambda: pair.total("gateway_route_changes_total", actor="operator") == 40,
        within=10,
        what="all are counted once",
    )


async def test_a_change_that_another_process_made_stale_is_refused(server: ScriptedServer, tmp_path: Path) -> None:
    """What the guard decided on another route is not done, although its process has not heard of the new one."""
    settings = Settings(backend=server.target, history=f"sqlite:///{tmp_path / 'history.db'}", guard=False)
    async with AsyncExitStack() as stack:
        one, other = [
            (await stack.enter_async_context(run_services(settings, Metrics(CollectorRegistry())))).router
            for _ in range(2)
        ]
        judged = other.change().sequence
        await one.set(Pinned(1), actor="operator", reason="first")
        with pytest.raises(RouteConflict, match="changed meanwhile"):
            await other.set(Pinned(2), actor="guard", reason="too late", after=judged)
        seen = other.change()
        await other.set(Latest(), actor="guard", reason="in time", after=seen.sequence)
        await one.refresh()

        assert (seen.route, seen.reason) == (Pinned(1), "first")
        assert (one.change().route, one.change().reason) == (Latest(), "in time")
