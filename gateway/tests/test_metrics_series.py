"""The number of time series does not depend on what clients write into their requests."""

import random
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.keys import new_key
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, ModelServer

IMAGE = png(pixels(1))
ROUNDS = 20  # of some forty requests, each with and without a good key
SECRET, KEY = new_key("scanner-3", ["predict", "operate"])
REST = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture(params=["open", "with keys"])
def scanned(request: pytest.FixtureRequest, model_server: ModelServer, tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway, in which there may be a key that only the test knows."""
    keys = {} if request.param == "open" else {"api_keys": KEY.line()}
    with serving_gateway(model_server.target, tmp_path, **keys) as gateway:
        yield replace(gateway, headers=REST if keys else {})
        assert "Traceback" not in gateway.running.output()


def requests(word: str, number: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield a request for each place that takes a word or a number: method, path, and what httpx is to send."""
    for path in (
        f"/{word}",
        f"/docs/{word}",
        f"/problems/{word}",
        f"/uploaded-data/{word}",
        f"/training-sessions/{word}",
        f"/training-sessions/{word}/log",
        f"/v2/{word}",
        f"/v2/models/{word}",
        f"/v2/models/{word}/ready",
        f"/v2/models/{MODEL}/versions/{word}",
        f"/v2/models/{MODEL}/versions/{number}/ready",
        f"/history?class={word}&filename={word}&caller={word}&version={number}",
        f"/history?{word}={word}",
        f"/history?since={word}",
        f"/history?after={number}",
        f"/history/export?class={word}",
        f"/status?{word}={number}",
    ):
        yield "GET", path, {}
    yield "DELETE", f"/retrain/{word}", {}
    yield word.upper(), "/predict", {}
    yield word.upper(), f"/{word}", {}
    for name in ("X-Request-ID", "X-API-Key", "Pulmo-Route-Key", "Content-Type", "Origin", "traceparent", word):
        yield "POST", "/predict", {"content": IMAGE, "headers": {name: word}}
    yield "POST", "/predict", {"content": IMAGE, "headers": {"X-Request-Timeout": word}}
    yield "POST", "/predict", {"content": word.encode()}
    yield "POST", "/predict", {"files": {word: (word, IMAGE)}}
    yield "POST", "/predict-batch", {"files": [("files", (word, IMAGE)), ("files", (word, word.encode()))]}
    yield "POST", "/explain", {"content": word.encode()}
    yield "POST", "/upload-data", {"files": {"files": (word, IMAGE)}, "data": {"label": word}}
    yield "POST", "/feedback", {"json": {"prediction_id": word, "label": word}}
    yield "PUT", "/models/route", {"json": {"mode": word, word: number}}
    yield "POST", f"/v2/models/{word}/infer", {"json": {}}
    yield "POST", f"/v2/models/{MODEL}/versions/{number}/infer", {"json": {}}
    yield "POST", f"/v2/models/{MODEL}/infer", {"json": {"id": word, "inputs": [{"name": word}]}}


def retrain(client: httpx.Client, word: str) -> None:
    """Ask for a retraining with a parameter that there is not; the trainer takes seconds to say so."""
    client.post("/retrain", json={word: word}, headers=REST)


def test_no_request_makes_a_new_series(scanned: Gateway) -> None:
    """Random paths, methods, headers, file names, models, versions, filters, keys and fields, all of them new."""
    chance = random.Random(7)

    def scan() -> None:
        word = "".join(chance.choices(string.ascii_lowercase, k=12))
        for method, path, content in requests(word, chance.randrange(10**6, 10**9)):
            headers = {**scanned.headers, **content.get("headers", {})}
            client.request(method, path, **{**content, "headers": headers})
            client.request(method, path, **{**content, "headers": {"X-API-Key": word, **content.get("headers", {})}})

    with httpx.Client(base_url=scanned.url, timeout=60) as client:
        scan()
        retrain(client, "warmup")
        scanned.scrape()  # it is counted in the next one
        before = set(scanned.scrape().samples)
        for _ in range(ROUNDS):
            scan()
        retrain(client, "unknown")

    assert set(scanned.scrape().samples) == before
    assert len(before) > 500
