"""Who may ask a gateway for what: keys, scopes, rotation, and what an unknown client gets to know."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.access.keys import new_key
from tests.clients import posting, sending
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually

IMAGE = png(pixels(1))
CLIENT, CLIENT_KEY = new_key("scanner-3", ["predict"])
OPERATOR, OPERATOR_KEY = new_key("ward", ["operate"])


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def locked(
    request: pytest.FixtureRequest, model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Return a gateway that knows two keys."""
    folder = tmp_path_factory.mktemp("locked")
    keys = f"{CLIENT_KEY.line()} {OPERATOR_KEY.line()}"
    with serving_gateway(model_server.target, folder, server=request.param, api_keys=keys) as gateway:
        yield replace(gateway, headers=bearer(CLIENT))
        assert "Traceback" not in gateway.running.output()
        assert not any(secret in gateway.running.output() for secret in (CLIENT, OPERATOR))


@pytest.mark.parametrize(
    "headers", [bearer(CLIENT), {"Authorization": f"bearer  {CLIENT}"}, {"X-API-Key": CLIENT}, bearer(OPERATOR)]
)
def test_a_key_is_taken_from_either_header(locked: Gateway, headers: dict[str, str]) -> None:
    """`operate` is good for predictions as well."""
    assert httpx.post(f"{locked.url}/predict", content=IMAGE, headers=headers).status_code == 200


def test_a_change_of_the_route_has_the_name_of_the_key(locked: Gateway) -> None:
    """The answer, the state and the past tell who it was; nothing of the key itself."""
    headers = bearer(OPERATOR)

    answer = httpx.put(f"{locked.url}/models/route", json={"mode": "latest", "reason": "as ever"}, headers=headers)
    state = httpx.get(f"{locked.url}/models/route", headers=headers).json()
    [newest] = httpx.get(f"{locked.url}/models/route/history?limit=1", headers=headers).json()["history"]

    assert answer.json()["caller"] == state["caller"] == newest["caller"] == OPERATOR_KEY.name
    assert newest["actor"] == "operator"


@pytest.mark.parametrize(
    ("headers", "problem", "status"),
    [
        ({}, "key-missing", 401),
        ({"X-API-Key": ""}, "key-missing", 401),
        ({"Authorization": "Basic c2Nhbm5lcjo="}, "key-missing", 401),
        (bearer("pulmo_guess"), "key-invalid", 401),
        (bearer(CLIENT_KEY.digest.hex()), "key-invalid", 401),
        (bearer(CLIENT[:-1]), "key-invalid", 401),
        ({"X-API-Key": "\xff" * 5000}, "key-invalid", 401),
    ],
)
@pytest.mark.parametrize(
    "path", ["/predict", "/predict-batch", "/v2/models/lung/infer", "/models/rollback", "/nowhere"]
)
def test_without_a_good_key_nothing_is_read(
    locked: Gateway, path: str, headers: dict[str, str], problem: str, status: int
) -> None:
    """The refusal comes while the body is outstanding, ends the connection, and says how to do better."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with sending(locked.url, b"", path=path, headers=lines, announced=1_000_000) as connection:
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"/problems/{problem}".encode() in body
    assert b'www-authenticate: bearer realm="pulmo"' in head.lower()
    assert b"connection: close" in head.lower()


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/models/route"), ("POST", "/models/rollback"), ("GET", "/nowhere")]
)
def test_a_clients_key_operates_nothing(locked: Gateway, method: str, path: str) -> None:
    """The problem names the key's owner, its scope and the one that is needed."""
    reply = httpx.request(method, locked.url + path, headers=bearer(CLIENT))
    operator = httpx.request(method, locked.url + path, headers=bearer(OPERATOR))

    assert (reply.status_code, reply.json()["type"]) == (403, "/problems/scope-missing")
    assert reply.json()["detail"] == "the key of 'scanner-3' has the scope predict; this request needs operate"
    assert reply.headers["www-authenticate"] == 'Bearer realm="pulmo", error="insufficient_scope"'
    assert operator.status_code not in {401, 403}


@pytest.mark.parametrize("path", ["/", "/health", "/health/live", "/health/ready/", "/problems/key-missing"])
def test_what_says_nothing_of_patients_is_open(locked: Gateway, path: str) -> None:
    """A load balancer has no key."""
    assert httpx.get(locked.url + path).status_code == 200


def test_admissions_are_counted(locked: Gateway) -> None:
    """Each by what became of it; the scrapes have a key too."""
    before = {outcome: locked.total("gateway_access_total", outcome=outcome) for outcome in ("missing", "granted")}
    httpx.get(f"{locked.url}/history")

    assert locked.total("gateway_access_total", outcome="missing") - before["missing"] == 1
    assert locked.total("gateway_access_total", outcome="granted") - before["granted"] == 2
    assert locked.total("gateway_api_keys") == 2


def test_keys_change_under_load_without_a_failed_request(model_server: ModelServer, tmp_path: Path) -> None:
    """The old key holds while both are listed, the new one after; then the old one is refused. No restart, no loss."""
    file = tmp_path / "keys"
    new, new_entry = new_key("scanner-3", ["predict"])

    def write(*lines: str) -> None:
        scratch = tmp_path / "scratch"
        scratch.write_text("# keys\n" + "\n".join(lines))
        scratch.replace(file)

    def status(secret: str) -> int:
        return httpx.get(f"{gateway.url}/models", headers=bearer(secret)).status_code

    write(CLIENT_KEY.line())
    with serving_gateway(model_server.target, tmp_path, api_keys_file=str(file)) as gateway:
        with posting(gateway.url, IMAGE, clients=2, headers=bearer(CLIENT)) as old_replies:
            write(CLIENT_KEY.line(), new_entry.line())
            eventually(lambda: status(new) == 200, within=10, what="the new key holds")
            seen = len(old_replies)
            eventually(lambda: len(old_replies) > seen + 5, within=10, what="the old key was used after the change")
        with posting(gateway.url, IMAGE, clients=2, headers=bearer(new)) as new_replies:
            write(new_entry.line())
            eventually(lambda: status(CLIENT) == 401, within=10, what="the old key does not hold any more")
            seen = len(new_replies)
            eventually(lambda: len(new_replies) > seen + 5, within=10, what="the new key was used after the change")
        output = gateway.running.output()

    assert {reply.status_code for reply in [*old_replies, *new_replies]} == {200}
    assert output.count("API keys changed") == 2


@pytest.mark.parametrize("content", ["", "half a li", None], ids=["empty", "half written", "gone"])
def test_a_file_that_cannot_be_used_changes_nothing(
    model_server: ModelServer, tmp_path: Path, content: str | None
) -> None:
    """The keys before it go on; the log says once what is wrong, and shows none of it; a good file is taken."""
    file = tmp_path / "keys"
    file.write_text(CLIENT_KEY.line())
    with serving_gateway(model_server.target, tmp_path, api_keys_file=str(file)) as plain:
        gateway = replace(plain, headers=bearer(CLIENT))
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
        eventually(
            lambda: gateway.total("gateway_api_key_reloads_total", outcome="refused") == 1, within=10, what="it is seen"
        )
        assert httpx.get(f"{gateway.url}/models", headers=bearer(CLIENT)).status_code == 200
        file.write_text(OPERATOR_KEY.line())
        eventually(
            lambda: httpx.get(f"{gateway.url}/history", headers=bearer(OPERATOR)).status_code == 200,
            within=10,
            what="a good file is taken",
        )
        assert httpx.get(f"{gateway.url}/models", headers=bearer(CLIENT)).status_code == 401

    output = gateway.running.output()
    assert output.count("API keys not changed") == 1
    assert "half" not in output


def test_a_route_that_nobody_opened_needs_operate(locked: Gateway) -> None:
    """Each operation of the API is tried; those that no key, or a client's, opens are these and no others."""
    paths = httpx.get(f"{locked.url}/schema/openapi.json").json()["paths"]
    needed: dict[str, set[str]] = {"nothing": set(), "predict": set(), "operate": set()}
    for path, operations in paths.items():
        for method in operations:
            url = locked.url + re.sub(r"\{.*?\}", "1", path)
            anybody, client = (
                httpx.request(method, url, headers=headers).status_code in {401, 403}
                for headers in ({}, bearer(CLIENT))
            )
            scope = "nothing" if not anybody else "predict" if not client else "operate"
            needed[scope].add(f"{method.upper()} {path}")

    assert {entry for entry in needed["nothing"] if not re.match("GET /(health|problems/|v2/health/)", entry)} == set()
    assert {"PUT /models/route", "POST /models/rollback", "GET /models/route", "GET /history"} <= needed["operate"]
    assert {"POST /predict", "POST /predict-batch", "GET /models", "GET /metrics"} <= needed["predict"]
