"""What is around every answer: ids, what browsers are told, a line in the log; and what never gets into the log."""

import base64
import hashlib
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.access.keys import new_key
from gateway.envelope.headers import page_policy
from gateway.envelope.identity import request_id, trace_of
from gateway.settings import SettingsError, read_settings
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually

IMAGE = png(pixels(1))
SECRET, KEY = new_key("scanner-3", ["predict", "operate"])
KEYED = {"X-API-Key": SECRET}
FRIEND = "https://friend.example"
PREFLIGHT = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CANARY = "canary4711"


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def gateway(
    request: pytest.FixtureRequest, model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Return a gateway that logs all it can, as JSON, knows a key, and has a friend among the sites."""
    settings = {"server": request.param, "log_format": "json", "log_level": "debug", "concurrency_limit": "1"}
    settings |= {"api_keys": KEY.line(), "cors_origins": f"{FRIEND}, http://other.example:8080"}
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("gateway"), **settings) as running:
        yield running


def lines(gateway: Gateway, name: str) -> list[dict[str, object]]:
    """Return what the log says of one request."""
    entries = (json.loads(line) for line in gateway.running.output().splitlines() if line.startswith("{"))
    return [entry for entry in entries if entry.get("request_id") == name]


REPLIES = {
    "a prediction": (200, "POST", "/predict", {"content": IMAGE, "headers": KEYED}),
    "a refused image": (415, "POST", "/predict", {"content": b"hello", "headers": KEYED}),
    "no key": (401, "POST", "/predict", {"content": IMAGE}),
    "a full gateway": (413, "POST", "/predict-batch", {"files": [("files", IMAGE)] * 2, "headers": KEYED}),
    "no route": (404, "GET", "/nowhere", {"headers": KEYED}),
    "another method": (405, "PUT", "/predict", {"headers": KEYED}),
    "a wrong parameter": (400, "GET", "/history?limit=0", {"headers": KEYED}),
    "a bad timeout": (400, "POST", "/predict", {"content": IMAGE, "headers": {**KEYED, "X-Request-Timeout": "x"}}),
    "a page": (200, "GET", "/", {}),
    "a preflight": (204, "OPTIONS", "/predict", {"headers": PREFLIGHT}),
}


@pytest.mark.parametrize(("status", "method", "path", "request_"), REPLIES.values(), ids=REPLIES)
def test_every_answer_has_its_envelope(
    gateway: Gateway, status: int, method: str, path: str, request_: dict[str, object]
) -> None:
    """Whoever gives it: the route, the framework, or the gate before both."""
    reply = httpx.request(method, gateway.url + path, **request_)  # type: ignore[arg-type]

    assert reply.status_code == status
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert len(reply.headers.get_list("content-security-policy")) == 1
    assert re.fullmatch("[0-9a-f]{32}", reply.headers["x-request-id"])


@pytest.mark.parametrize(("status", "method", "path", "request_"), REPLIES.values(), ids=REPLIES)
def test_every_request_has_one_line_in_the_log(
    gateway: Gateway, status: int, method: str, path: str, request_: dict[str, object]
) -> None:
    """With the route's template and not the path, and with the name of the key and not the key."""
    reply = httpx.request(method, gateway.url + path, **request_)  # type: ignore[arg-type]
    name = reply.headers["x-request-id"]

    eventually(lambda: bool([e for e in lines(gateway, name) if e["event"] == "request"]), within=10, what="the line")
    [line] = [entry for entry in lines(gateway, name) if entry["event"] == "request"]

    assert (line["status"], line["method"]) == (status, method)
    assert line["route"] == ("unmatched" if path == "/nowhere" or status in {204, 405} else path.partition("?")[0])
    assert line["caller"] == ("scanner-3" if "X-API-Key" in str(request_) else None)
    assert float(str(line["ms"])) > 0


@pytest.mark.parametrize("server", ["granian", "uvicorn"])
def test_a_bug_has_its_envelope_and_keeps_its_internals(model_server: ModelServer, tmp_path: Path, server: str) -> None:
    """The client gets an id by which the log tells what happened; the answer itself does not tell it."""
    settings = {"server": server, "log_format": "json"}
    with serving_gateway(model_server.target, tmp_path, **settings) as broken:
        with closing(sqlite3.connect(broken.history)) as database:
            row = "(1, 1, 'sideways', 'nobody', 'a row that the gateway never writes')"
            database.execute(f"INSERT INTO routes (sequence, timestamp_us, mode, actor, reason) VALUES {row}")
            database.commit()
        reply = httpx.get(f"{broken.url}/models/route/history")
        name = reply.headers["x-request-id"]
        eventually(lambda: len(lines(broken, name)) == 2, within=10, what="two lines")

    assert (reply.status_code, reply.json()["detail"]) == (500, "This is a bug of the gateway; its log says more.")
    assert not re.search("sideways|ValidationError|Traceback", reply.text)
    assert reply.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert [entry["event"] for entry in lines(broken, name)] == ["bug", "request"]
    assert "sideways" in str(lines(broken, name)[0])


def test_a_preflight_with_a_body_does_not_leave_it_for_the_next_request(gateway: Gateway) -> None:
    """No browser sends one; whoever does could hide a request in it."""
    reply = httpx.request("OPTIONS", f"{gateway.url}/predict", content=b"GET / HTTP/1.1", headers=PREFLIGHT)

    assert (reply.status_code, reply.headers["connection"]) == (401, "close")


def test_a_client_names_its_request_and_its_trace(gateway: Gateway) -> None:
    """All that the log says of it has both: the problem, and the line about the request."""
    headers = {**KEYED, "X-Request-ID": "ward-3.17_a", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}

    reply = httpx.post(f"{gateway.url}/predict", content=b"hello", headers=headers)

    assert reply.headers["x-request-id"] == "ward-3.17_a"
    eventually(lambda: len(lines(gateway, "ward-3.17_a")) == 2, within=10, what="two lines")
    assert [entry["event"] for entry in lines(gateway, "ward-3.17_a")] == ["problem", "request"]
    assert {entry["trace_id"] for entry in lines(gateway, "ward-3.17_a")} == {TRACE}


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\xffb", '"}{"', "../../etc"])
def test_an_id_that_could_forge_the_log_is_replaced(gateway: Gateway, name: str) -> None:
    """It is not cut, since two would become one."""
    reply = httpx.get(f"{gateway.url}/health", headers={b"X-Request-ID": name.encode("latin-1")})

    assert re.fullmatch("[0-9a-f]{32}", reply.headers["x-request-id"])


def test_requests_at_one_time_do_not_share_their_names(gateway: Gateway) -> None:
    """Each line belongs to the request that it tells of, whatever the server runs beside it."""
    names = [f"at-one-time-{number}" for number in range(60)]

    def ask(name: str) -> None:
        path = f"/problems/{name}"  # there is none: the route answers 404
        httpx.get(gateway.url + path, headers={"X-Request-ID": name})

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, names))

    eventually(lambda: all(lines(gateway, name) for name in names), within=10, what="all lines")
    assert {len(lines(gateway, name)) for name in names} == {1}
    health = httpx.get(f"{gateway.url}/health").headers["x-request-id"]
    eventually(lambda: bool(lines(gateway, health)), within=10, what="the line of /health")
    assert [entry["route"] for entry in lines(gateway, health)] == ["/health"]


def test_nothing_that_a_client_sends_gets_into_the_log(gateway: Gateway) -> None:
    """Not the key, the image, the file's name, the path or the query; not even where all is logged."""
    wrong = {"X-API-Key": f"pulmo_{CANARY}", "Cookie": CANARY, "User-Agent": CANARY, "X-Request-Timeout": "5"}
    right = {**wrong, **KEYED}
    body = CANARY.encode() * 100
    for headers in (wrong, right):
        for file in (IMAGE, body, IMAGE[:100] + body):
            for path in ("/predict", f"/{CANARY}", f"/predict?{CANARY}={CANARY}", f"/problems/{CANARY}"):
                httpx.post(gateway.url + path, files={"file": (f"{CANARY}\n{CANARY}.png", file)}, headers=headers)
                httpx.post(gateway.url + path, content=file, headers=headers)
        httpx.post(f"{gateway.url}/predict-batch", files={CANARY: (CANARY, IMAGE)}, headers=headers)
        httpx.get(f"{gateway.url}/history?limit={CANARY}", headers=headers)
    address = urlsplit(gateway.url)
    for garbage in (b"%s\r\n\r\n", b"GET /%s HTTP/1.1\r\nHost x%s\r\n\r\n", b"GET / HTTP/9.%s\r\n\r\n"):
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
            connection.sendall(garbage.replace(b"%s", CANARY.encode()))
            connection.recv(1000)
    last = httpx.get(f"{gateway.url}/history", headers=KEYED).headers["x-request-id"]
    eventually(lambda: bool(lines(gateway, last)), within=10, what="the log is written")

    assert CANARY not in gateway.running.output()
    assert SECRET not in gateway.running.output()
    assert "Traceback" not in gateway.running.output()


def test_a_site_that_is_named_may_read_answers(gateway: Gateway) -> None:
    """Early refusals as well, or its page could not show why; a preflight needs no key and says what may be sent."""
    good = httpx.post(f"{gateway.url}/predict", content=IMAGE, headers={**KEYED, "Origin": FRIEND})
    refused = httpx.post(f"{gateway.url}/predict", content=IMAGE, headers={"Origin": FRIEND})
    asked = httpx.options(f"{gateway.url}/predict", headers=PREFLIGHT)

    for reply, status in ((good, 200), (refused, 401), (asked, 204)):
        assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (status, FRIEND)
        assert reply.headers["vary"] == "origin"
        assert "access-control-allow-credentials" not in reply.headers
    assert "x-api-key" in asked.headers["access-control-allow-headers"]
    assert "POST" in asked.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    "origin", ["https://foe.example", "https://friend.example.foe", "http://friend.example", "null"]
)
def test_other_sites_may_not(gateway: Gateway, origin: str) -> None:
    """Nor may they ask first: that is a request without a key."""
    reply = httpx.post(f"{gateway.url}/predict", content=IMAGE, headers={**KEYED, "Origin": origin})
    asked = httpx.options(f"{gateway.url}/predict", headers={**PREFLIGHT, "Origin": origin})

    assert not [name for name in (*reply.headers, *asked.headers) if name.startswith("access-control")]
    assert reply.headers["vary"] == "origin"
    assert asked.status_code == 401


def test_no_site_may_by_default(model_server: ModelServer, tmp_path: Path) -> None:
    """Nothing of the protocol is spoken."""
    with serving_gateway(model_server.target, tmp_path) as plain:
        replies = [
            httpx.get(f"{plain.url}/models", headers={"Origin": FRIEND}),
            httpx.options(f"{plain.url}/predict", headers=PREFLIGHT),
        ]

    assert not [name for reply in replies for name in reply.headers if name.startswith(("access-control", "vary"))]
    assert [
        entry for entry in plain.running.output().splitlines() if "route=/models" in entry and "status=200" in entry
    ]


def test_the_page_may_run_what_it_brings_and_nothing_else(gateway: Gateway) -> None:
    """Each script and style is named by its digest, and there is none that a digest cannot name."""
    reply = httpx.get(gateway.url)
    blocks = re.findall(r"<(?:script|style)>(.*?)</", reply.text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks]

    assert len(digests) == 2
    assert all(f"'sha256-{digest}'" in reply.headers["content-security-policy"] for digest in digests)
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert not re.search(r"\son\w+=|\sstyle=|src=.http|href=.http", reply.text)
    assert "script-src 'none'" in page_policy("<h1>no script</h1>")


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-adds", True),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", False),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-00f067aa0ba902b7", False),
        ("", False),
    ],
)
def test_a_trace_is_continued_as_the_standard_has_it(header: str, known: bool) -> None:  # noqa: FBT001
    """What is not valid is treated as if it were not there."""
    expected = {"trace_id": TRACE, "parent_id": "00f067aa0ba902b7"} if known else {}

    assert trace_of(header.encode()) == expected
    assert trace_of(None) == {}
    assert request_id(None) != request_id(None)


@pytest.mark.parametrize(
    "origin", ["friend.example", "https://friend.example/", "https://*.example", "HTTPS://A.example"]
)
def test_a_site_that_no_browser_would_send_is_refused(origin: str) -> None:
    """It would never match, and somebody would wonder why."""
    with pytest.raises(SettingsError, match="PULMO_CORS_ORIGINS holds"):
        read_settings({"PULMO_CORS_ORIGINS": f"{FRIEND},{origin}"}, Path("/nonexistent"))
