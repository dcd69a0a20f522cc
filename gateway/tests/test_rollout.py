"""The model server changes under the gateway: versions come and go, and the server itself."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from gateway.imaging import ImageSpec, decode
from tests.clients import posting
from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, serving
from tests.processes import PYTHON, ROOT, eventually
from tests.toymodel import copy, expected

BODY = png(pixels(3))


def version_of(url: str) -> int | None:
    found: int | None = httpx.get(f"{url}/health").json()["model_version"]
    return found


def test_a_new_version_rolls_out_with_no_failed_request(toy_store: Path, tmp_path: Path) -> None:
    """Each reply names the version whose numbers it holds, also when the new one takes another kind of image."""
    store = tmp_path / MODEL
    shutil.copytree(toy_store / "1", store / "1")
    specs = {1: ImageSpec("L", 32, 32, "bilinear"), 2: ImageSpec("RGB", 48, 48, "bilinear")}
    with (
        serving(store) as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        posting(gateway.url, BODY) as replies,
    ):
        publish = [PYTHON, "-m", "tests.toymodel", str(store), "2", "--size", "48", "--mode", "RGB"]
        subprocess.run(publish, check=True, cwd=ROOT)
        eventually(lambda: version_of(gateway.url) == 2, within=60, what="version 2 answers")
        answered = len(replies)
        eventually(lambda: len(replies) > answered + 20, within=60, what="twenty more replies")

    assert {200} == {reply.status_code for reply in replies}
    assert {1, 2} == {reply.json()["model_version"] for reply in replies}
    for reply in replies:
        version = reply.json()["model_version"]
        answer = expected(decode(BODY, specs[version], 10**6), version).tolist()
        assert answer == pytest.approx(list(reply.json()["probabilities"].values()), abs=1e-5)


def test_a_server_that_keeps_only_the_latest_version_may_swap_it_at_any_moment(
    toy_versions: Path, tmp_path: Path
) -> None:
    """Fifteen versions, 400 ms apart, under load: no request fails, and each answer holds its version's numbers.

    The gateway looks only twice a second, so most versions leave before it has noticed what follows.
    """
    store = tmp_path / MODEL
    store.mkdir()
    made_as = {version: 1 + version % 3 for version in range(1, 17)}
    copy(toy_versions / "2", store, 1)
    with (
        serving(store) as server,
        serving_gateway(server.target, tmp_path / "gateway", model_poll_s="0.5") as gateway,
        posting(gateway.url, BODY) as replies,
    ):
        for version in range(2, 17):
            published = time.monotonic()
            copy(toy_versions / str(made_as[version]), store, version)
            eventually(lambda at=published: time.monotonic() > at + 0.4, within=5, what="400 ms have passed")  # type: ignore[misc]
        eventually(lambda: version_of(gateway.url) == 16, within=60, what="the last version answers")
        refused = httpx.put(f"{gateway.url}/models/route", json={"mode": "pinned", "version": 1})

    assert {200} == {reply.status_code for reply in replies}
    assert len({reply.json()["model_version"] for reply in replies}) > 5
    image = decode(BODY, ImageSpec("L", 32, 32, "bilinear"), 10**6)
    for reply in replies:
        answer = expected(image, made_as[reply.json()["model_version"]]).tolist()
        assert answer == pytest.approx(list(reply.json()["probabilities"].values()), abs=1e-5)
    assert refused.status_code == 409


def test_a_killed_model_server_is_a_503_and_answers_again_when_it_is_back(toy_store: Path, tmp_path: Path) -> None:
    """The gateway needs no restart; while the server is away it says so, and when to come back."""
    with serving(toy_store) as first, serving_gateway(first.target, tmp_path / "gateway") as gateway:
        first.process.kill()
        first.process.wait()
        away = httpx.post(f"{gateway.url}/predict", content=BODY)
        eventually(lambda: version_of(gateway.url) is None, within=10, what="the gateway noticed")
        unready = httpx.get(f"{gateway.url}/health/ready")
        with serving(toy_store, socket=first.socket):
            eventually(lambda: version_of(gateway.url) == 1, within=10, what="version 1 answers again")
            back = httpx.post(f"{gateway.url}/predict", content=BODY)

    for reply in (away, unready):
        assert (
            reply.status_code,
            reply.headers["retry-after"],
            reply.json()["type"],
        ) == (503, "1", "/problems/model-unavailable")
    assert back.status_code == 200


def test_a_model_server_that_hangs_keeps_its_version_and_no_request_waits_for_ever(
    toy_store: Path, tmp_path: Path
) -> None:
    """No answer is no news: requests end at their deadline, and are answered again as soon as the server goes on."""
    with (
        serving(toy_store) as server,
        serving_gateway(server.target, tmp_path, request_timeout_s="1") as gateway,
    ):
        server.process.send_signal(signal.SIGSTOP)
        try:
            late = httpx.post(f"{gateway.url}/predict", content=BODY, timeout=30)
            unanswered = "no word of the model server"
            eventually(lambda: unanswered in gateway.running.output(), within=30, what="the gateway asked in vain")
            kept = version_of(gateway.url)
        finally:
            server.process.send_signal(signal.SIGCONT)
        again = httpx.post(f"{gateway.url}/predict", content=BODY, timeout=30)

    assert (late.status_code, late.json()["type"]) == (504, "/problems/deadline-exceeded")
    assert "retry-after" in late.headers
    assert kept == 1
    assert again.status_code == 200


def test_a_gateway_without_a_model_server_starts_and_says_what_is_missing(tmp_path: Path) -> None:
    """The order in which the processes start does not matter."""
    with serving_gateway(f"unix:{tmp_path}/none.sock", tmp_path, path="/health") as gateway:
        health = httpx.get(f"{gateway.url}/health").json()
        ready = httpx.get(f"{gateway.url}/health/ready")
        large = httpx.post(f"{gateway.url}/predict", content=bytes(5_000_000))

    assert (health["status"], health["model_loaded"], health["model_version"]) == ("degraded", False, None)
    assert "UNAVAILABLE" in health["reason"]
    assert (ready.status_code, large.status_code) == (503, 503)
