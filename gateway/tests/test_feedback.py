"""True labels of predictions, and the accuracy that follows from them."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually
from tests.scripted import Version, certain, scripted
from tests.toymodel import LABELS


@pytest.fixture
def told(model_server: ModelServer, tmp_path: Path) -> Iterator[Gateway]:
    with serving_gateway(model_server.target, tmp_path) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def refusing(model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One for all tests that have nothing taken down."""
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("refusing")) as gateway:
        yield gateway


def predict(gateway: Gateway, seed: int = 1) -> dict[str, Any]:
    prediction: dict[str, Any] = httpx.post(f"{gateway.url}/predict", content=png(pixels(seed))).json()
    return prediction


def say(gateway: Gateway, prediction: str, label: str) -> httpx.Response:
    return httpx.post(f"{gateway.url}/feedback", json={"prediction_id": prediction, "label": label})


def accuracy(gateway: Gateway) -> dict[int, tuple[int, float]]:
    versions = httpx.get(f"{gateway.url}/feedback/accuracy").json()["versions"]
    return {each["model_version"]: (each["images"], each["accuracy"]) for each in versions}


def other_than(label: str) -> str:
    return next(each for each in LABELS if each != label)


def test_feedback_becomes_live_accuracy_and_the_newest_counts(told: Gateway) -> None:
    """Three right of four; said otherwise later, two; the metrics say the same."""
    predictions = [predict(told, seed) for seed in range(4)]
    nothing = accuracy(told)
    for prediction in predictions[:3]:
        assert say(told, prediction["id"], prediction["prediction"]).status_code == 201
    wrong = say(told, predictions[3]["id"], other_than(predictions[3]["prediction"]))
    first = accuracy(told)
    say(told, predictions[0]["id"], other_than(predictions[0]["prediction"]))

    assert nothing == {}
    assert (wrong.json()["correct"], wrong.json()["model_version"]) == (False, 1)
    assert first == {1: (4, 0.75)}
    assert accuracy(told) == {1: (4, 0.5)}
    eventually(
        lambda: told.samples("gateway_feedback_accuracy") == {(("version", "1"),): 0.5},
        within=30,
        what="the metric follows",
    )
    assert told.samples("gateway_feedback_images") == {(("version", "1"),): 4.0}


def test_each_version_has_its_own_accuracy_also_after_a_restart(tmp_path: Path) -> None:
    """What one version answered says nothing of another; a new process knows what the one before was told."""
    with scripted(v1=Version(certain(0)), v2=Version(certain(1))) as server:
        with serving_gateway(server.target, tmp_path) as gateway:
            newest = predict(gateway)
            httpx.put(f"{gateway.url}/models/route", json={"mode": "pinned", "version": 1})
            older = predict(gateway)
            say(gateway, newest["id"], LABELS[1])
            say(gateway, older["id"], LABELS[1])
        with serving_gateway(server.target, tmp_path) as gateway:
            after = accuracy(gateway)
            eventually(
                lambda: gateway.total("gateway_feedback_images") == 2, within=30, what="the metric knows the past"
            )

    assert (newest["model_version"], older["model_version"]) == (2, 1)
    assert after == {2: (1, 1.0), 1: (1, 0.0)}


@pytest.mark.parametrize("identity", [uuid.uuid4().hex, "x", "' OR 1=1 --", "\0"], ids=ascii)
def test_a_prediction_that_is_not_there_is_named(refusing: Gateway, identity: str) -> None:
    """404, whatever the identity is made of."""
    reply = say(refusing, identity, LABELS[0])

    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/prediction-unknown")


@pytest.mark.parametrize("label", ["mesothelioma", "../x", "NORMAL", "\0"], ids=ascii)
def test_a_label_that_the_version_did_not_know_is_refused(refusing: Gateway, label: str) -> None:
    """Nothing is counted."""
    reply = say(refusing, predict(refusing)["id"], label)

    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/labels-invalid")
    assert accuracy(refusing) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"{}",
        b'{"prediction_id": "x"}',
        b'{"prediction_id": 3, "label": "normal"}',
        b'{"prediction_id": "x", "label": ""}',
        b'{"prediction_id": "x", "label": "normal", "more": 1}',
        b'{"prediction_id": "x", "label": "\xff"}',
        b'{"label":' + b"[" * 4000,
    ],
)
def test_what_is_no_feedback_is_refused(refusing: Gateway, body: bytes) -> None:
    """422 with the field, however the document is broken."""
    reply = httpx.post(f"{refusing.url}/feedback", content=body)

    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/feedback-invalid")


def test_a_document_that_is_too_large_is_not_read(refusing: Gateway) -> None:
    """413, before it is read."""
    assert httpx.post(f"{refusing.url}/feedback", content=b"x" * 5000).status_code == 413
