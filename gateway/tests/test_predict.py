"""Predictions over HTTP, from a gateway in front of a model server: two real processes."""

import io
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from gateway.imaging import ImageSpec, decode
from tests.gateways import Gateway, serving_gateway
from tests.images import jpeg, pixels, png, raw_png
from tests.modelserver import ModelServer
from tests.processes import PYTHON, ROOT
from tests.toymodel import LABELS, expected

SPEC = ImageSpec("L", 32, 32, "bilinear")


def answer_for(body: bytes, version: int = 1) -> list[float]:
    """Return what the toy model must answer to an encoded image."""
    return [float(value) for value in expected(decode(body, SPEC, 10**6), version)]


def probabilities(prediction: dict[str, object]) -> list[float]:
    found = prediction["probabilities"]
    assert isinstance(found, dict)
    assert list(LABELS) == list(found)
    return list(found.values())


def test_importing_the_gateway_does_not_import_tensorflow() -> None:
    """The gateway stays small and starts fast."""
    code = "import gateway.app, sys; assert 'tensorflow' not in sys.modules"

    subprocess.run([PYTHON, "-c", code], check=True, cwd=ROOT)


def test_a_form_is_answered_with_the_contract(gateway: Gateway) -> None:
    """Every field of the reply is there and means what it says."""
    body = png(pixels(1))
    reply = httpx.post(f"{gateway.url}/predict", files={"file": ("slice.png", body)})
    prediction = reply.json()
    best = int(np.argmax(answer_for(body)))

    assert reply.status_code == 200
    assert {"id", "filename", "prediction", "confidence", "probabilities", "model_version", "timestamp", "timings"} == (
        prediction.keys()
    )
    assert ("slice.png", LABELS[best], 1) == (
        prediction["filename"],
        prediction["prediction"],
        prediction["model_version"],
    )
    assert prediction["confidence"] == max(probabilities(prediction))
    assert answer_for(body) == pytest.approx(probabilities(prediction), abs=1e-5)
    assert {"read", "decode", "queue", "backend", "persist", "total"} == prediction["timings"].keys()


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", None], ids=str)
def test_a_raw_body_is_answered_like_a_form(gateway: Gateway, kind: str | None) -> None:
    """Both ways lead to the same numbers, whatever the body is announced as."""
    body = png(pixels(2))
    headers = {} if kind is None else {"Content-Type": kind}

    raw = httpx.post(f"{gateway.url}/predict", content=body, headers=headers).json()
    form = httpx.post(f"{gateway.url}/predict", files={"file": body}).json()

    assert raw["probabilities"] == form["probabilities"]
    assert raw["filename"] is None


def test_a_batch_is_answered_in_its_order_and_like_its_images_one_by_one(gateway: Gateway) -> None:
    """Row i answers image i, and an image that is none is an error in its place."""
    bodies = [png(pixels(seed)) if seed % 3 else jpeg(pixels(seed)) for seed in range(20)]
    bodies.insert(7, b"not an image")
    files = [("files", (f"{n}.png", body)) for n, body in enumerate(bodies)]

    entries = httpx.post(f"{gateway.url}/predict-batch", files=files, timeout=30).json()["predictions"]

    assert [f"{n}.png" for n in range(21)] == [entry["filename"] for entry in entries]
    failed = entries.pop(7)
    assert failed["error"]["type"] == "/problems/image-format"
    assert "prediction" not in failed
    del bodies[7]
    for body, entry in zip(bodies, entries, strict=True):
        alone = httpx.post(f"{gateway.url}/predict", content=body).json()
        assert answer_for(body) == pytest.approx(probabilities(entry), abs=1e-5)
        assert probabilities(alone) == pytest.approx(probabilities(entry), abs=1e-5)


def test_many_clients_at_once_get_their_own_answers(gateway: Gateway) -> None:
    """Batching never swaps answers, and it does batch."""
    bodies = [png(pixels(seed)) for seed in range(120)]
    calls, images = gateway.total("gateway_batch_size_count"), gateway.total("gateway_batch_size_sum")

    with ThreadPoolExecutor(32) as pool, httpx.Client(timeout=30) as client:
        replies = list(pool.map(lambda body: client.post(f"{gateway.url}/predict", content=body).json(), bodies))

    for body, reply in zip(bodies, replies, strict=True):
        assert answer_for(body) == pytest.approx(probabilities(reply), abs=1e-5)
    assert gateway.total("gateway_batch_size_sum") - images == 120
    assert gateway.total("gateway_batch_size_count") - calls < 120


@pytest.mark.parametrize(
    ("problem", "status", "request_"),
    [
        ("image-empty", 400, {"content": b""}),
        ("image-format", 415, {"content": b"hello"}),
        ("image-truncated", 422, {"content": png(pixels(1))[:500]}),
        ("image-truncated", 422, {"content": jpeg(pixels(1))[:500]}),
        ("image-corrupt", 422, {"content": raw_png(9, 9, b"\0")}),
        ("image-too-many-pixels", 413, {"content": raw_png(5000, 5000, b"")}),
        ("missing-field", 400, {"files": {"image": b"x"}}),
        ("image-empty", 400, {"files": {"file": ("a.png", b"")}}),
        ("too-many-files", 413, {"files": [("file", b"1"), ("file", b"2")]}),
        ("malformed-form", 400, {"content": b"--", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
        ("malformed-form", 400, {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        ("body-too-large", 413, {"content": bytes(10 * 1024 * 1024 + 1)}),
        ("body-too-large", 413, {"content": (bytes(1024) for _ in range(10 * 1024 + 1))}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_a_problem_with_its_own_type(
    gateway: Gateway, problem: str, status: int, request_: dict[str, object]
) -> None:
    """A client learns what is wrong, and the server goes on."""
    reply = httpx.post(f"{gateway.url}/predict", **request_, timeout=30)  # type: ignore[arg-type]

    assert (status, "application/problem+json") == (reply.status_code, reply.headers["content-type"])
    assert (f"/problems/{problem}", status) == (reply.json()["type"], reply.json()["status"])
    assert reply.json()["title"]
    assert reply.json()["detail"]
    assert reply.json()["title"] in httpx.get(gateway.url + reply.json()["type"]).text
    assert httpx.post(f"{gateway.url}/predict", content=png(pixels(1))).status_code == 200


def test_a_body_announced_too_large_is_refused_before_it_is_sent(gateway: Gateway) -> None:
    """Not one byte of the body is waited for."""
    address = urlsplit(gateway.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        status = connection.makefile("rb").readline()

    assert b"413" in status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("PUT", "/predict", 405),
        ("GET", "/history?limit=0", 400),
        ("GET", "/history?limit=x", 400),
    ],
)
def test_what_no_route_answers_is_a_problem_too(gateway: Gateway, method: str, path: str, status: int) -> None:
    """There is one kind of error document."""
    reply = httpx.request(method, gateway.url + path)

    assert (reply.json()["type"], reply.json()["status"]) == ("about:blank", status)
    assert (status, "application/problem+json") == (reply.status_code, reply.headers["content-type"])


def test_every_prediction_is_in_the_history_newest_first(gateway: Gateway) -> None:
    """What was answered is what was recorded."""
    sent = [
        httpx.post(f"{gateway.url}/predict", files={"file": ("h.png", png(pixels(seed)))}).json() for seed in (1, 2, 3)
    ]

    page = httpx.get(f"{gateway.url}/history", params={"limit": 2}).json()
    following = httpx.get(f"{gateway.url}/history", params={"limit": 1, "after": page["next"]}).json()

    found = [*page["history"], *following["history"]]
    for prediction, recorded in zip(reversed(sent), found, strict=True):
        for timing in ("persist", "total"):
            prediction["timings"][timing] = recorded["timings"][timing] = 0.0  # known only after the row is written
        assert prediction == recorded


def test_a_hostile_file_name_is_data(gateway: Gateway) -> None:
    """It is cut and cleaned, and is never a path."""
    name = "../../" + "é" * 300 + "\x07.png"
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = head + png(pixels(1)) + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = httpx.post(f"{gateway.url}/predict", content=body, headers=headers).json()

    assert reply["filename"] == ("é" * 251 + ".png")


def test_health_names_the_version(gateway: Gateway) -> None:
    """An operator and a load balancer both find what they need."""
    health = httpx.get(f"{gateway.url}/health").json()

    assert (health["status"], health["model_loaded"], health["model_version"]) == ("ok", True, 1)
    assert tuple(httpx.get(f"{gateway.url}/health/{which}").text for which in ("live", "ready")) == ("live", "ready")
    assert (httpx.get(f"{gateway.url}/models").json()["models"]) == [
        {"version": 1, "state": "AVAILABLE", "error": "", "current": True}
    ]


def test_metrics_are_json_unless_prometheus_asks(gateway: Gateway) -> None:
    """One address for two readers."""
    prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"

    assert httpx.get(f"{gateway.url}/metrics").json()["metrics"]["accuracy"] == 0.9
    assert "# EOF" in httpx.get(f"{gateway.url}/metrics", headers={"Accept": prometheus}).text
    assert "# HELP" in httpx.get(f"{gateway.url}/metrics", headers={"Accept": "text/plain"}).text


def test_metrics_add_up(gateway: Gateway) -> None:
    """Answered images, rows in batches, predictions by class and rows of the history grow by the same number."""
    names = ("gateway_batch_size_sum", "gateway_predictions_total", "gateway_prediction_confidence_count")
    before = {name: gateway.total(name) for name in names}
    written = gateway.total("history_rows_total", outcome="committed")
    answered = gateway.total("gateway_requests_total", route="/predict", code="200")
    refused = gateway.total("gateway_rejected_total", reason="image-format")

    for seed in range(5):
        httpx.post(f"{gateway.url}/predict", content=png(pixels(seed)))
    httpx.post(f"{gateway.url}/predict", content=b"no")

    assert dict.fromkeys(names, 5.0) == {name: gateway.total(name) - before[name] for name in names}
    assert gateway.total("history_rows_total", outcome="committed") - written == 5
    assert gateway.total("gateway_requests_total", route="/predict", code="200") - answered == 5
    assert gateway.total("gateway_rejected_total", reason="image-format") - refused == 1
    assert gateway.total("gateway_inflight_requests") - 1 == 0  # the scrape itself


def test_unknown_paths_and_methods_make_no_new_labels(gateway: Gateway) -> None:
    """Whoever scans the service cannot fill the memory of Prometheus."""

    def scan(name: str) -> set[tuple[tuple[str, str], ...]]:
        httpx.get(f"{gateway.url}/{name}")
        httpx.request(name.upper(), f"{gateway.url}/{name}")
        httpx.request(name.upper(), f"{gateway.url}/predict")
        gateway.samples("gateway_requests_total")  # a scrape counts itself in the next one
        return set(gateway.samples("gateway_requests_total"))

    before = scan("brew")

    assert set().union(*(scan(f"brew{n}") for n in range(10))) == before


def test_the_page_is_there_and_asks_no_other_host(gateway: Gateway) -> None:
    """A person without tools can try it, offline."""
    page = httpx.get(gateway.url)

    assert "text/html" in page.headers["content-type"]
    assert "://" not in page.text


def test_uvicorn_serves_the_same(model_server: ModelServer, tmp_path: Path) -> None:
    """The second ASGI server is a tested choice."""
    with serving_gateway(model_server.target, tmp_path, server="uvicorn") as gateway:
        reply = httpx.post(f"{gateway.url}/predict", files={"file": io.BytesIO(png(pixels(4)))})
        refused = httpx.post(f"{gateway.url}/predict", content=b"no")

    assert answer_for(png(pixels(4))) == pytest.approx(probabilities(reply.json()), abs=1e-5)
    assert refused.status_code == 415


def test_more_images_than_places_are_refused_with_a_time_to_come_back(
    model_server: ModelServer, tmp_path: Path
) -> None:
    """Overload is refused early, and a batch takes a place for each of its images."""
    with serving_gateway(model_server.target, tmp_path, concurrency_limit="4") as gateway:
        files = [("files", png(pixels(1)))] * 5
        reply = httpx.post(f"{gateway.url}/predict-batch", files=files)
        enough = httpx.post(f"{gateway.url}/predict-batch", files=files[:4])

    assert (
        reply.status_code,
        reply.headers["retry-after"],
        reply.json()["type"],
    ) == (429, "1", "/problems/overloaded")
    assert enough.status_code == 200


def test_a_slow_body_is_given_up(model_server: ModelServer, tmp_path: Path) -> None:
    """A client that stops sending does not hold its place for ever."""
    with serving_gateway(model_server.target, tmp_path, body_timeout_s="0.2") as gateway:
        address = urlsplit(gateway.url)
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            status = connection.makefile("rb").readline()

    assert b"408" in status


def test_a_refused_setting_ends_the_gateway_with_its_name() -> None:
    """Exit status 2, one sentence, no traceback."""
    ended = subprocess.run(
        [PYTHON, "-m", "gateway"], env={"PULMO_PORT": "0"}, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "PULMO_PORT is '0'" in ended.stderr
