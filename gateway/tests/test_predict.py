"""Predictions over HTTP, from a gateway in front of a model server: two real processes."""

import io
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from gateway.imaging import ImageSpec, decode
from tests.gateways import Gateway, serving_gateway
from tests.images import jpeg, pixels, png
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
    assert [
        *("id", "filename", "prediction", "confidence", "probabilities", "model_version", "timestamp", "timings"),
        "abstain",
    ] == list(prediction)
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
        assert {**prediction, "caller": None} == recorded


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
    [model] = httpx.get(f"{gateway.url}/models").json()["models"]
    assert model.items() >= {"version": 1, "state": "AVAILABLE", "error": "", "current": True}.items()


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
