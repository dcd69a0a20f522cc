"""What is refused to clients of the Open Inference Protocol: in words that they read, with nothing done for it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferenceServerException, InferInput

from tests.clients import sending
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, ModelServer
from tests.processes import eventually
from tests.scripted import Version, certain, scripted

INFER = f"/v2/models/{MODEL}/infer"
ROWS = np.zeros((3, 32, 32, 1), np.uint8)
GOOD = png(pixels(1))
TIMEOUT = {"X-Request-Timeout": "soon"}


def rows(count: int = 3, **fields: object) -> dict[str, Any]:
    data = [0] * (count * 32 * 32)
    tensor = {"name": "images", "datatype": "UINT8", "shape": [count, 32, 32, 1], "data": data}
    return {"inputs": [{**tensor, **fields}]}


def posted(gateway: Gateway, content: dict[str, Any]) -> httpx.Response:
    return httpx.post(gateway.url + INFER, json=content, timeout=30)


def files(bodies: list[bytes]) -> InferInput:
    values = np.array(bodies, np.object_)
    return InferInput("image", [len(bodies)], "BYTES").set_data_from_numpy(values)


def refused(gateway: Gateway, tensor: InferInput, **options: object) -> InferenceServerException:
    """Return what the client raises."""
    client = InferenceServerClient(gateway.url.removeprefix("http://"))
    try:
        with pytest.raises(InferenceServerException) as told:
            client.infer(MODEL, [tensor], **options)
    finally:
        client.close()
    assert isinstance(told.value, InferenceServerException)
    return told.value


@pytest.mark.parametrize(
    ("problem", "status", "ask"),
    [
        ("/problems/inference-invalid", 400, lambda gateway: posted(gateway, {})),
        ("/problems/inference-invalid", 400, lambda gateway: posted(gateway, rows(shape=[3, 16, 64, 1]))),
        ("/problems/inference-invalid", 400, lambda gateway: posted(gateway, {**rows(), "outputs": [{"name": "x"}]})),
        ("/problems/too-many-files", 413, lambda gateway: posted(gateway, rows(129))),
        ("/problems/body-too-large", 413, lambda gateway: httpx.post(gateway.url + INFER, content=bytes(11 << 20))),
        ("/problems/model-unknown", 404, lambda gateway: httpx.get(f"{gateway.url}/v2/models/liver")),
        ("/problems/timeout-invalid", 400, lambda gateway: httpx.post(gateway.url + INFER, headers=TIMEOUT)),
        ("about:blank", 404, lambda gateway: httpx.get(f"{gateway.url}/v2/nowhere")),
        ("about:blank", 405, lambda gateway: httpx.get(gateway.url + INFER)),
    ],
)
def test_every_problem_is_told_in_the_words_of_the_protocol_too(
    gateway: Gateway, problem: str, status: int, ask: Callable[[Gateway], httpx.Response]
) -> None:
    """It is the same document as everywhere, with `error` in addition."""
    reply = ask(gateway)
    document = reply.json()

    assert (status, "application/problem+json") == (reply.status_code, reply.headers["content-type"])
    assert (problem, status) == (document["type"], document["status"])
    assert document["error"] == document["detail"]
    assert posted(gateway, rows()).status_code == 200


def test_other_problems_are_as_they_were(gateway: Gateway) -> None:
    """Who does not speak the protocol is not told twice."""
    assert "error" not in httpx.get(f"{gateway.url}/nowhere").json()
    assert "error" not in httpx.post(f"{gateway.url}/predict", content=b"no").json()


def test_an_image_that_is_none_fails_the_request_and_is_named(gateway: Gateway) -> None:
    """The protocol has no place for the error of one row, so nothing is answered, and nothing recorded."""
    before = gateway.total("history_rows_total")

    error = refused(gateway, files([GOOD, GOOD, b"not an image", GOOD]))

    assert error.status() == "415"
    assert error.message().startswith("row 2: ")
    assert gateway.total("history_rows_total") == before


def test_a_tensor_of_another_shape_is_refused_with_the_one_that_is_taken(gateway: Gateway) -> None:
    """A client that was written for another model learns what this one takes."""
    images = np.zeros((2, 224, 224, 3), np.uint8)

    error = refused(gateway, InferInput("images", list(images.shape), "UINT8").set_data_from_numpy(images))

    assert error.status() == "400"
    assert "version 1 takes [32, 32, 1]" in error.message()


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_body_is_refused_as_such(gateway: Gateway, algorithm: str) -> None:
    """A small one could unfold into any size."""
    error = refused(gateway, files([GOOD]), request_compression_algorithm=algorithm)

    assert error.status() == "400"
    assert f"encoded as '{algorithm}'" in error.message()


def test_rows_take_places_as_a_batch_and_leave_some_to_single_ones(model_server: ModelServer, tmp_path: Path) -> None:
    """One row is interactive; several are bulk, and never more than bulk may have."""
    with serving_gateway(model_server.target, tmp_path, concurrency_limit="4") as gateway:
        never = posted(gateway, rows(4))
        with sending(gateway.url, b"abc", path="/predict-batch", announced=100):
            eventually(lambda: gateway.total("gateway_inflight_requests") == 2, within=10, what="the batch has a place")
            several, single = posted(gateway, rows(3)), posted(gateway, rows(1))
        eventually(lambda: gateway.total("gateway_inflight_requests") == 1, within=10, what="its place is free")
        with sending(gateway.url, b"abc", announced=100):
            eventually(lambda: gateway.total("gateway_inflight_requests") == 2, within=10, what="a single one has one")
            enough = posted(gateway, rows(3))

    assert (never.status_code, never.json()["type"]) == (413, "/problems/too-many-files")
    assert (several.status_code, several.json()["type"]) == (429, "/problems/overloaded")
    assert (several.headers["retry-after"], several.json()["error"]) == ("1", several.json()["detail"])
    assert (single.status_code, enough.status_code) == (200, 200)


def test_what_would_be_late_is_not_answered(tmp_path: Path) -> None:
    """The header for it holds for all rows together; none of them is recorded."""
    version = Version(certain(0))
    with scripted(v1=version) as model, serving_gateway(model.target, tmp_path) as gateway:
        version.answers.clear()
        late = httpx.post(gateway.url + INFER, json=rows(), headers={"X-Request-Timeout": "0.2"})
        version.answers.set()

        assert (late.status_code, late.json()["type"]) == (504, "/problems/deadline-exceeded")
        assert posted(gateway, rows(1)).status_code == 200
        assert gateway.total("history_rows_total") == 1


def test_a_client_that_goes_takes_all_its_rows_along(tmp_path: Path) -> None:
    """Those that wait are not put to the model, and their places are free."""
    version = Version(certain(0))
    settings = {"concurrency_limit": "4", "request_timeout_s": "300", "max_batch": "1", "max_in_flight": "1"}
    with scripted(v1=version) as model, serving_gateway(model.target, tmp_path, **settings) as gateway:
        model.calls.clear()  # what tried the version
        version.answers.clear()
        with sending(gateway.url, json.dumps(rows()).encode(), path=INFER):
            eventually(lambda: gateway.total("gateway_queue_depth") == 2, within=30, what="the others wait")
        eventually(lambda: gateway.total("gateway_inflight_requests") == 1, within=10, what="nobody is worked for")
        version.answers.set()

        assert posted(gateway, rows()).status_code == 200
        assert len(model.calls) == 1 + 3
        assert gateway.total("gateway_requests_total", code="499") == 1


def test_without_a_version_nothing_is_ready(tmp_path: Path) -> None:
    """The server lives, and says why it cannot answer."""
    target = f"unix:{tmp_path}/nobody"
    with serving_gateway(target, tmp_path / "gateway", path="/v2/health/live") as gateway:
        client = InferenceServerClient(gateway.url.removeprefix("http://"))
        try:
            assert client.is_server_live()
            assert not client.is_server_ready()
            assert not client.is_model_ready(MODEL)
            assert not client.is_model_ready(MODEL, "1")
        finally:
            client.close()
        reply = posted(gateway, rows())

    assert (reply.status_code, reply.json()["type"]) == (503, "/problems/model-unavailable")
    assert reply.json()["error"]
