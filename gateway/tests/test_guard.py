"""The guard among real processes: bad versions are taken back by themselves, good ones are left alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests import toymodel
from tests.clients import posting
from tests.gateways import Gateway, serving_gateway
from tests.images import png
from tests.modelserver import MODEL, keep_newest, serving
from tests.processes import eventually

GREYS = (25, 80, 140, 165, 230, 250)  # version 1 finds three classes among them
BODIES = [png(np.full((32, 32), grey, np.uint8)) for grey in GREYS]
QUICK = {"guard": "true", "guard_window_s": "12", "guard_images": "30"}  # so that a moment is a tenth of a second


def answered_by(gateway: Gateway, version: int) -> float:
    return gateway.total("gateway_predictions_total", version=str(version))


@contextmanager
def deployed(folder: Path, good: Path, *, versions_kept: int = 2, **settings: str) -> Iterator[tuple[Gateway, Path]]:
    """Run a model server that keeps its newest versions, at first 1, and a gateway; yield that and the store."""
    store = folder / MODEL
    store.mkdir()
    toymodel.copy(good, store, 1)
    with (
        serving(store, keep_newest(store, versions_kept, folder)) as server,
        serving_gateway(server.target, folder, **{**QUICK, **settings}) as gateway,
    ):
        yield gateway, store


def ready(gateway: Gateway, version: int) -> bool:
    models = httpx.get(f"{gateway.url}/models").json()["models"]
    return any(each["version"] == version and each["ready"] for each in models)


def route(gateway: Gateway, **wanted: Any) -> None:  # noqa: ANN401 - the fields of a JSON document
    httpx.put(f"{gateway.url}/models/route", json=wanted).raise_for_status()


def current(gateway: Gateway) -> dict[str, Any]:
    state: dict[str, Any] = httpx.get(f"{gateway.url}/models/route").json()["current"]
    return state


def changes(gateway: Gateway) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = httpx.get(f"{gateway.url}/models/route/history").json()["history"]
    return history


def rollbacks(gateway: Gateway, **labels: str) -> float:
    return gateway.total("gateway_guard_rollbacks_total", **labels)


PINNED = {"mode": "pinned", "version": 1}


@pytest.mark.parametrize(("fault", "measure"), [("wrong", "classes"), ("slow", "latency"), ("error", "errors")])
def test_a_bad_canary_is_taken_back_and_the_history_says_why(
    toy_versions: Path, faulty_versions: dict[str, Path], tmp_path: Path, fault: str, measure: str
) -> None:
    """The route is back on the stable version, which answers all that follows; no client got anything but answers."""
    with deployed(tmp_path, toy_versions / "1") as (gateway, store), posting(gateway.url, *BODIES) as seen:
        eventually(lambda: answered_by(gateway, 1) > 100, within=30, what="the stable version has answered")
        route(gateway, mode="pinned", version=1)
        toymodel.copy(faulty_versions[fault], store, 2)
        eventually(lambda: ready(gateway, 2), within=30, what="version 2 is ready")
        route(gateway, mode="canary", version=2, percent=30, reason="a new model")
        eventually(lambda: current(gateway) == PINNED, within=60, what="the guard has gone back")
        since = [httpx.post(f"{gateway.url}/predict", content=body, timeout=30) for body in BODIES * 5]

        newest, canary, _ = changes(gateway)
        assert (newest["actor"], newest["route"], canary["actor"]) == ("guard", PINNED, "operator")
        assert newest["reason"].startswith("version 2 as a canary: ")
        assert "the limit is" in newest["reason"]
        assert newest["since"] > canary["since"]
        assert rollbacks(gateway, measure=measure) == rollbacks(gateway) == 1
        assert gateway.total("gateway_guard_state", state="idle") == 1
        assert {reply.json()["model_version"] for reply in since} == {1}
        assert {reply.status_code for reply in [*seen, *since]} == {200}


def test_a_bad_shadow_is_taken_back_for_its_disagreement(
    toy_versions: Path, faulty_versions: dict[str, Path], tmp_path: Path
) -> None:
    """No client ever got its answers, and it costs no computing any more."""
    with (
        deployed(tmp_path, toy_versions / "1", guard_classes="1") as (gateway, store),
        posting(gateway.url, *BODIES) as seen,
    ):
        route(gateway, mode="pinned", version=1)
        toymodel.copy(faulty_versions["wrong"], store, 2)
        eventually(lambda: ready(gateway, 2), within=30, what="version 2 is ready")
        route(gateway, mode="shadow", version=2, percent=100)
        eventually(lambda: current(gateway) == PINNED, within=60, what="the guard has gone back")

        assert "another class than from the stable version" in changes(gateway)[0]["reason"]
        assert rollbacks(gateway, measure="disagreement") == 1
        assert {reply.json()["model_version"] for reply in seen} == {1}


def test_a_good_canary_is_left_alone(toy_versions: Path, tmp_path: Path) -> None:
    """The same traffic, many times what takes a bad one back, and nothing happens."""
    with deployed(tmp_path, toy_versions / "1") as (gateway, store), posting(gateway.url, *BODIES) as seen:
        route(gateway, mode="pinned", version=1)
        toymodel.copy(toy_versions / "1", store, 2)
        eventually(lambda: ready(gateway, 2), within=30, what="version 2 is ready")
        route(gateway, mode="canary", version=2, percent=30)
        eventually(lambda: answered_by(gateway, 2) > 600, within=60, what="the canary has answered 600 images")

        assert current(gateway)["mode"] == "canary"
        assert rollbacks(gateway) == 0
        assert gateway.total("gateway_guard_state", state="watching") == 1
        assert {reply.status_code for reply in seen} == {200}


def test_a_bad_version_that_rolled_out_is_taken_back_each_time_it_is_tried(
    toy_versions: Path, faulty_versions: dict[str, Path], tmp_path: Path
) -> None:
    """Under `latest` the version before is pinned, and stays; an operator who insists gets a new judgement."""
    with deployed(tmp_path, toy_versions / "1") as (gateway, store), posting(gateway.url, *BODIES) as seen:
        eventually(lambda: answered_by(gateway, 1) > 100, within=30, what="the first version has answered")
        toymodel.copy(faulty_versions["wrong"], store, 2)
        eventually(lambda: current(gateway) == PINNED, within=60, what="the guard has gone back")

        assert changes(gateway)[0]["reason"].startswith("version 2 after its rollout: ")
        assert answered_by(gateway, 2) > 0
        before = len(seen)
        eventually(lambda: len(seen) > before + 300, within=30, what="more was answered")
        assert len(changes(gateway)) == 1

        route(gateway, mode="latest", reason="I insist")
        eventually(lambda: current(gateway) == PINNED, within=60, what="the guard has gone back again")
        assert [change["actor"] for change in changes(gateway)] == ["guard", "operator", "guard"]
        assert rollbacks(gateway, measure="classes") == 2


def test_a_guard_with_nothing_to_go_back_to_says_so(
    toy_versions: Path, faulty_versions: dict[str, Path], tmp_path: Path
) -> None:
    """Where the model server keeps one version only, a bad one is seen and told, and goes on answering."""
    with (
        deployed(tmp_path, toy_versions / "1", versions_kept=1) as (gateway, store),
        posting(gateway.url, *BODIES),
    ):
        eventually(lambda: answered_by(gateway, 1) > 100, within=30, what="the first version has answered")
        toymodel.copy(faulty_versions["wrong"], store, 2)
        eventually(lambda: gateway.total("gateway_guard_helpless_total") == 1, within=60, what="the guard is helpless")
        before = answered_by(gateway, 2)
        eventually(lambda: answered_by(gateway, 2) > before + 300, within=30, what="more was answered")

        assert gateway.total("gateway_guard_state", state="helpless") == 1
        assert gateway.total("gateway_guard_helpless_total") == 1
        assert rollbacks(gateway) == 0
        assert current(gateway) == {"mode": "latest"}
        assert gateway.running.output().count("guard has nothing to route back to") == 1


def test_a_guard_that_is_switched_off_does_nothing(
    toy_versions: Path, faulty_versions: dict[str, Path], tmp_path: Path
) -> None:
    """An operator may want to look on alone."""
    with (
        deployed(tmp_path, toy_versions / "1", guard="false") as (gateway, store),
        posting(gateway.url, *BODIES),
    ):
        eventually(lambda: answered_by(gateway, 1) > 100, within=30, what="the first version has answered")
        toymodel.copy(faulty_versions["wrong"], store, 2)
        eventually(lambda: answered_by(gateway, 2) > 1000, within=60, what="the bad version has answered")

        assert current(gateway) == {"mode": "latest"}
