"""Drift as a scrape sees it: of real gateways, from versions whose manifests say what is usual."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gateway.drift.stability import LARGE, NOTICEABLE, drift
from gateway.tests.drifting import FEATURES, LEVELS, REFERENCE, flat, post, used_to
from tests.gateways import Gateway, serving_gateway
from tests.processes import eventually
from tests.scripted import ScriptedServer, scripted
from tests.workers import workers_of, working_together

WINDOW = 200  # images
SCRAPES = 12  # each by a connection of its own, so that both workers are asked
USUAL = LEVELS * (WINDOW // 4)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted(v1=used_to()) as running:
        yield running


@pytest.fixture
def watching(server: ScriptedServer, tmp_path: Path) -> Iterator[Gateway]:
    with serving_gateway(server.target, tmp_path, drift_window_images=str(WINDOW)) as gateway:
        yield gateway


def indices(gateway: Gateway, version: int = 1) -> dict[str, float]:
    """Return the index of each feature that is told."""
    told = {dict(labels)["feature"]: value for labels, value in gateway.samples("gateway_drift_psi").items()}
    assert {dict(labels)["version"] for labels in gateway.samples("gateway_drift_psi")} <= {str(version)}
    return told


def wait_for(gateway: Gateway, condition: Callable[[dict[str, float]], bool], what: str) -> None:
    eventually(lambda: condition(indices(gateway)), within=60, what=what)


def test_drift_shows_when_images_change_and_goes_when_they_are_as_before(watching: Gateway) -> None:
    """Usual images are stable in every feature; bright ones alone are others in all but their colour."""
    post(watching, USUAL)
    wait_for(watching, lambda told: told.keys() == set(FEATURES), "all features are told")
    assert max(indices(watching).values()) < NOTICEABLE

    post(watching, [LEVELS[3]] * WINDOW)
    wait_for(watching, lambda told: min(told[name] for name in ("class", "confidence", "mean")) > LARGE, "drift")
    assert indices(watching)["colour"] == 0

    post(watching, USUAL)
    wait_for(watching, lambda told: max(told.values()) < NOTICEABLE, "no drift")
    assert watching.samples("gateway_drift_images") == {(("version", "1"),): WINDOW}


def test_few_images_tell_nothing(watching: Gateway) -> None:
    """How many there are is told from the start, and what they differ in as soon as there are a hundred."""
    post(watching, USUAL[:99])
    eventually(lambda: watching.total("gateway_drift_images") == 99, within=60, what="99 images are seen")
    assert indices(watching) == {}

    post(watching, USUAL[:1])
    wait_for(watching, lambda told: told.keys() == set(FEATURES), "all features are told")


def test_a_version_that_has_gone_is_not_told_of(server: ScriptedServer, watching: Gateway) -> None:
    """Its series end with it; what comes back under its number begins anew."""
    post(watching, USUAL)
    wait_for(watching, lambda told: told.keys() == set(FEATURES), "all features are told")

    server.versions[2] = used_to()
    del server.versions[1]
    eventually(
        lambda: watching.samples("gateway_drift_images") == {(("version", "2"),): 0},
        within=60,
        what="version 2 is there",
    )
    assert watching.samples("gateway_drift_psi") == {}

    server.versions[1] = used_to()
    eventually(lambda: len(watching.samples("gateway_drift_images")) == 2, within=60, what="version 1 is there again")
    assert watching.total("gateway_drift_images") == 0


def test_versions_that_do_not_say_what_is_usual_are_served_and_not_watched(gateway: Gateway) -> None:
    """So are those of old trainers."""
    assert httpx.post(f"{gateway.url}/predict", content=flat(1)).status_code == 200
    assert gateway.samples("gateway_drift_images") == gateway.samples("gateway_drift_psi") == {}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ({"classes": [1, 2]}, "drift_reference counts 2 classes"),
        ({"classes": [1, 2, 3, -4]}, "drift_reference.classes"),
        ({**REFERENCE, "confidence": {"edges": [0.5], "counts": [1, 2, 3]}}, "there are 3 counts and 1 edges"),
        ({**REFERENCE, "confidence": {"edges": [0.5, 0.5], "counts": [1, 2, 3]}}, "edges are [0.5, 0.5]; they ascend"),
        ({**REFERENCE, "confidence": {"edges": [], "counts": [1]}}, "drift_reference.confidence.edges"),
    ],
)
def test_a_reference_that_means_nothing_is_refused(reference: object, reason: str, tmp_path: Path) -> None:
    """The version is told unusable, with the reason, and none answers."""
    version = used_to(reference)
    with scripted(v1=version) as server, serving_gateway(server.target, tmp_path, path="/health/live") as gateway:
        reply = httpx.post(f"{gateway.url}/predict", content=flat(1))

    assert (reply.status_code, reason in reply.json()["detail"]) == (503, True)


def test_whichever_worker_is_asked_drift_is_told_of_what_all_have_seen(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One index over all images, not one for each worker; the images of a worker that ended are not told of any more.

    No worker has seen as many images as there are here, and half of them would differ otherwise.
    """
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    levels = (LEVELS[0],) * 80 + (LEVELS[1],) * 40 + (LEVELS[2],) * 40 + (LEVELS[3],) * 40
    with working_together(server.target, tmp_path, drift_window_images="1000") as gateway:
        with ThreadPoolExecutor(8) as pool:
            for reply in pool.map(lambda level: httpx.post(f"{gateway.url}/predict", content=flat(level)), levels):
                assert reply.status_code == 200
        wanted = drift([80, 40, 40, 40], [100] * 4)
        expected = {"class": wanted, "confidence": wanted, "mean": wanted, "colour": 0.0}
        eventually(
            lambda: all(indices(gateway) == expected for _ in range(SCRAPES)),
            within=60,
            what="both workers tell of all images",
        )
        assert [gateway.total("gateway_drift_images") for _ in range(SCRAPES)] == [len(levels)] * SCRAPES
        victim = workers_of(gateway)[0]
        victim.kill()
        victim.wait(20)
        eventually(
            lambda: 0 < gateway.total("gateway_drift_images") < len(levels), within=60, what="its images are gone"
        )
