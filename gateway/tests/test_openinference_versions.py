"""Which version answers the rows of a tensor: one for all of them, whatever becomes of the versions meanwhile."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx

from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL
from tests.processes import eventually
from tests.scripted import Version, certain, scripted
from tests.toymodel import LABELS, manifest

INFER = f"/v2/models/{MODEL}/infer"


def infer(gateway: Gateway, *, count: int = 4, path: str = INFER) -> httpx.Response:
    tensor = {"name": "images", "datatype": "UINT8", "shape": [count, 32, 32, 1], "data": [0] * (count * 32 * 32)}
    return httpx.post(gateway.url + path, json={"inputs": [tensor]}, timeout=30)


def infer_files(gateway: Gateway, *bodies: bytes) -> httpx.Response:
    data = [base64.b64encode(body).decode() for body in bodies]
    parameters = {"content_type": "base64"}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [len(data)], "data": data, "parameters": parameters}
    return httpx.post(gateway.url + INFER, json={"inputs": [tensor]}, timeout=30)


def labels(reply: httpx.Response) -> list[str]:
    assert reply.status_code == 200, reply.text
    [found] = [output["data"] for output in reply.json()["outputs"] if output["name"] == "labels"]
    return list(found)


def put(gateway: Gateway, **route: object) -> None:
    httpx.put(f"{gateway.url}/models/route", json=route, timeout=30).raise_for_status()


def history(gateway: Gateway) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{gateway.url}/history").json()["history"]
    return found


def other_size() -> str:
    return json.dumps(manifest(size=16))


def test_all_rows_are_answered_by_one_version_though_it_leaves_in_the_middle(tmp_path: Path) -> None:
    """What it had answered by then is asked once more, of its successor; nothing of it is recorded."""
    old, new = Version(certain(0)), Version(certain(1))
    settings = {"max_batch": "1", "max_in_flight": "1"}
    with (
        scripted(v1=old) as server,
        serving_gateway(server.target, tmp_path, **settings) as gateway,
        ThreadPoolExecutor(1) as pool,
    ):
        server.calls.clear()  # what tried the version
        old.answers.clear()
        reply = pool.submit(infer, gateway)
        eventually(lambda: len(server.calls) == 1, within=30, what="the first row is asked")
        server.versions[2], old.state = new, "END"
        old.answers.set()

        assert labels(reply.result()) == [LABELS[1]] * 4
        assert (1, 1) in server.calls
        assert [row["model_version"] for row in history(gateway)] == [2] * 4


def test_a_canary_takes_a_request_as_a_whole(tmp_path: Path) -> None:
    """Each answer is of one of the two versions, and both have their share."""
    versions = {"v1": Version(certain(0)), "v2": Version(certain(1))}
    with scripted(**versions) as server, serving_gateway(server.target, tmp_path) as gateway:
        put(gateway, mode="canary", version=2, percent=50, stable=1)
        found = [labels(infer(gateway)) for _ in range(40)]

    assert {tuple(answer) for answer in found} == {(LABELS[0],) * 4, (LABELS[1],) * 4}


def test_rows_that_a_candidate_cannot_take_are_answered_by_the_stable_version(tmp_path: Path) -> None:
    """A trial with another image size costs nobody an answer; asked for by name, the candidate says what it takes."""
    versions = {"v1": Version(certain(0)), "v2": Version(certain(1), manifest=other_size())}
    with scripted(**versions) as server, serving_gateway(server.target, tmp_path) as gateway:
        put(gateway, mode="canary", version=2, percent=100, stable=1)
        routed, asked = infer(gateway), infer(gateway, path=f"/v2/models/{MODEL}/versions/2/infer")
        files = infer_files(gateway, png(pixels(1)))

    assert labels(routed) == [LABELS[0]] * 4
    assert (asked.status_code, asked.json()["type"]) == (400, "/problems/inference-invalid")
    assert labels(files) == [LABELS[1]]


def test_a_version_that_is_asked_for_by_name_has_no_substitute(tmp_path: Path) -> None:
    """A failing candidate costs others nothing, but who asks for it is told; so is who asks for one that has left."""
    good, bad = Version(certain(0)), Version(certain(1))
    with scripted(v1=good, v2=bad) as server, serving_gateway(server.target, tmp_path) as gateway:
        put(gateway, mode="canary", version=2, percent=100, stable=1)
        bad.fails_with = grpc.StatusCode.INTERNAL
        routed = infer(gateway)
        server.calls.clear()
        asked = infer(gateway, count=1, path=f"/v2/models/{MODEL}/versions/2/infer")
        calls = list(server.calls)
        bad.state = "END"
        gone = infer(gateway, path=f"/v2/models/{MODEL}/versions/2/infer")

    assert labels(routed) == [LABELS[0]] * 4
    assert (asked.status_code, asked.json()["type"]) == (502, "/problems/model-failed")
    assert calls == [(2, 1)]
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/model-unknown")


def test_a_version_that_is_being_loaded_is_not_unknown(tmp_path: Path) -> None:
    """It may be asked again."""
    versions = {"v1": Version(certain(0)), "v2": Version(certain(1), state="LOADING")}
    with scripted(**versions) as server, serving_gateway(server.target, tmp_path) as gateway:
        reply = infer(gateway, path=f"/v2/models/{MODEL}/versions/2/infer")
        index = httpx.post(f"{gateway.url}/v2/repository/index").json()
        ready = httpx.post(f"{gateway.url}/v2/repository/index", json={"ready": True}).json()

    assert (reply.status_code, reply.json()["type"]) == (503, "/problems/model-unavailable")
    assert {entry["version"]: entry["state"] for entry in index} == {"1": "READY", "2": "LOADING"}
    assert [entry["version"] for entry in ready] == ["1"]


def test_a_shadow_is_asked_about_rows_that_it_can_take(tmp_path: Path) -> None:
    """There is no file from which a row for another size could be made."""
    versions = {"v1": Version(certain(0)), "v2": Version(certain(0)), "v3": Version(certain(0), manifest=other_size())}
    compared = "gateway_shadow_comparisons_total"
    with scripted(**versions) as server, serving_gateway(server.target, tmp_path) as gateway:
        put(gateway, mode="shadow", version=2, percent=100, stable=1)
        assert labels(infer(gateway)) == [LABELS[0]] * 4
        eventually(lambda: gateway.total(compared, outcome="agree") == 4, within=30, what="all rows were compared")
        put(gateway, mode="shadow", version=3, percent=100, stable=1)
        assert labels(infer(gateway)) == [LABELS[0]] * 4

        assert gateway.total(compared, outcome="dropped") == 4
        assert gateway.total(compared) == 8


def test_files_are_cached_as_others_are_and_rows_are_not(tmp_path: Path) -> None:
    """The cache knows bytes that were posted; each answer has a row in the history in any case."""
    body = png(pixels(1))
    with (
        scripted(v1=Version(certain(0))) as server,
        serving_gateway(server.target, tmp_path, cache_entries="8") as gateway,
    ):
        httpx.post(f"{gateway.url}/predict", content=body).raise_for_status()
        assert labels(infer_files(gateway, body, body)) == [LABELS[0]] * 2
        assert labels(infer(gateway)) == labels(infer(gateway))

        assert gateway.total("gateway_cache_requests_total", outcome="hit") == 2
        assert gateway.total("gateway_cache_requests_total") == 3
        assert len(history(gateway)) == 3 + 8
