"""What the guard does about the route: services as they run, a scripted model server, and the test is the clock."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from gateway.guard.guard import Guard, Spans
from gateway.metrics import Metrics
from gateway.observations import Outcome
from gateway.routing import Canary, Latest, Pinned, Route, Shadow
from gateway.services import Services, run_services, thresholds
from gateway.settings import Settings
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import manifest

WINDOW_S, ROLLOUT_S = 120.0, 600.0  # so that a slice is a second


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scene:
    """A guard, what it guards, and its clock."""

    server: ScriptedServer
    services: Services
    guard: Guard
    metrics: Metrics
    clock: Clock

    def route(self) -> Route:
        return self.services.router.change().route

    async def set(self, route: Route) -> None:
        await self.services.router.set(route, actor="operator", reason="a test")

    def hear(self, version: int, seconds: int = 10, images: int = 20, **outcome: Any) -> None:  # noqa: ANN401
        """Let `images` of a version come to an end in each of so many seconds."""
        for _ in range(seconds):
            self.clock.now += 1
            for _ in range(images):
                self.guard.observe(Outcome(version, "stable", 0.01, **{"label": "normal", **outcome}))

    async def until(self, number: int, *, usable: bool = True) -> None:
        """Wait until the gateway has found that a version can answer, or cannot any more."""
        versions, news = self.services.versions, asyncio.Event()
        versions.subscribe(news.set)
        while (number in versions.usable()) != usable:
            news.clear()
            await asyncio.wait_for(news.wait(), 20)

    def total(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted(v1=Version(certain(0)), v2=Version(certain(0))) as running:
        yield running


@pytest.fixture
async def scene(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[Scene]:
    settings = Settings(
        backend=server.target, history=f"sqlite:///{tmp_path / 'history.db'}", model_poll_s=0.05, guard=False
    )
    metrics = Metrics(CollectorRegistry())
    async with run_services(settings, metrics) as services:
        spans = Spans(WINDOW_S, ROLLOUT_S)
        clock = Clock()
        guard = Guard(services.router, services.versions, thresholds(settings), spans, metrics, clock)
        scene = Scene(server, services, guard, metrics, clock)
        await scene.until(1)
        await scene.until(2)
        guard.start()
        yield scene


async def test_a_bad_canary_is_taken_back_once_and_judged_afresh_when_it_is_tried_again(scene: Scene) -> None:
    """What it did before the rollback is forgotten; what it does after it is not."""
    await scene.set(Canary(2, 10, 1))
    scene.hear(1)
    scene.hear(2, label="adenocarcinoma")
    await scene.guard.look()
    assert scene.route() == Pinned(1)

    await scene.set(Canary(2, 10, 1))
    scene.hear(2)
    await scene.guard.look()
    assert scene.route() == Canary(2, 10, 1)

    scene.hear(2, error="model-failed")
    await scene.guard.look()
    assert scene.route() == Pinned(1)
    assert scene.total("gateway_guard_rollbacks_total", measure="classes") == 1
    assert scene.total("gateway_guard_rollbacks_total", measure="errors") == 1


async def test_an_operator_who_changes_the_route_at_the_same_moment_wins(scene: Scene) -> None:
    """The guard judged another route than the one that would be replaced."""
    await scene.set(Canary(2, 10, 1))
    scene.hear(1)
    scene.hear(2, label="adenocarcinoma")

    await asyncio.gather(scene.set(Pinned(2)), scene.guard.look())

    assert scene.route() == Pinned(2)
    assert scene.total("gateway_guard_state", state="idle") == 1


async def test_a_pin_is_never_judged(scene: Scene) -> None:
    """Whoever pins a version has decided, whatever it does."""
    await scene.set(Pinned(1))
    scene.hear(1)
    await scene.set(Pinned(2))
    scene.hear(2, error="model-failed")
    await scene.guard.look()

    assert scene.route() == Pinned(2)


@pytest.mark.parametrize("late", [False, True], ids=["while it is watched", "after that"])
async def test_a_rollout_is_watched_for_a_time(scene: Scene, late: bool) -> None:  # noqa: FBT001 - the case
    """A version that turns bad within ten minutes is taken back, and one that does so later is not."""
    await scene.set(Pinned(1))
    scene.hear(1)
    await scene.set(Latest())
    assert scene.total("gateway_guard_state", state="watching") == 1

    scene.clock.now += 601 if late else 300
    scene.hear(2, label="adenocarcinoma")
    await scene.guard.look()

    assert scene.route() == (Latest() if late else Pinned(1))
    assert scene.total("gateway_guard_state", state="idle") == 1


async def test_a_rollout_is_compared_with_what_was_before_it(scene: Scene) -> None:
    """The version before is judged by its last minutes, however long ago they are by then."""
    await scene.set(Pinned(1))
    scene.hear(1)
    await scene.set(Latest())
    scene.clock.now += 500
    scene.hear(2, seconds=30, images=2, abstained=True)
    await scene.guard.look()

    assert scene.route() == Pinned(1)


@pytest.mark.parametrize("wanted", [Canary(3, 10, 1), Shadow(3, 10, 1)], ids=["canary", "shadow"])
async def test_versions_with_other_classes_are_not_compared_by_class(scene: Scene, wanted: Route) -> None:
    """A model that knows a fifth class disagrees by design; that it fails still counts."""
    labels = [*manifest()["labels"], "other"]
    fifth = np.array([[0, 0, 0, 0, 1]], np.float32)
    scene.server.versions[3] = Version(
        lambda images: fifth.repeat(len(images), 0), manifest=json.dumps({**manifest(), "labels": labels})
    )
    await scene.until(3)
    await scene.set(wanted)
    scene.hear(1)
    scene.hear(3, label="other", disagreed=True)
    await scene.guard.look()
    assert scene.route() == wanted

    scene.hear(3, error="model-failed")
    await scene.guard.look()
    assert scene.route() == Pinned(1)


async def test_a_stable_version_that_has_gone_is_not_routed_back_to_until_it_is_there(scene: Scene) -> None:
    """The guard says once that it is helpless, and acts when it can."""
    await scene.set(Canary(2, 10, 1))
    scene.hear(1)
    stable = scene.server.versions.pop(1)
    await scene.until(1, usable=False)
    for _ in range(3):
        scene.hear(2, error="model-failed")
        await scene.guard.look()
    assert scene.route() == Canary(2, 10, 1)
    assert scene.total("gateway_guard_helpless_total") == 1
    assert scene.total("gateway_guard_state", state="helpless") == 1

    scene.server.versions[1] = stable
    await scene.until(1)
    await scene.guard.look()
    assert scene.route() == Pinned(1)
    assert scene.total("gateway_guard_state", state="idle") == 1
