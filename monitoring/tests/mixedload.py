"""Clients and operators that do everything that a panel shows, so that none has an excuse to be empty."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from monitoring.tests.deployment import Deployment
from monitoring.tests.queries import ask
from tests.clients import posting
from tests.images import png
from tests.modelserver import MODEL
from tests.processes import eventually
from tests.retraining import ended, started
from tests.toymodel import LABELS, copy

BODIES = [png(np.full((32, 32), grey, np.uint8)) for grey in range(20, 250, 3)]
"""Among them version 1 of the toy model finds three classes; more than the result cache holds."""
AT_ONCE = 40
PUBLISHED = b'{"event":"published","version":9,"store":"s"}\n'


@dataclass(frozen=True)
class Watched:
    """A deployment, and from when to when it was under load."""

    deployment: Deployment
    begin: float
    """Seconds since 1970."""
    end: float


def run_through(deployment: Deployment) -> Watched:
    """Roll a version out and back under load, ask for everything there is, twice, and wait until it is scraped.

    Twice, since a counter whose labels are not known from the start has no growth before its second scrape.
    """
    begin = time.time()
    with posting(deployment.gateway.url, *BODIES, clients=3):
        _try_a_version(deployment)
        for _ in range(2):
            _ask_for_everything(deployment)
            _retrain(deployment)
            _overload(deployment)
            _is_scraped(deployment)
    return Watched(deployment, begin, _settled(deployment))


def _try_a_version(deployment: Deployment) -> None:
    """Let version 2 be a shadow, then a canary, which the guard takes back; then one is published that is broken."""
    gateway = deployment.gateway
    _route(deployment, mode="pinned", version=1)
    copy(deployment.versions / "2", deployment.store, 2)
    _wait(lambda: gateway.total("gateway_model_version_ready", version="2") == 1, "version 2 is ready")
    _route(deployment, mode="shadow", version=2, percent=100)
    _wait(lambda: gateway.total("gateway_shadow_comparisons_total") > 0, "the shadow is compared")
    _route(deployment, mode="pinned", version=1)
    _route(deployment, mode="canary", version=2, percent=30)
    _wait(lambda: gateway.total("gateway_guard_rollbacks_total") > 0, "the guard takes the canary back")
    (deployment.store / "3").mkdir()
    (deployment.store / "3" / "saved_model.pb").write_bytes(b"no model")
    _wait(lambda: gateway.total("gateway_model_version_failures_total") > 0, "version 3 is seen to be broken")


def _route(deployment: Deployment, **wanted: Any) -> None:  # noqa: ANN401 - the fields of a JSON document
    httpx.put(f"{deployment.gateway.url}/models/route", json=wanted).raise_for_status()


def _ask_for_everything(deployment: Deployment) -> None:
    with httpx.Client(base_url=deployment.gateway.url, timeout=60) as client:
        answer = client.post("/predict", content=BODIES[0]).raise_for_status().json()
        client.post("/predict", content=BODIES[0]).raise_for_status()  # the same again, known by now
        files = [("files", (f"{place}.png", body)) for place, body in enumerate(BODIES[:8])]
        client.post("/predict-batch", files=files).raise_for_status()
        client.post("/explain", content=BODIES[1]).raise_for_status()
        client.post(f"/v2/models/{MODEL}/infer", json=_tensor()).raise_for_status()
        client.post("/feedback", json={"prediction_id": answer["id"], "label": answer["prediction"]}).raise_for_status()
        client.post("/upload-data", files={"files": BODIES[2]}, data={"label": LABELS[1]}).raise_for_status()
        for path in ("/history", "/history/export", "/health", "/models", "/feedback/accuracy"):
            client.get(path).raise_for_status()
        for path, body in (("/predict", b"no image"), ("/nowhere", b"")):
            reply = client.post(path, content=body)
            assert reply.is_client_error, f"{path}: {reply.status_code} {reply.text}"


def _tensor() -> dict[str, Any]:
    """Return a question of the Open Inference Protocol, with one image of the toy model."""
    return {"inputs": [{"name": "images", "shape": [1, 32, 32, 1], "datatype": "UINT8", "data": [7] * 32 * 32}]}


def _retrain(deployment: Deployment) -> None:
    (deployment.script / "says").write_bytes(PUBLISHED)
    (deployment.script / "end").touch()
    session = ended(deployment.gateway, started(deployment.gateway))
    assert session["status"] == "completed", json.dumps(session)


def _overload(deployment: Deployment) -> None:
    """Post more at one time than there are places, until some are refused."""
    gateway = deployment.gateway
    before = gateway.total("gateway_requests_total", code="429")
    with posting(gateway.url, *BODIES, clients=AT_ONCE):
        _wait(lambda: gateway.total("gateway_requests_total", code="429") > before, "requests are refused")


def _is_scraped(deployment: Deployment) -> None:
    """Wait until Prometheus has what the gateway has counted by now."""
    for name in ("gateway_uploads_total", "gateway_jobs_total", "gateway_rejected_total"):
        counted = deployment.gateway.total(name)
        _wait(lambda name=name, counted=counted: deployment.scraped(f"sum ({name})") >= counted, f"{name} is scraped")  # type: ignore[misc]


def _settled(deployment: Deployment) -> float:
    """Return a moment after the load at which Prometheus could read all targets: what it cannot read has no values."""
    moments: list[float] = []

    def all_are_read() -> bool:
        moments.append(time.time())
        return set(ask(deployment.prometheus_url, "up", moments[-1])) == {1}

    _wait(all_are_read, "Prometheus reads all targets")
    return moments[-1]


def _wait(condition: Callable[[], bool], what: str) -> None:
    eventually(condition, within=90, what=what)
