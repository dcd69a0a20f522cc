"""Images that are posted again, at a real gateway in front of a model server that counts what it is asked."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx

from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import LABELS

BODY, OTHER, THIRD = png(pixels(1)), png(pixels(2)), png(pixels(3))


@contextmanager
def caching(folder: Path, *, entries: int = 8, **versions: Version) -> Iterator[tuple[ScriptedServer, Gateway]]:
    with (
        scripted(**versions) as server,
        serving_gateway(server.target, folder, max_batch="1", cache_entries=str(entries)) as gateway,
    ):
        yield server, gateway


def post(gateway: Gateway, body: bytes = BODY) -> httpx.Response:
    return httpx.post(f"{gateway.url}/predict", content=body, timeout=30)


def predict(gateway: Gateway, body: bytes = BODY) -> dict[str, Any]:
    reply = post(gateway, body)
    assert reply.status_code == 200, reply.text
    prediction: dict[str, Any] = reply.json()
    return prediction


def put(gateway: Gateway, **route: object) -> None:
    httpx.put(f"{gateway.url}/models/route", json=route, timeout=30).raise_for_status()


def outcomes(gateway: Gateway) -> dict[str, int]:
    samples = gateway.samples("gateway_cache_requests_total")
    return {dict(labels)["outcome"]: int(value) for labels, value in samples.items()}


def rows(server: ScriptedServer, version: int = 1) -> int:
    return sum(images for number, images in server.calls if number == version)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    eventually(condition, within=10, what=what)


def test_without_being_asked_for_nothing_is_kept(tmp_path: Path) -> None:
    """By default two posts of one image are two rows at the model, and the reply does not speak of a cache."""
    with scripted(v1=Version(certain(1))) as server, serving_gateway(server.target, tmp_path) as gateway:
        replies = [predict(gateway), predict(gateway)]

        assert rows(server) == 2
        assert all("cache" not in reply for reply in replies)
        assert outcomes(gateway) == {"hit": 0, "shared": 0, "miss": 0}


def test_an_image_posted_again_is_not_computed_again(tmp_path: Path) -> None:
    """The model sees it once; each answer has an id and a row of its own, and counts."""
    with caching(tmp_path, v1=Version(certain(1))) as (server, gateway):
        first, second = predict(gateway), predict(gateway)
        history = httpx.get(f"{gateway.url}/history").json()["history"]

        assert rows(server) == 1
        assert (first["cache"], second["cache"]) == ("miss", "hit")
        assert first["probabilities"] == second["probabilities"]
        assert [second["id"], first["id"]] == [row["id"] for row in history]
        assert second["timings"]["backend"] == second["timings"]["queue"] == 0
        assert gateway.total("gateway_predictions_total") == 2
        assert gateway.total("gateway_cache_entries") == 1


def test_images_at_once_share_one_computation_and_the_counts_add_up(tmp_path: Path) -> None:
    """In one batch request and from many clients: one row in each lane, everyone the same numbers."""
    version = Version(certain(2))
    with caching(tmp_path, v1=version) as (server, gateway), ThreadPoolExecutor(6) as pool:
        version.answers.clear()
        single = [pool.submit(predict, gateway) for _ in range(5)]
        files = [("files", (f"{n}.png", BODY)) for n in range(5)]
        batch = pool.submit(httpx.post, f"{gateway.url}/predict-batch", files=files, timeout=30)
        wait_for(
            lambda: gateway.total("gateway_inflight_requests") == 7, "all posts are under way"
        )  # with the scrape itself
        wait_for(lambda: rows(server) == 2, "both lanes have asked the model")
        version.answers.set()
        predictions = [future.result() for future in single] + batch.result().json()["predictions"]
        found = [prediction["cache"] for prediction in predictions]

        assert rows(server) == 2
        assert {prediction["prediction"] for prediction in predictions} == {LABELS[2]}
        assert len({prediction["id"] for prediction in predictions}) == 10
        assert found.count("miss") == 2
        assert {name: found.count(name) for name in ("hit", "shared", "miss")} == outcomes(gateway)
        assert gateway.total("gateway_predictions_total") == 10


def test_a_client_that_leaves_takes_nothing_from_those_who_wait_for_the_same(tmp_path: Path) -> None:
    """The one that began closes its connection; the one that joined is answered."""
    version = Version(certain(2))
    with caching(tmp_path, v1=version) as (server, gateway), ThreadPoolExecutor(1) as pool:
        version.answers.clear()
        with socket.create_connection(("127.0.0.1", httpx.URL(gateway.url).port or 0)) as leader:
            head = f"POST /predict HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(BODY)}\r\n\r\n"
            leader.sendall(head.encode() + BODY)
            wait_for(lambda: len(server.calls) == 1, "the first post reaches the model")
            follower = pool.submit(predict, gateway)
            wait_for(lambda: gateway.total("gateway_inflight_requests") == 3, "the second post is under way")
        version.answers.set()

        assert follower.result()["prediction"] == LABELS[2]


def test_no_failure_is_kept(tmp_path: Path) -> None:
    """A model that failed is asked again, and a body that is no image is refused each time."""
    version = Version(certain(1))
    with caching(tmp_path, v1=version) as (server, gateway):
        version.fails_with = grpc.StatusCode.INTERNAL
        assert post(gateway).status_code == 502
        version.fails_with = None

        assert predict(gateway)["cache"] == "miss"
        assert [post(gateway, b"no image").status_code for _ in range(2)] == [415, 415]
        assert gateway.total("gateway_image_rejects_total") == 2
        assert outcomes(gateway) == {"hit": 0, "shared": 0, "miss": 4}
        assert rows(server) >= 2


def test_a_new_version_is_asked_itself(tmp_path: Path) -> None:
    """No answer of the version before is given after a rollout, and what that one answered is forgotten with it."""
    with caching(tmp_path, v1=Version(certain(1))) as (server, gateway):
        predict(gateway)
        server.versions[2] = Version(certain(2))
        wait_for(lambda: httpx.get(f"{gateway.url}/health").json()["model_version"] == 2, "the rollout")
        before = rows(server, 2)

        assert (predict(gateway)["prediction"], predict(gateway)["cache"]) == (LABELS[2], "hit")
        assert rows(server, 2) - before == 1
        assert gateway.total("gateway_cache_entries") == 2
        server.versions[1].state = "END"
        wait_for(lambda: gateway.total("gateway_cache_entries") == 1, "its answer is forgotten")


def test_a_number_that_comes_back_as_another_model_is_asked_itself(tmp_path: Path) -> None:
    """Even where it describes itself exactly like the one before."""
    with caching(tmp_path, v1=Version(certain(1))) as (server, gateway):
        predict(gateway)
        del server.versions[1]
        wait_for(lambda: post(gateway).status_code == 503, "the version has gone")
        server.versions[1] = Version(certain(3))
        wait_for(lambda: post(gateway).status_code == 200, "the version is back")

        assert predict(gateway)["prediction"] == LABELS[3]


def test_a_change_of_the_route_begins_anew(tmp_path: Path) -> None:
    """A version is judged by what it does under the route in force, so a shadow is shown what was known before it."""
    with caching(tmp_path, v1=Version(certain(1)), v2=Version(certain(1))) as (server, gateway):
        wait_for(lambda: gateway.total("gateway_model_version_ready") == 2, "both versions are ready")
        put(gateway, mode="pinned", version=1)
        before = [predict(gateway)["cache"] for _ in range(2)]
        put(gateway, mode="shadow", version=2, percent=100)
        after = [predict(gateway)["cache"] for _ in range(3)]
        wait_for(lambda: gateway.total("gateway_shadow_comparisons_total", outcome="agree") == 1, "the comparison")

        assert (before, after) == (["miss", "hit"], ["miss", "hit", "hit"])
        assert rows(server) == 2
        assert gateway.total("gateway_shadow_comparisons_total") == 1


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    """With room for two, the image that was not asked for the longest is computed again."""
    with caching(tmp_path, entries=2, v1=Version(certain(1))) as (_, gateway):
        found = [predict(gateway, body)["cache"] for body in (BODY, OTHER, BODY, THIRD, BODY, OTHER)]

        assert found == ["miss", "miss", "hit", "miss", "hit", "miss"]
        assert gateway.total("gateway_cache_entries") == 2
