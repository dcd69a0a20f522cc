"""A rollout in steps and back, in front of the embedded server that keeps the two newest versions."""

import subprocess
from pathlib import Path

import httpx
import pytest

from gateway.imaging import ImageSpec, decode
from tests.clients import posting
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, keep_newest, serving
from tests.processes import PYTHON, ROOT, eventually
from tests.toymodel import copy, expected

BODY = png(pixels(3))


def ready(gateway: Gateway, version: int) -> bool:
    models = httpx.get(f"{gateway.url}/models").json()["models"]
    return any(entry["version"] == version and entry["ready"] for entry in models)


def put(gateway: Gateway, **route: object) -> None:
    httpx.put(f"{gateway.url}/models/route", json=route).raise_for_status()


def test_versions_roll_out_in_steps_and_back_with_no_failed_request(toy_versions: Path, tmp_path: Path) -> None:
    """A shadow, a canary, all of the traffic, and back; each reply holds the numbers of the version that it names.

    The new version takes another kind of image than the old one, and both answer at the same time.
    """
    store = tmp_path / MODEL
    store.mkdir()
    copy(toy_versions / "1", store, 1)
    specs = {1: ImageSpec("L", 32, 32, "bilinear"), 2: ImageSpec("RGB", 48, 48, "bilinear")}
    seen: list[set[int]] = []
    with (
        serving(store, keep_newest(store, 2, tmp_path)) as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        posting(gateway.url, BODY) as replies,
    ):

        def watch(step: str) -> None:
            """Remember which versions answer after this step."""
            begin = len(replies)
            eventually(lambda: len(replies) > begin + 60, within=60, what=f"sixty replies after {step}")
            seen.append({reply.json()["model_version"] for reply in replies[begin + 10 : begin + 60]})

        put(gateway, mode="pinned", version=1)
        publish = [PYTHON, "-m", "tests.toymodel", str(store), "2", "--size", "48", "--mode", "RGB"]
        subprocess.run(publish, check=True, cwd=ROOT)
        eventually(lambda: ready(gateway, 2), within=60, what="version 2 is ready")
        watch("publishing")
        put(gateway, mode="shadow", version=2, percent=100)
        watch("the shadow")
        put(gateway, mode="canary", version=2, percent=50)
        watch("the canary")
        put(gateway, mode="latest")
        watch("the rollout")
        httpx.post(f"{gateway.url}/models/rollback").raise_for_status()
        watch("the rollback")
        compared = gateway.total("gateway_shadow_comparisons_total")

    assert seen == [{1}, {1}, {1, 2}, {2}, {1}]
    assert compared > 0
    assert {200} == {reply.status_code for reply in replies}
    for reply in replies:
        version = reply.json()["model_version"]
        answer = expected(decode(BODY, specs[version], 10**6), version).tolist()
        assert answer == pytest.approx(list(reply.json()["probabilities"].values()), abs=1e-5)


def test_a_corrupt_version_beside_a_good_one_is_shown_and_costs_nothing(toy_versions: Path, tmp_path: Path) -> None:
    """The reason is the model server's own, in /models and in a metric; the good version goes on answering."""
    store = tmp_path / MODEL
    store.mkdir()
    copy(toy_versions / "1", store, 1)
    flags = (keep_newest(store, 2, tmp_path), "--max_num_load_retries=0")
    with (
        serving(store, *flags) as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        posting(gateway.url, BODY) as replies,
    ):
        broken = tmp_path / "2"
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(b"not a model")
        broken.rename(store / "2")

        def entry() -> dict[str, object]:
            models = httpx.get(f"{gateway.url}/models").json()["models"]
            return next((model for model in models if model["version"] == 2), {})

        eventually(lambda: bool(entry().get("error")), within=20, what="the reason is shown")
        shown = entry()
        failures = gateway.total("gateway_model_version_failures_total", reason="load")
        state = gateway.total("gateway_model_version_state", version="2", state="END")
        copy(toy_versions / "3", store, 3)
        eventually(lambda: replies[-1].json()["model_version"] == 3, within=30, what="the next one rolls out")

    assert (shown["state"], shown["ready"]) == ("END", False)
    assert (failures, state) == (1, 1)
    assert {200} == {reply.status_code for reply in replies}
    assert {1, 3} == {reply.json()["model_version"] for reply in replies}
