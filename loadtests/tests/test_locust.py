"""Locust as it is run, against a real gateway and against servers that answer wrongly."""

import json
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from loadtests.load.ledger import from_rows
from loadtests.tests.answering import GOOD, REFUSAL, run_locust, server
from tests.gateways import Gateway
from tests.processes import free_port


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    ramp = np.arange(96 * 96, dtype=np.uint32).reshape(96, 96)
    for period in (97, 193, 251):
        (folder / f"{period}.png").write_bytes(imagecodecs.png_encode((ramp % period).astype(np.uint8)))
    return folder


ROUTES = ("/predict", "/predict-batch", "/history", "/health")


def test_every_request_is_counted_by_locust_and_by_the_gateway(gateway: Gateway, images: Path) -> None:
    """
    A run against the gateway ends well, and both sides have counted the same requests on each route.
    """
    before = {route: gateway.total("gateway_requests_total", route=route) for route in ROUTES}

    run = run_locust(gateway.url, "--images", images)

    after = {route: gateway.total("gateway_requests_total", route=route) for route in ROUTES}
    assert run.status == 0, run.output
    assert run.requests["/predict"] > 0
    assert {route: run.requests.get(route, 0) for route in ROUTES} == {
        route: after[route] - before[route] for route in ROUTES
    }
    assert run.failures == 0


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(200, GOOD.replace(b"0.5", b"1.5"), "confidence is 1.5", id="a confidence above 1"),
        pytest.param(503, b"", "503 without Retry-After", id="a refusal that does not say when to come again"),
    ],
)
def test_a_wrong_answer_fails_the_run(status: int, body: bytes, reason: str, images: Path) -> None:
    """
    A server that answers wrongly ends the run with status 1 and the reason.
    """
    with server([(status, {}, body)]) as url:
        run = run_locust(url, "--images", images)

    assert run.status == 1, run.output
    assert reason in run.output
    assert run.failures > 0


def test_a_host_that_is_down_fails_the_run(images: Path) -> None:
    """
    A host where nobody listens ends the run with status 1.
    """
    run = run_locust(f"http://127.0.0.1:{free_port()}", "--images", images)

    assert run.status == 1, run.output
    assert "Connection refused" in run.output
    assert run.failures > 0


def test_refusals_have_a_name_of_their_own_and_are_no_failures(images: Path) -> None:
    """
    429 with Retry-After is counted beside the answers and fails nothing.
    """
    with server([(200, {}, GOOD), REFUSAL]) as url:
        run = run_locust(url, "--images", images)

    answered, refused = (
        sum(run.requests.get(f"/predict{batch}{ending}", 0) for batch in ("", "-batch"))
        for ending in ("", " (refused)")
    )
    assert run.status == 0, run.output
    assert answered > 0
    assert 0 <= answered - refused <= 1
    assert run.failures == 0


def test_refusals_alone_are_no_success(images: Path) -> None:
    """
    A run in which nothing was classified ends with status 1.
    """
    with server([REFUSAL]) as url:
        run = run_locust(url, "--images", images)

    assert run.status == 1, run.output
    assert "No image was classified" in run.output


@pytest.mark.parametrize(
    ("option", "limit", "reason"),
    [
        pytest.param("--min-rate", 1e6, "1000000.0 are demanded", id="too few requests"),
        pytest.param("--max-refused", 0.01, "of the requests were refused; the limit is 1.00%", id="too many refusals"),
        pytest.param("--max-p99-ms", -1, "ms; the limit is -1 ms", id="too slow"),
    ],
)
def test_a_missed_threshold_fails_the_run(option: str, limit: float, reason: str, images: Path) -> None:
    """
    A run whose answers were all right ends with status 1 where a threshold was missed, and says which in words.
    """
    with server([(200, {}, GOOD), REFUSAL]) as url:
        run = run_locust(url, "--images", images, option, limit)

    assert run.status == 1, run.output
    assert reason in run.output
    assert run.failures == 0


def test_a_client_that_was_refused_comes_again_when_it_is_told_to_and_later_each_time(
    images: Path, tmp_path: Path
) -> None:
    """
    Told to wait a minute, each user posts once; told to wait not at all, it does not.
    """
    patient = _posts_of_refused("60", images, tmp_path / "patient.json")
    hasty = _posts_of_refused("0", images, tmp_path / "hasty.json")

    assert patient <= 10
    assert hasty > 10


def _posts_of_refused(retry_after: str, images: Path, report: Path) -> int:
    with server([(429, {"Retry-After": retry_after}, b"")]) as url:
        run_locust(url, "--images", images, "--report", report)
    counts = from_rows(json.loads(report.read_text())["counts"])
    return sum(number for kind, number in counts.items() if kind.code == "429")


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    """
    Where there is nothing to post, Locust ends at once and says which folder it looked at and what to do.
    """
    folder = tmp_path / "nothing"

    run = run_locust("http://127.0.0.1:9", "--images", folder)

    assert run.status == 1
    assert f"{folder} holds no .png, .jpg or .jpeg file; name a folder of images with --images" in run.output
    assert run.requests == {}


def test_phantoms_are_never_posted_silently() -> None:
    """
    Where no folder is named, drawn images are posted, and the log says so.
    """
    with server([(200, {}, GOOD)]) as url:
        run = run_locust(url, seconds=1)

    assert "drawn images of" in run.output
    assert "no folder was named with --images" in run.output
