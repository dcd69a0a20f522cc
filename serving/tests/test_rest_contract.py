"""The HTTP port of a server beside its gRPC port, in a process of its own: same answers, same errors, and counts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.tensors import Array
from tests.modelserver import ModelServer, serving
from tests.processes import ROOT, free_port
from tests.toymodel import WARMUP_BATCHES, expected

if TYPE_CHECKING:
    from serving.tests.official import Official

METRICS = "/monitoring/prometheus/metrics"
LUNG = "/v1/models/lung"
CALLS = 3


class Web:
    """The HTTP port of a model server."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def predict(self, content: Mapping[str, object], path: str = LUNG) -> httpx.Response:
        return self.client.post(f"{path}:predict", json=content)

    def sum(self, name: str, **labels: str) -> float:
        """Return a metric's value, summed over its samples with these labels."""
        text = self.client.get(METRICS).text
        found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(
            sample.value
            for sample in found
            if sample.name.removesuffix("_total") == name and labels.items() <= sample.labels.items()
        )


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(toy_store: Path, port: int) -> Iterator[ModelServer]:
    config = ROOT / "serving" / "config" / "monitoring.config"
    with serving(toy_store, f"--rest_api_port={port}", f"--monitoring_config_file={config}") as running:
        yield running


@pytest.fixture
def web(server: ModelServer, port: int) -> Iterator[Web]:
    assert server.process.poll() is None
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield Web(client)


@pytest.fixture(scope="module")
def beside(server: ModelServer) -> Iterator["Official"]:
    """The official gRPC client of the same server."""
    from serving.tests.official import connected  # noqa: PLC0415 - imports TensorFlow, which takes seconds

    with connected(server.target) as client:
        yield client


def images(count: int) -> Array:
    """Return noise: uint8 `[count, 32, 32, 1]`."""
    return np.random.default_rng(count).integers(0, 255, (count, 32, 32, 1), np.uint8)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_http_answers_what_grpc_answers(web: Web, beside: "Official", count: int) -> None:
    batch = images(count)
    _, rows = beside.probabilities(batch)

    by_row = web.predict({"instances": batch.tolist()}).json()["predictions"]
    by_name = web.predict({"instances": [{"images": image.tolist()} for image in batch]}).json()["predictions"]
    by_column = web.predict({"inputs": {"images": batch.tolist()}}).json()["outputs"]

    for answer in (by_row, by_name, by_column):
        np.testing.assert_array_equal(np.array(answer, np.float32), rows)
    np.testing.assert_allclose(by_row, [expected(image, 1) for image in batch], atol=1e-5)


@pytest.mark.parametrize("path", [f"{LUNG}/versions/1", "/V1/models/lung"])
def test_a_version_can_be_pinned_and_letters_may_be_capitals(web: Web, path: str) -> None:
    assert web.predict({"instances": images(1).tolist()}, path).status_code == 200


def test_a_signature_without_inputs_cannot_be_asked_as_in_the_original(web: Web) -> None:
    reply = web.predict({"signature_name": "describe", "inputs": {}})

    assert (reply.status_code, reply.json()) == (400, {"error": "Failed to get input map for signature: describe"})


def test_a_scalar_goes_in_and_comes_out(web: Web) -> None:
    reply = web.predict({"signature_name": "spin", "inputs": 7})

    assert reply.json() == {"outputs": 7}


def test_instances_are_rows_so_a_scalar_input_cannot_be_one(web: Web) -> None:
    reply = web.predict({"signature_name": "spin", "instances": [7]})

    assert (reply.status_code, reply.json()) == (
        400,
        {"error": "input rounds has the shape [1]; the signature takes []"},
    )


def test_an_endless_run_ends_when_its_time_is_up(toy_store: Path) -> None:
    port = free_port()
    with (
        serving(toy_store, f"--rest_api_port={port}", "--rest_api_timeout_in_ms=500"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        reply = Web(client).predict({"signature_name": "spin", "inputs": 2**31 - 1})

    assert reply.status_code == 504


def test_errors_are_those_of_grpc(web: Web, beside: "Official") -> None:
    from serving.tests.official import predict_request  # noqa: PLC0415 - imports TensorFlow, which takes seconds

    wrong = np.zeros((1, 3), np.uint8)
    with pytest.raises(grpc.RpcError) as refused:
        beside.predict(predict_request(wrong))
    with pytest.raises(grpc.RpcError) as missing:
        beside.predict(predict_request(images(1), 7))

    assert web.predict({"instances": wrong.tolist()}).json() == {"error": refused.value.details()}
    assert web.predict({"instances": images(1).tolist()}, f"{LUNG}/versions/7").json() == {
        "error": missing.value.details()
    }


def test_the_status_says_what_grpc_says(web: Web, beside: "Official") -> None:
    (version, status), *others = beside.states().items()

    assert (status.state, others) == (30, [])
    assert web.client.get(LUNG).json() == {
        "model_version_status": [
            {"version": str(version), "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }


def test_metadata_hold_the_signatures(web: Web) -> None:
    written = web.client.get(f"{LUNG}/metadata").json()
    signatures = written["metadata"]["signature_def"]["signature_def"]

    assert written["model_spec"] == {"name": "lung", "signature_name": "", "version": "1"}
    assert set(signatures) == {"serving_default", "explain", "describe", "spin"}
    assert signatures["serving_default"]["inputs"]["images"]["dtype"] == "DT_UINT8"
    assert [dim["size"] for dim in signatures["serving_default"]["inputs"]["images"]["tensor_shape"]["dim"]] == [
        "-1",
        "32",
        "32",
        "1",
    ]


def test_calls_of_both_ways_in_add_up(web: Web, beside: "Official") -> None:
    from serving.tests.official import predict_request  # noqa: PLC0415 - imports TensorFlow, which takes seconds

    name = ":tensorflow:serving:request_count"
    statuses = ("OK", "INVALID_ARGUMENT", "NOT_FOUND")
    before = Counter({status: web.sum(name, status=status) for status in statuses})
    total, runs = web.sum(name), web.sum(":tensorflow:serving:runtime_latency_count", model_name="lung")
    for _ in range(CALLS):
        beside.predict(predict_request(images(1)))
        web.predict({"instances": images(1).tolist()})
        web.predict({"instances": []})
        web.predict({"instances": [1]}, "/v1/models/made-up")
        with pytest.raises(grpc.RpcError):
            beside.predict(predict_request(images(1), 7))

    grown = {status: web.sum(name, status=status) - before[status] for status in statuses}
    assert grown == {"OK": 2 * CALLS, "INVALID_ARGUMENT": CALLS, "NOT_FOUND": 2 * CALLS}
    assert web.sum(name) - total == 5 * CALLS
    assert web.sum(":tensorflow:serving:runtime_latency_count", model_name="lung") - runs == 2 * CALLS
    assert web.sum(name, model_name="made-up") == 0


def test_each_way_in_is_timed_apart(web: Web, beside: "Official") -> None:
    from serving.tests.official import predict_request  # noqa: PLC0415 - imports TensorFlow, which takes seconds

    name = ":tensorflow:serving:request_latency_count"
    grpc_labels, rest_labels = {"API": "Predict", "entrypoint": "GRPC"}, {"API": "predict", "entrypoint": "REST"}
    before = web.sum(name, **grpc_labels), web.sum(name, **rest_labels)
    beside.predict(predict_request(images(1)))
    web.predict({"instances": images(2).tolist()})
    web.predict({"instances": images(2).tolist()})

    assert (web.sum(name, **grpc_labels) - before[0], web.sum(name, **rest_labels) - before[1]) == (1, 2)


def test_the_load_and_the_warmup_of_the_version_are_shown(web: Web, toy_store: Path) -> None:
    path = str(toy_store / "1")

    assert web.sum(":tensorflow:cc:saved_model:load_attempt_count", model_path=path, status="success") == 1
    assert web.sum(":tensorflow:cc:saved_model:load_latency", model_path=path) > 0
    assert web.sum(":tensorflow:serving:model_warmup_records_read", model_path=path) == len(WARMUP_BATCHES) + 1
    assert web.sum(":tensorflow:serving:model_warmup_latency_count", model_path=path, status="OK") == 1
    assert web.sum("pulmo_serving_version_state", model_name="lung", version="1", state="AVAILABLE") == 1
    assert 0 <= web.sum("pulmo_serving_last_poll_age_seconds", model_name="lung") < 60


def test_without_a_monitoring_configuration_no_metrics_are_shown(toy_store: Path) -> None:
    port = free_port()
    with serving(toy_store, f"--rest_api_port={port}"):
        reply = httpx.get(f"http://127.0.0.1:{port}{METRICS}")

    assert (reply.status_code, reply.json()) == (404, {"error": f"Not found: {METRICS}"})
