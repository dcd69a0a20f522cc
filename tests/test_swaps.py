"""Many versions come and go under load: no request fails, and none is answered by another version than it says."""

from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from gateway.imaging import ImageSpec, decode
from tests import toymodel
from tests.brokenversions import REFUSED_BY_GATEWAY, REFUSED_BY_SERVER
from tests.clients import posting
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer, keep_newest, serving
from tests.processes import eventually
from tests.toystore import Store, toy_of

BODY = png(pixels(3))
IMAGE = decode(BODY, ImageSpec("L", 32, 32, "bilinear"), 10**6)
SWAPS = 50


@pytest.fixture
def store(toy_versions: Path, tmp_path: Path) -> Store:
    """Return a store with one version."""
    store = Store(tmp_path, toy_versions)
    store.publish()
    return store


def wait_for(gateway: Gateway, version: int) -> None:
    """Wait until a version answers."""
    eventually(
        lambda: bool(httpx.get(f"{gateway.url}/health", timeout=30).json()["model_version"] == version),
        within=60,
        what=f"version {version} answers",
    )


def error_of(gateway: Gateway, version: int) -> str:
    """Return what `/models` says is wrong with a version."""
    entries = httpx.get(f"{gateway.url}/models", timeout=30).json()["models"]
    return next((str(entry["error"]) for entry in entries if entry["version"] == version), "")


def assert_each_is_its_versions(replies: Sequence[httpx.Response]) -> None:
    """Assert that every request was answered, with the numbers of the version that the reply names."""
    assert {200} == {reply.status_code for reply in replies}
    for document in (reply.json() for reply in replies):
        wanted = toymodel.expected(IMAGE, toy_of(document["model_version"]))
        np.testing.assert_allclose(list(document["probabilities"].values()), wanted, atol=1e-5)


def resident(server: ModelServer) -> int:
    """Return the resident memory of a model server, in bytes."""
    return int(psutil.Process(server.process.pid).memory_info().rss)


@pytest.mark.parametrize("kept", [1, 2])
def test_fifty_swaps_fail_no_request_and_keep_no_memory(store: Store, tmp_path: Path, kept: int) -> None:
    """Each version is published as soon as the one before it answers, whether the server keeps one or two of them."""
    with (
        serving(store.path, keep_newest(store.path, kept, tmp_path)) as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        posting(gateway.url, BODY) as replies,
    ):
        for _ in range(kept):
            wait_for(gateway, store.publish())
        before = resident(server)
        for _ in range(SWAPS):
            wait_for(gateway, store.publish())
        eventually(lambda: resident(server) < 1.1 * before, within=30, what="the memory is what it was")

    assert {reply.json()["model_version"] for reply in replies} >= set(range(2, store.newest))
    assert_each_is_its_versions(replies)


def test_a_broken_version_of_any_kind_costs_no_request_and_is_seen(store: Store, tmp_path: Path) -> None:
    """The good one keeps answering, `/models` and a metric tell what is wrong, and the next good one takes over."""
    seen: dict[str, str] = {}
    with (
        serving(store.path, keep_newest(store.path, 2, tmp_path), "--max_num_load_retries=0") as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        posting(gateway.url, BODY) as replies,
    ):
        for kind in REFUSED_BY_SERVER | REFUSED_BY_GATEWAY:
            good = store.publish()
            wait_for(gateway, good)
            counted = gateway.total("gateway_model_version_failures_total")
            bad = store.publish_broken(kind)
            eventually(lambda: bool(error_of(gateway, bad)), within=60, what=f"{kind}: seen in /models")  # noqa: B023
            seen[kind] = error_of(gateway, bad)
            assert gateway.total("gateway_model_version_failures_total") == counted + 1, kind
            wait_for(gateway, good)

    assert len(set(seen)) == len(REFUSED_BY_SERVER) + len(REFUSED_BY_GATEWAY)
    assert {reply.json()["model_version"] for reply in replies}.isdisjoint(range(3, store.newest + 1, 2))
    assert_each_is_its_versions(replies)
