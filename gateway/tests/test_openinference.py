"""The Open Inference Protocol, spoken by Triton's own client to a gateway in front of a model server."""

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from tritonclient.http import (
    InferenceServerClient,
    InferenceServerException,
    InferInput,
    InferRequestedOutput,
    InferResult,
)

from gateway.imaging import ImageSpec, decode
from tests import toymodel
from tests.gateways import Gateway, serving_gateway
from tests.images import jpeg, pixels, png
from tests.modelserver import MODEL, keep_newest, serving
from tests.toymodel import LABELS, expected

SPEC = ImageSpec("L", 32, 32, "bilinear")
BODIES = [png(pixels(seed)) if seed % 3 else jpeg(pixels(seed)) for seed in range(10)]
ROWS = np.stack([decode(body, SPEC, 10**6) for body in BODIES])


@contextlib.contextmanager
def connected_to(url: str) -> Iterator[InferenceServerClient]:
    client = InferenceServerClient(url.removeprefix("http://"))
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[InferenceServerClient]:
    with connected_to(gateway.url) as connected:
        yield connected


def raw(rows: NDArray[np.uint8], *, binary: bool = True) -> InferInput:
    tensor = InferInput("images", list(rows.shape), "UINT8")
    return tensor.set_data_from_numpy(rows, binary_data=binary)


def files(bodies: list[bytes], *shape: int) -> InferInput:
    values = np.array(bodies, np.object_).reshape(shape or (len(bodies),))
    return InferInput("image", list(values.shape), "BYTES").set_data_from_numpy(values)


def probabilities(result: InferResult) -> NDArray[np.float32]:
    values: NDArray[np.float32] = result.as_numpy("probabilities")
    return values


def texts(result: InferResult, name: str) -> list[str]:
    values = result.as_numpy(name).ravel().tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def answers(rows: NDArray[np.uint8], version: int = 1) -> NDArray[np.float32]:
    return np.stack([expected(row, version) for row in rows])


def test_a_client_finds_out_all_that_it_needs(client: InferenceServerClient) -> None:
    """What is served, whether it can answer, and which tensors it takes and gives."""
    server, model = client.get_server_metadata(), client.get_model_metadata(MODEL)

    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1")
    assert (server["name"], server["extensions"]) == ("pulmo", ["binary_tensor_data", "classification"])
    assert model == client.get_model_metadata(MODEL, "1")
    assert model == {
        "name": MODEL,
        "versions": ["1"],
        "platform": "tensorflow_savedmodel",
        "inputs": [
            {"name": "images", "datatype": "UINT8", "shape": [-1, 32, 32, 1]},
            {"name": "image", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(LABELS)]},
            {"name": "labels", "datatype": "BYTES", "shape": [-1]},
            {"name": "ids", "datatype": "BYTES", "shape": [-1]},
        ],
    }
    assert client.get_model_repository_index() == [{"name": MODEL, "version": "1", "state": "READY", "reason": ""}]


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_row_i_of_a_tensor_is_answered_in_row_i(client: InferenceServerClient, *, binary: bool) -> None:
    """The values may come and go behind the JSON or in it."""
    outputs = [InferRequestedOutput(name, binary_data=binary) for name in ("probabilities", "labels")]

    result = client.infer(MODEL, [raw(ROWS, binary=binary)], outputs=outputs, request_id="ours")

    assert answers(ROWS) == pytest.approx(probabilities(result), abs=1e-5)
    assert texts(result, "labels") == [LABELS[int(best)] for best in answers(ROWS).argmax(axis=1)]
    response = result.get_response()
    assert (response["id"], response["model_name"], response["model_version"]) == ("ours", MODEL, "1")
    assert [output["name"] for output in response["outputs"]] == ["probabilities", "labels"]


@pytest.mark.parametrize("shape", [(), (len(BODIES), 1)], ids=["a vector", "a column"])
def test_files_are_answered_as_predict_answers_them(
    client: InferenceServerClient, gateway: Gateway, shape: tuple[int, ...]
) -> None:
    """Number for number."""
    result = client.infer(MODEL, [files(BODIES, *shape)])
    singly = [httpx.post(f"{gateway.url}/predict", content=body).json() for body in BODIES]

    assert probabilities(result).tolist() == pytest.approx(
        np.array([list(single["probabilities"].values()) for single in singly]), abs=1e-6
    )
    assert texts(result, "labels") == [single["prediction"] for single in singly]


def test_one_image_has_the_same_numbers_by_every_way(gateway: Gateway, client: InferenceServerClient) -> None:
    """As a file, as a row, binary, in nested and in flat JSON: what the model sees is the same."""
    [body], row = BODIES[:1], ROWS[:1]
    url = f"{gateway.url}/v2/models/{MODEL}/infer"
    image = {"name": "images", "datatype": "UINT8", "shape": list(row.shape)}
    encoded = {"name": "image", "datatype": "BYTES", "parameters": {"content_type": "base64"}}
    text = base64.b64encode(body).decode()
    posts: list[dict[str, Any]] = [
        {**image, "data": row.tolist()},
        {**image, "data": row.ravel().tolist()},
        {**encoded, "shape": [1], "data": [text]},
        {**encoded, "shape": [1, 1], "data": [[text]]},
    ]
    replies = [httpx.post(url, json={"inputs": [tensor]}) for tensor in posts]

    predicted = list(httpx.post(f"{gateway.url}/predict", content=body).json()["probabilities"].values())
    assert [reply.status_code for reply in replies] == [200] * 4
    assert [reply.json()["outputs"][0]["data"] for reply in replies] == [predicted] * 4
    for tensor in (raw(row), files([body])):
        assert probabilities(client.infer(MODEL, [tensor])).tolist() == np.array([predicted], np.float32).tolist()


def test_every_row_is_in_the_history(client: InferenceServerClient, gateway: Gateway) -> None:
    """Under the id that the answer names, with the numbers that it gives."""
    result = client.infer(MODEL, [raw(ROWS)])
    rows = httpx.get(f"{gateway.url}/history", params={"limit": len(ROWS)}).json()["history"]
    recorded = {row["id"]: row for row in rows}

    assert set(texts(result, "ids")) == recorded.keys()
    for identifier, numbers in zip(texts(result, "ids"), probabilities(result), strict=True):
        assert np.array(list(recorded[identifier]["probabilities"].values()), np.float32).tolist() == numbers.tolist()
        assert recorded[identifier]["model_version"] == 1


def test_the_most_probable_classes_come_with_their_labels(client: InferenceServerClient) -> None:
    """Triton's classification extension: the highest first, by value, index and label."""
    top = InferRequestedOutput("probabilities", class_count=2)

    [[first, second]] = client.infer(MODEL, [raw(ROWS[:1])], outputs=[top]).as_numpy("probabilities")

    [numbers] = answers(ROWS[:1])
    for text, place in ((first, -1), (second, -2)):
        value, index, label = text.decode().split(":")
        assert int(index) == numbers.argsort()[place]
        assert label == LABELS[int(index)]
        assert float(value) == pytest.approx(numbers[int(index)], abs=1e-5)


def test_outputs_without_values_in_the_json_are_followed_by_them(gateway: Gateway) -> None:
    """Each output may choose for itself, over what the request says of all; lengths are told."""
    request = {
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": list(ROWS.shape), "data": ROWS.ravel().tolist()}],
        "parameters": {"binary_data_output": True},
        "outputs": [{"name": "labels", "parameters": {"binary_data": False}}, {"name": "probabilities"}],
    }
    reply = httpx.post(f"{gateway.url}/v2/models/{MODEL}/infer", json=request)
    length = int(reply.headers["Inference-Header-Content-Length"])
    labels, numbers = httpx.Response(200, content=reply.content[:length]).json()["outputs"]

    assert len(labels["data"]) == len(ROWS)
    assert ("data" in numbers, numbers["parameters"]["binary_data_size"]) == (False, len(reply.content) - length)
    found = np.frombuffer(reply.content[length:], "<f4").reshape(numbers["shape"])
    assert answers(ROWS) == pytest.approx(found, abs=1e-5)


def test_a_version_in_the_path_answers_whatever_the_route_is(toy_versions: Path, tmp_path: Path) -> None:
    """Without one the route decides, and the answer names who gave it; each version is described for itself."""
    store = tmp_path / MODEL
    store.mkdir()
    toymodel.copy(toy_versions / "1", store, 1)
    toymodel.copy(toy_versions / "2", store, 2)
    with (
        serving(store, keep_newest(store, 2, tmp_path)) as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        connected_to(gateway.url) as client,
    ):
        httpx.put(f"{gateway.url}/models/route", json={"mode": "pinned", "version": 1}).raise_for_status()
        routed, asked = client.infer(MODEL, [raw(ROWS)]), client.infer(MODEL, [raw(ROWS)], model_version="2")

        assert [result.get_response()["model_version"] for result in (routed, asked)] == ["1", "2"]
        assert answers(ROWS, 1) == pytest.approx(probabilities(routed), abs=1e-5)
        assert answers(ROWS, 2) == pytest.approx(probabilities(asked), abs=1e-5)
        assert client.get_model_metadata(MODEL)["versions"] == ["1", "2"]
        assert {entry["version"] for entry in client.get_model_repository_index()} == {"1", "2"}


@pytest.mark.parametrize(("model", "version"), [("liver", ""), ("liver", "1"), (MODEL, "7"), (MODEL, "latest")])
def test_what_there_is_not_is_unknown(client: InferenceServerClient, model: str, version: str) -> None:
    """Every endpoint that names a model says so, in the words that the client shows."""
    asks: tuple[Callable[[], object], ...] = (
        lambda: client.infer(model, [raw(ROWS)], model_version=version),
        lambda: client.get_model_metadata(model, version),
    )
    for ask in asks:
        with pytest.raises(InferenceServerException, match="there is no") as told:
            ask()
        assert told.value.status() == "404"
    assert not client.is_model_ready(model, version)


def test_the_description_of_the_api_says_what_an_answer_looks_like(gateway: Gateway) -> None:
    """Though its bytes are made by hand: its schema is the protocol's, and an answer follows it."""
    described = httpx.get(f"{gateway.url}/schema/openapi.json").json()
    response = described["paths"]["/v2/models/{model}/infer"]["post"]["responses"]["200"]
    media = response["content"]["application/json"]
    name = media["schema"]["$ref"].rpartition("/")[2]
    fields = described["components"]["schemas"][name]["properties"]
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 32, 32, 1], "data": [0] * 1024}
    answer = httpx.post(f"{gateway.url}/v2/models/{MODEL}/infer", json={"inputs": [tensor], "id": "7"}).json()

    assert fields.keys() == answer.keys() == {"model_name", "model_version", "id", "outputs"}
