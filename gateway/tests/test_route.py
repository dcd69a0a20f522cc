"""The route, set and read over HTTP, in front of a model server with several versions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.routing import place
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted

BODY = png(pixels(1))


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """Versions 1, 2 and 3, each sure of another class, and 4, which was not loaded."""
    versions = {f"v{n}": Version(certain(n - 1)) for n in (1, 2, 3)}
    with scripted(**versions, v4=Version(certain(3), state="END", error="it is no model")) as running:
        yield running


@pytest.fixture(scope="module")
def routed(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving_gateway(server.target, tmp_path_factory.mktemp("gateway"), max_batch="4") as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _latest(routed: Gateway) -> None:
    put(routed, mode="latest")


def put(gateway: Gateway, **route: object) -> httpx.Response:
    return httpx.put(f"{gateway.url}/models/route", json=route)


def state(gateway: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{gateway.url}/models/route").json()
    return found


def predict(gateway: Gateway, key: str | None = None) -> dict[str, Any]:
    headers = {} if key is None else {"Pulmo-Route-Key": key}
    reply = httpx.post(f"{gateway.url}/predict", content=BODY, headers=headers)
    assert reply.status_code == 200, reply.text
    prediction: dict[str, Any] = reply.json()
    return prediction


def test_every_version_is_shown_with_what_is_known_of_it(routed: Gateway) -> None:
    """State, why not, since when, labels, image, metrics, digest, and its part of the traffic."""
    models = {entry["version"]: entry for entry in httpx.get(f"{routed.url}/models").json()["models"]}

    assert list(models) == [4, 3, 2, 1]
    assert (models[4]["state"], models[4]["error"], models[4]["ready"]) == ("END", "it is no model", False)
    assert (models[3]["current"], models[3]["role"], models[3]["percent"]) == (True, "stable", 100.0)
    assert (models[1]["current"], models[1]["role"], models[1]["percent"]) == (False, None, 0.0)
    assert models[1]["image"] == {"mode": "L", "height": 32, "width": 32, "resample": "bilinear"}
    assert models[1]["metrics"]["accuracy"] == 0.9
    assert models[1]["digest"].startswith("sha256:")
    assert len(models[1]["labels"]) == 4
    assert models[1]["since"].endswith("Z")
    assert routed.total("gateway_model_version_state", version="4", state="END") == 1
    assert routed.total("gateway_model_version_failures_total", reason="load") == 1


def test_latest_is_the_newest_and_pinned_stays(routed: Gateway) -> None:
    """A pinned version answers although newer ones can."""
    newest = predict(routed)["model_version"]
    reply = put(routed, mode="pinned", version=1, reason="as before")

    assert newest == 3
    assert reply.status_code == 200
    assert reply.json() == state(routed)
    assert (
        reply.json().items()
        >= {
            "current": {"mode": "pinned", "version": 1},
            "effective": [{"version": 1, "role": "stable", "percent": 100.0}],
            "why": "",
            "actor": "operator",
            "reason": "as before",
        }.items()
    )
    assert predict(routed)["model_version"] == 1
    assert httpx.get(f"{routed.url}/health").json()["model_version"] == 1


def test_a_canary_shares_the_traffic_by_the_clients_keys(routed: Gateway) -> None:
    """Each key meets the version that the rule has for it, each time; the stable version is the one that answered."""
    put(routed, mode="pinned", version=1)
    canary = put(routed, mode="canary", version=3, percent=30).json()
    keys = [f"client {n}" for n in range(40)]

    assert canary["current"] == {"mode": "canary", "version": 3, "percent": 30.0, "stable": 1}
    for _ in range(2):
        assert [3 if place(key, 3) < 0.3 else 1 for key in keys] == [
            predict(routed, key)["model_version"] for key in keys
        ]
    assert {part["role"]: part["percent"] for part in state(routed)["effective"]} == {"stable": 70.0, "candidate": 30.0}


def test_without_a_key_chance_decides_and_a_request_is_answered_by_one_version(routed: Gateway) -> None:
    """The images of one batch request are treated alike, whatever the draw."""
    put(routed, mode="canary", version=3, percent=50, stable=1)
    files = [("files", (f"{n}.png", BODY)) for n in range(6)]

    replies = [httpx.post(f"{routed.url}/predict-batch", files=files).json()["predictions"] for _ in range(30)]

    met = [{entry["model_version"] for entry in reply} for reply in replies]
    assert all(len(versions) == 1 for versions in met)
    assert {1, 3} == set().union(*met)
    assert {1, 3} == {predict(routed)["model_version"] for _ in range(60)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"mode": "canary", "version": 3, "percent": 10, "stable": 1}, 1),
        ({"mode": "shadow", "version": 3, "percent": 10, "stable": 2}, 2),
        ({"mode": "latest"}, 2),
        ({"mode": "pinned", "version": 2}, 1),
    ],
    ids=lambda value: value["mode"] if isinstance(value, dict) else str(value),
)
def test_a_rollback_pins_the_version_that_answered_before(
    routed: Gateway, before: dict[str, object], after: int
) -> None:
    """From every mode, and with the operator's words."""
    put(routed, **before)

    reply = httpx.post(f"{routed.url}/models/rollback", json={"reason": "it is worse"}).json()

    assert reply["current"] == {"mode": "pinned", "version": after}
    assert reply["reason"] == "it is worse"
    assert predict(routed)["model_version"] == after


def test_a_rollback_without_an_older_version_is_refused(routed: Gateway) -> None:
    """409, and nothing changes."""
    put(routed, mode="pinned", version=1)

    reply = httpx.post(f"{routed.url}/models/rollback")

    assert (reply.status_code, reply.json()["type"]) == (409, "/problems/route-conflict")
    assert state(routed)["current"] == {"mode": "pinned", "version": 1}


@pytest.mark.parametrize(
    ("document", "status", "word"),
    [
        ('{"mode": "pinned", "version": 9}', 409, "those that can: 1, 2, 3"),
        ('{"mode": "pinned", "version": 4}', 409, "version 4"),
        ('{"mode": "canary", "version": 3, "percent": 10, "stable": 9}', 409, "version 9"),
        ('{"mode": "canary", "version": 3, "percent": 10, "stable": 3}', 422, "both 3"),
        ('{"mode": "canary", "version": 3, "percent": 0, "stable": 1}', 422, "> 0.0"),
        ('{"mode": "canary", "version": 3, "percent": 101, "stable": 1}', 422, "<= 100.0"),
        ('{"mode": "canary", "version": 3}', 422, "`percent`"),
        ('{"mode": "pinned", "version": "3"}', 422, "$.version"),
        ('{"mode": "pinned", "version": -1}', 422, "$.version"),
        ('{"mode": "pinned", "version": 3, "precent": 5}', 422, "`precent`"),
        ('{"mode": "newest"}', 422, "newest"),
        ('{"version": 3}', 422, "`mode`"),
        ('{"mode": "latest", "reason": 7}', 422, "reason"),
        ("[]", 422, "JSON object"),
        ("{", 422, "JSON object"),
        ("", 422, "JSON object"),
        ('{"mode": ' + "[" * 8000, 422, "recursion"),
        (" " * 20_000, 413, "16384"),
    ],
)
def test_a_route_that_cannot_be_is_refused_by_name(routed: Gateway, document: str, status: int, word: str) -> None:
    """The value, the limit, the remedy; nothing changes."""
    before = state(routed)

    reply = httpx.put(f"{routed.url}/models/route", content=document)

    assert reply.status_code == status, reply.text
    assert word in reply.json()["detail"]
    assert httpx.get(routed.url + reply.json()["type"]).status_code == 200
    assert state(routed) == before


def test_the_past_of_the_route_is_kept_and_paged_newest_first(routed: Gateway) -> None:
    """Who, when, why, each change once."""
    for version in (1, 2, 3):
        put(routed, mode="pinned", version=version, reason=f"number {version}")

    page = httpx.get(f"{routed.url}/models/route/history", params={"limit": 2}).json()
    following = httpx.get(f"{routed.url}/models/route/history", params={"limit": 1, "after": page["next"]}).json()

    changes = [*page["history"], *following["history"]]
    assert [change["reason"] for change in changes] == ["number 3", "number 2", "number 1"]
    assert [change["route"]["version"] for change in changes] == [3, 2, 1]
    assert {"operator"} == {change["actor"] for change in changes}
    assert changes[0]["sequence"] == changes[1]["sequence"] + 1 == changes[2]["sequence"] + 2


def test_a_version_that_leaves_is_answered_for_and_that_is_told_and_counted(
    routed: Gateway, server: ScriptedServer
) -> None:
    """The route stays as it was set, and holds again when the version is back."""
    put(routed, mode="pinned", version=1)
    before = routed.total("gateway_route_fallbacks_total", mode="pinned")
    gone = server.versions.pop(1)
    answered = predict(routed)["model_version"]
    told = state(routed)
    fallbacks = routed.total("gateway_route_fallbacks_total", mode="pinned") - before
    server.versions[1] = gone
    eventually(lambda: predict(routed)["model_version"] == 1, within=20, what="version 1 answers again")

    assert answered == 3
    assert told["effective"] == [{"version": 3, "role": "stable", "percent": 100.0}]
    assert "version 1 cannot answer; version 3 answers in its place" in told["why"]
    assert fallbacks == 1
    assert state(routed)["why"] == ""


def test_the_route_survives_kill_9(server: ScriptedServer, tmp_path: Path) -> None:
    """What was answered to the operator holds for the gateway that is started next."""
    with serving_gateway(server.target, tmp_path) as first:
        kept = put(first, mode="canary", version=2, percent=25, stable=1, reason="a first try").json()
        first.running.process.kill()
        first.running.process.wait()
    with serving_gateway(server.target, tmp_path) as second:
        assert state(second) == kept
        assert {1, 2} == {predict(second)["model_version"] for _ in range(60)}
