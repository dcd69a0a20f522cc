"""Every kind of broken version, between good ones, in front of the embedded server that keeps the two newest."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.imaging import ImageSpec, decode
from tests.brokenversions import REFUSED_BY_GATEWAY, REFUSED_BY_SERVER, publish_broken
from tests.clients import posting
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, keep_newest, serving
from tests.processes import eventually
from tests.toymodel import copy, expected

BODY = png(pixels(3))


def entry(gateway: Gateway, version: int) -> dict[str, Any]:
    models = httpx.get(f"{gateway.url}/models").json()["models"]
    return next((model for model in models if model["version"] == version), {})


def failures(gateway: Gateway) -> float:
    return gateway.total("gateway_model_version_failures_total")


def test_no_kind_of_broken_version_costs_a_request_and_each_is_seen(toy_versions: Path, tmp_path: Path) -> None:
    """Good versions roll out between them; /models has each one's reason, and a counter counts each once."""
    kinds = {**REFUSED_BY_SERVER, **REFUSED_BY_GATEWAY}
    store = tmp_path / MODEL
    store.mkdir()
    copy(toy_versions / "1", store, 1)
    made_as, number = {1: 1}, 1
    reasons: dict[str, str] = {}
    counted: dict[str, float] = {}
    with (
        serving(store, keep_newest(store, 2, tmp_path), "--max_num_load_retries=0") as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        posting(gateway.url, BODY, clients=2) as replies,
    ):
        for kind, spoil in kinds.items():
            before = failures(gateway)
            broken, number = number + 1, number + 2
            publish_broken(toy_versions / "1", store, broken, spoil)
            eventually(
                lambda broken=broken: bool(entry(gateway, broken).get("error")),  # type: ignore[misc]
                within=20,
                what=f"the reason of {kind} is shown",
            )
            reasons[kind], counted[kind] = entry(gateway, broken)["error"], failures(gateway) - before
            made_as[number] = 1 + number % 3
            copy(toy_versions / str(made_as[number]), store, number)
            eventually(
                lambda good=number: entry(gateway, good).get("current", False),  # type: ignore[misc]
                within=30,
                what=f"the version after {kind} answers",
            )

    assert len(kinds) >= 12
    assert counted == dict.fromkeys(kinds, 1.0)
    assert {200} == {reply.status_code for reply in replies}
    assert {reply.json()["model_version"] for reply in replies} <= made_as.keys()
    image = decode(BODY, ImageSpec("L", 32, 32, "bilinear"), 10**6)
    for reply in replies:
        answer = expected(image, made_as[reply.json()["model_version"]]).tolist()
        assert answer == pytest.approx(list(reply.json()["probabilities"].values()), abs=1e-5)
