"""Versions that are on trial, or broken: what they cost those who are answered by another, and what is told of them."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clients import posting
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import LABELS, manifest

BODY = png(pixels(1))
Shape = list[int]


@contextmanager
def in_front_of(folder: Path, **versions: Version) -> Iterator[tuple[ScriptedServer, Gateway]]:
    with scripted(**versions) as server, serving_gateway(server.target, folder, max_batch="4") as gateway:
        yield server, gateway


def put(gateway: Gateway, **route: object) -> None:
    httpx.put(f"{gateway.url}/models/route", json=route).raise_for_status()


def predict(gateway: Gateway) -> dict[str, Any]:
    reply = httpx.post(f"{gateway.url}/predict", content=BODY, timeout=30)
    assert reply.status_code == 200, reply.text
    prediction: dict[str, Any] = reply.json()
    return prediction


def model(gateway: Gateway, version: int) -> dict[str, Any]:
    models = httpx.get(f"{gateway.url}/models").json()["models"]
    return next((entry for entry in models if entry["version"] == version), {})


def constant(*values: float) -> Any:  # noqa: ANN401 - an answer
    return lambda images: np.tile(np.array(values, np.float32), (len(images), 1))


BROKEN_DESCRIPTIONS = {
    "mute": Version(certain(1), mute=True),
    "no json": Version(certain(1), manifest="{"),
    "no labels": Version(certain(1), manifest=json.dumps({"image": manifest()["image"], "metrics": {}})),
    "one label twice": Version(certain(1), manifest=json.dumps({**manifest(), "labels": ["a", "b", "a"]})),
    "huge image": Version(certain(1), manifest=json.dumps(manifest(size=10**9))),
    "empty image": Version(certain(1), manifest=json.dumps(manifest(size=0))),
    "unknown mode": Version(certain(1), manifest=json.dumps(manifest()).replace('"L"', '"CMYK"')),
}
BROKEN_ANSWERS = {
    "an error": Version(certain(1), fails_with=grpc.StatusCode.INTERNAL),
    "not a number": Version(constant(0.1, 0.1, 0.1, float("nan"))),
    "no probability": Version(constant(3.0, -1.0, 0.0, 0.0)),
    "too few classes": Version(constant(0.5, 0.5)),
    "too few rows": Version(lambda images: certain(1)(images[1:])),
    "another shape": Version(lambda images: np.zeros((len(images), 4, 4), np.float32)),
}


@pytest.mark.parametrize("name", [*BROKEN_DESCRIPTIONS, *BROKEN_ANSWERS])
def test_a_broken_version_costs_nothing_and_is_seen(name: str, tmp_path: Path) -> None:
    """The good one goes on; /models has the reason, a counter counts it once, and no route leads to the broken one."""
    reason = "describe" if name in BROKEN_DESCRIPTIONS else "probe"
    with in_front_of(tmp_path, v1=Version(certain(0))) as (server, gateway):
        server.versions[2] = {**BROKEN_DESCRIPTIONS, **BROKEN_ANSWERS}[name]
        eventually(lambda: bool(model(gateway, 2).get("error")), within=20, what="the reason is shown")
        answers = [predict(gateway)["model_version"] for _ in range(5)]
        refused = httpx.put(f"{gateway.url}/models/route", json={"mode": "pinned", "version": 2})
        failures = gateway.samples("gateway_model_version_failures_total")
        ready = {version: gateway.total("gateway_model_version_ready", version=version) for version in ("1", "2")}
        server.versions.pop(2)
        eventually(lambda: not model(gateway, 2), within=20, what="it is forgotten")
        left = gateway.samples("gateway_model_version_ready")

    assert {1} == set(answers)
    assert refused.status_code == 409
    assert {(("reason", reason),)} == {key for key, value in failures.items() if value}
    assert failures[("reason", reason),] == 1
    assert ready == {"1": 1, "2": 0}
    assert {(("version", "1"),)} == set(left)


def test_a_version_that_cannot_describe_itself_costs_nobody_when_the_good_one_is_swapped(tmp_path: Path) -> None:
    """Neither one that hangs nor one that is wrong is waited for."""
    hanging = Version(certain(1))
    hanging.describes.clear()
    with in_front_of(tmp_path, v1=Version(certain(0))) as (server, gateway):
        server.versions |= {2: hanging, 3: Version(certain(1), mute=True)}
        eventually(lambda: bool(model(gateway, 3).get("error")), within=20, what="the wrong one is noticed")
        server.versions = {n: version for n, version in {**server.versions, 4: Version(certain(3))}.items() if n != 1}
        answer = predict(gateway)["model_version"]

    assert answer == 4


def test_a_version_is_tried_with_each_batch_size_before_a_client_meets_it(tmp_path: Path) -> None:
    """While another answers; and what is tried is not counted as work for clients."""
    with in_front_of(tmp_path, v1=Version(certain(0))) as (server, gateway):
        new = Version(certain(1))
        new.answers.clear()
        server.versions[2] = new
        eventually(lambda: (2, 1) in server.calls, within=20, what="it is tried")
        meanwhile = predict(gateway)["model_version"]
        new.answers.set()
        eventually(lambda: predict(gateway)["model_version"] == 2, within=20, what="it answers")
        tried = gateway.total("gateway_probe_duration_seconds_count")
        images, rpcs = gateway.total("gateway_batch_size_sum"), gateway.total("gateway_backend_rpcs_total")
        predictions = gateway.total("gateway_predictions_total")

    assert meanwhile == 1
    assert [size for version, size in server.calls if version == 2][:3] == [1, 2, 4]
    assert tried == 3
    assert images == rpcs == predictions


def test_a_version_that_failed_its_trial_does_not_answer_while_the_next_one_describes_itself(tmp_path: Path) -> None:
    """The good one leaves as the next one comes: requests wait for that moment, and none meets the broken one."""
    with in_front_of(tmp_path, v1=Version(certain(0))) as (server, gateway):
        server.versions[2] = Version(certain(1), fails_with=grpc.StatusCode.INTERNAL)
        eventually(lambda: bool(model(gateway, 2).get("error")), within=20, what="the broken one is noticed")
        new = Version(certain(2))
        new.describes.clear()
        with posting(gateway.url, BODY, clients=2) as replies:
            server.versions = {2: server.versions[2], 3: new}
            eventually(lambda: bool(model(gateway, 3)), within=20, what="the next one is noticed")
            new.describes.set()
            eventually(lambda: bool(replies) and replies[-1].json()["model_version"] == 3, within=20, what="it answers")

    assert {200} == {reply.status_code for reply in replies}
    assert {1, 3} >= {reply.json()["model_version"] for reply in replies}


def test_the_only_version_is_used_at_once(tmp_path: Path) -> None:
    """Nobody waits for a trial that would protect nobody."""
    with in_front_of(tmp_path, v1=Version(certain(0))) as (server, gateway):
        predict(gateway)

    assert server.calls == [(1, 1)]


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
def test_a_candidate_that_breaks_costs_no_request(name: str, tmp_path: Path) -> None:
    """The stable version answers in its place, and says so."""
    candidate = Version(certain(1))
    with in_front_of(tmp_path, v1=Version(certain(0)), v2=candidate) as (_, gateway):
        put(gateway, mode="canary", version=2, percent=100, stable=1)
        well = predict(gateway)["model_version"]
        candidate.answer, candidate.fails_with = BROKEN_ANSWERS[name].answer, BROKEN_ANSWERS[name].fails_with
        broken = [predict(gateway)["model_version"] for _ in range(3)]

    assert (well, broken) == (2, [1, 1, 1])


def comparisons(gateway: Gateway) -> dict[str, float]:
    samples = gateway.samples("gateway_shadow_comparisons_total")
    return {dict(key)["outcome"]: value for key, value in samples.items() if value}


def test_a_shadow_is_compared_and_answers_nobody(tmp_path: Path) -> None:
    """Each image is put to it too, also where it takes other images and lists its classes in another order."""
    shape: list[Shape] = []

    def turned(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        shape.append(list(images.shape))
        return np.ascontiguousarray(certain(0)(images)[:, ::-1])

    other = {**manifest(size=48, mode="RGB"), "labels": LABELS[::-1]}
    shadow = Version(turned, manifest=json.dumps(other))
    with in_front_of(tmp_path, v1=Version(certain(0)), v2=shadow) as (server, gateway):
        put(gateway, mode="shadow", version=2, percent=100, stable=1)
        answers = {predict(gateway)["model_version"] for _ in range(5)}
        eventually(lambda: comparisons(gateway) == {"agree": 5}, within=20, what="five agree")
        shadow.answer = certain(0)
        predict(gateway)
        eventually(lambda: comparisons(gateway) == {"agree": 5, "disagree": 1}, within=20, what="one disagrees")
        shadow.fails_with = grpc.StatusCode.INTERNAL
        predict(gateway)
        expected = {"agree": 5, "disagree": 1, "failed": 1}
        eventually(lambda: comparisons(gateway) == expected, within=20, what="one failed")
        difference = gateway.total("gateway_shadow_difference_sum")
        images, rpcs = gateway.total("gateway_batch_size_sum"), gateway.total("gateway_backend_rpcs_total")

    assert answers == {1}
    assert {(1, 48, 48, 3)} == {tuple(found) for found in shape}
    assert difference == pytest.approx(0.96, abs=0.01)
    assert images == rpcs == 7
    assert sum(version == 2 for version, _ in server.calls) == 7


def test_a_shadow_that_hangs_is_waited_for_by_nobody_and_its_queue_is_bounded(tmp_path: Path) -> None:
    """What does not fit is dropped and counted; one call at a time reaches it."""
    shadow = Version(certain(1))
    with in_front_of(tmp_path, v1=Version(certain(0)), v2=shadow) as (server, gateway):
        put(gateway, mode="shadow", version=2, percent=100, stable=1)
        shadow.answers.clear()
        answers = {predict(gateway)["model_version"] for _ in range(30)}
        dropped = comparisons(gateway)
        asked = sum(version == 2 for version, _ in server.calls)
        shadow.answers.set()
        eventually(lambda: sum(comparisons(gateway).values()) == 30, within=20, what="all are accounted for")

    assert answers == {1}
    assert asked == 1
    assert dropped == {"dropped": 30 - 16 - 1}


def test_a_version_that_vanishes_between_routing_and_call_costs_nothing(tmp_path: Path) -> None:
    """The model server may swap faster than the gateway asks it, under every route."""
    with in_front_of(tmp_path, v1=Version(certain(0))) as (server, gateway):
        for version in itertools.islice(itertools.count(2), 12):
            if version == 6:
                put(gateway, mode="pinned", version=5)
            server.versions = {version: Version(certain(0))}
            assert predict(gateway)["model_version"] == version


def test_no_version_left_is_a_503_that_names_the_reasons(tmp_path: Path) -> None:
    """The operator reads at one place what is wrong with each."""
    with in_front_of(tmp_path, v1=Version(certain(0))) as (server, gateway):
        server.versions = {2: Version(certain(1), mute=True), 3: Version(certain(1), state="LOADING")}
        reply = httpx.post(f"{gateway.url}/predict", content=BODY)
        ready = httpx.get(f"{gateway.url}/health/ready")

    assert (reply.status_code, ready.status_code) == (503, 503)
    assert re.search("version 2: .*describe", ready.json()["detail"])
