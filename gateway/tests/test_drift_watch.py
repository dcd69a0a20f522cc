"""What is watched, and for how long: services as they run, a scripted model server, and the test is the clock."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from gateway.answers import Scored
from gateway.appearance import appearance
from gateway.drift.drift import Drift
from gateway.drift.metrics import DriftMetrics
from gateway.drift.pool import Pool
from gateway.drift.window import Span
from gateway.manifest import ModelVersion
from gateway.metrics import Metrics
from gateway.observations import Outcome
from gateway.services import Services, run_services
from gateway.settings import Settings
from gateway.tests.drifting import FEATURES, LEVELS, by_brightness, used_to
from tests.scripted import ScriptedServer, scripted

SECONDS = 60.0


@dataclass
class Scene:
    """What watches, what it shows, and its clock."""

    services: Services
    registry: CollectorRegistry
    folder: Path
    now: float = 0.0

    def __post_init__(self) -> None:
        """Watch from now on."""
        self.folder.mkdir()
        pool = Pool(self.folder)
        span = Span(1000, SECONDS)
        self.drift = Drift(self.services.versions, span, DriftMetrics(self.registry), pool, lambda: self.now)
        self.drift.start()

    def hear(self, images: int, model: ModelVersion | None = None) -> None:
        """Let version 1 answer images, as many of each level."""
        answering = model or self.services.versions.usable()[1]
        for number in range(images):
            image = np.full((32, 32, 1), LEVELS[number % len(LEVELS)], np.uint8)
            [row] = by_brightness(image[np.newaxis])
            self.drift.observe(Outcome.of(Scored(answering, "stable", row, 0.01, 1, appearance(image))))

    def fail(self, images: int) -> None:
        """Let version 1 fail to answer images."""
        for _ in range(images):
            self.drift.observe(Outcome(1, "stable", 0.01, error="model-failed"))

    async def shown(self) -> tuple[float | None, set[str]]:
        """Return how many images are told of, and the features that are."""
        await self.drift.show()
        samples = [sample for metric in self.registry.collect() for sample in metric.samples]
        told = {sample.labels["feature"] for sample in samples if sample.name == "gateway_drift_psi"}
        return self.registry.get_sample_value("gateway_drift_images", {"version": "1"}), told


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted(v1=used_to()) as running:
        yield running


@pytest.fixture
async def scene(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[Scene]:
    settings = Settings(backend=server.target, history=f"sqlite:///{tmp_path / 'history.db'}", guard=False)
    async with run_services(settings, Metrics(CollectorRegistry())) as services:
        await asyncio.wait_for(services.versions.settled(), 20)
        yield Scene(services, CollectorRegistry(), tmp_path / "workers")


async def test_images_are_forgotten_when_their_time_is_up(scene: Scene) -> None:
    """With them goes what they told, though no image comes after them."""
    scene.hear(60)
    scene.now += SECONDS / 2
    scene.hear(60)
    assert await scene.shown() == (120, set(FEATURES))

    scene.now += SECONDS / 2
    assert await scene.shown() == (60, set())

    scene.now += SECONDS / 2
    assert await scene.shown() == (0, set())


async def test_failures_and_answers_of_another_model_are_not_counted(scene: Scene) -> None:
    """A version that came back under its number is another one; an answer of the first may still be on its way."""
    scene.hear(5)
    scene.fail(200)
    version = scene.services.versions.usable()[1]
    scene.hear(200, model=ModelVersion(1, version.manifest))

    assert await scene.shown() == (5, set())


async def test_a_folder_that_cannot_be_written_is_told_and_ends_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is shown stays, since a part of the workers is none to judge by; afterwards it goes on."""
    scene.hear(120)
    before = await scene.shown()
    scene.hear(120)
    aside = scene.folder.rename(scene.folder.with_name("aside"))
    during = [await scene.shown() for _ in range(3)]
    aside.rename(scene.folder)

    assert during == [before] * 3
    assert capsys.readouterr().out.count("drift not known") == 1
    assert await scene.shown() == (240, set(FEATURES))
