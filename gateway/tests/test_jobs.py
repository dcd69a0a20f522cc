"""Retraining as a job: one at a time, whatever its trainer does, wherever it ran."""

import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.gateways import Gateway, serving_gateway
from tests.processes import eventually
from tests.retraining import end_all, ended, is_running, process_of, retrain, session, started, status
from tests.workers import working_together

NOWHERE = "unix:nowhere"  # no model is needed to retrain
PUBLISHED = b'{"event":"published","version":9,"store":"s"}\n'
WORSE = b'{"event":"failed","error":"the run is worse than 3","kind":"PromotionError"}\n'
EPOCH = b'{"event":"epoch","epoch":1,"epochs":4,"progress":0.25,"val_accuracy":0.5}\n'
AT_ONCE = 24


@dataclass(frozen=True)
class Script:
    """What the scripted trainer does; see `tests.scriptedtrainer`."""

    folder: Path

    def says(self, text: bytes) -> None:
        (self.folder / "says").write_bytes(text)

    def end(self) -> None:
        (self.folder / "end").touch()

    def settings(self) -> dict[str, str]:
        command = f"{sys.executable} -m tests.scriptedtrainer {self.folder}"
        places = {name: str(self.folder / name) for name in ("sessions", "uploads", "store")}
        return {"trainer": command, "path": "/health/live", "trainer_nice": "0", **places}


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    folder = tmp_path / "script"
    folder.mkdir()
    script = Script(folder)
    script.says(b"")
    yield script
    end_all(folder / "sessions")


@pytest.fixture
def scripted_gateway(script: Script, tmp_path: Path) -> Iterator[Gateway]:
    with serving_gateway(NOWHERE, tmp_path, **script.settings()) as gateway:
        yield gateway


def test_of_many_requests_at_once_to_several_processes_one_starts(script: Script, tmp_path: Path) -> None:
    """The others are told which one runs; then each worker knows of it, and of its end."""
    together = threading.Barrier(AT_ONCE)

    def ask(_: int) -> httpx.Response:
        together.wait()
        return retrain(gateway)

    script.says(PUBLISHED)
    with working_together(NOWHERE, tmp_path, 2, **script.settings()) as gateway:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            replies = list(pool.map(ask, range(AT_ONCE)))
        identity = replies[0].json()["session_id"]
        assert sorted(reply.status_code for reply in replies) == [200] * (AT_ONCE - 1) + [202]
        running = gateway.total("gateway_job_running")
        script.end()
        done = ended(gateway, identity)
        sessions = httpx.get(f"{gateway.url}/training-sessions").json()["sessions"]
        eventually(lambda: gateway.total("gateway_job_running") == 0, within=30, what="no worker sees it run")
        counted = gateway.samples("gateway_jobs_total")

    assert {reply.json()["session_id"] for reply in replies} == {identity}
    assert running == 1
    assert len(list((script.folder / "sessions").iterdir())) == 1
    assert [each["session_id"] for each in sessions] == [identity]
    assert done["status"] == "completed"
    assert sum(counted.values()) == 1


def test_a_version_that_the_gate_refuses_is_rejected_with_the_trainers_reason(
    script: Script, scripted_gateway: Gateway
) -> None:
    """A rejection is no failure: the trainer did what it should."""
    script.says(EPOCH + WORSE)
    script.end()
    done = ended(scripted_gateway, started(scripted_gateway))

    assert (done["status"], done["message"]) == ("rejected", "the run is worse than 3")
    assert done["progress"] == 26.2
    assert scripted_gateway.total("gateway_jobs_total", status="rejected") == 1


def test_whatever_the_trainer_prints_its_events_are_found(script: Script, scripted_gateway: Gateway) -> None:
    """Half lines, bytes that are no text, and megabytes of noise: the outcome counts."""
    script.says(b"\xff\xfe\n" + b"x" * 3_000_000 + b"\n{}\n" + EPOCH + PUBLISHED + b"half a li")
    script.end()
    identity = started(scripted_gateway)
    done = ended(scripted_gateway, identity)
    log = httpx.get(f"{scripted_gateway.url}/training-sessions/{identity}/log").content

    assert (done["status"], done["model_version"]) == ("completed", 9)
    assert len(log) <= 2 * 65_536
    assert PUBLISHED in log


def test_a_trainer_that_does_not_heed_sigterm_is_killed_after_its_grace(
    script: Script, scripted_gateway: Gateway
) -> None:
    """A cancelled job ends in any case, and the next one may start."""
    (script.folder / "stubborn").touch()
    script.says(EPOCH)
    identity = started(scripted_gateway)
    eventually(lambda: status(scripted_gateway)["progress"] > 20, within=60, what="it has begun")
    process = process_of(script.folder / "sessions" / identity)
    httpx.delete(f"{scripted_gateway.url}/retrain/{identity}")
    done = ended(scripted_gateway, identity)

    assert (done["status"], done["message"]) == ("cancelled", "cancelled at 26.2 %")
    assert not is_running(process)
    assert retrain(scripted_gateway).status_code == 202


def test_a_job_whose_gateway_was_gone_before_its_process_began_is_found(script: Script, tmp_path: Path) -> None:
    """The row says that it runs, and no process was ever written down: after the lease it has failed."""
    with serving_gateway(NOWHERE, tmp_path, **script.settings()) as gateway:
        identity = started(gateway)
        process = process_of(script.folder / "sessions" / identity)
        gateway.running.process.kill()
        gateway.running.process.wait()
    process.kill()
    (script.folder / "sessions" / identity / "process").unlink()
    with sqlite3.connect(tmp_path / "history.db") as connection:
        connection.execute("UPDATE jobs SET started_us = started_us - 3600000000")
    connection.close()
    with serving_gateway(NOWHERE, tmp_path, **script.settings()) as gateway:
        done = ended(gateway, identity)

    assert done["status"] == "failed"
    assert "before it could start" in done["message"]


@pytest.mark.parametrize("command", ["/nonexistent/trainer", "false", "true"])
def test_without_a_trainer_there_is_no_retraining(tmp_path: Path, command: str) -> None:
    """501 with the remedy; everything else works."""
    with serving_gateway(NOWHERE, tmp_path, path="/health/live", trainer=command) as gateway:
        replies = [retrain(gateway), httpx.get(f"{gateway.url}/retrain/parameters")]
        now = status(gateway)

    assert [reply.status_code for reply in replies] == [501, 501]
    assert replies[0].json()["type"] == "/problems/retraining-unavailable"
    assert "PULMO_TRAINER" in replies[0].json()["detail"]
    assert now["status"] == "idle"


def test_sessions_that_cannot_be_written_are_named(script: Script, tmp_path: Path) -> None:
    """The session tells why it failed, and none is left running."""
    settings = {**script.settings(), "sessions": str(tmp_path / "file" / "sessions")}
    (tmp_path / "file").touch()
    with serving_gateway(NOWHERE, tmp_path, **settings) as gateway:
        reply = retrain(gateway)
        now = status(gateway)

    assert (reply.status_code, reply.json()["type"]) == (501, "/problems/retraining-unavailable")
    assert "PULMO_SESSIONS" in reply.json()["detail"]
    assert now["status"] == "failed"
    assert str(tmp_path) not in reply.text


def test_an_unknown_session_is_a_problem(scripted_gateway: Gateway) -> None:
    """404 for its outcome, its log and its cancelling; no path is ever made of it."""
    url = scripted_gateway.url
    replies = {
        (identity, method, path): httpx.request(method, f"{url}/{path.format(identity)}").status_code
        for identity in ("0" * 32, "x", "%00", "..%2f..%2fetc")
        for method, path in (
            ("GET", "training-sessions/{}"),
            ("GET", "training-sessions/{}/log"),
            ("DELETE", "retrain/{}"),
        )
    }

    assert replies == dict.fromkeys(replies, 404)


def test_the_settings_of_the_gateway_are_not_the_trainers(script: Script, scripted_gateway: Gateway) -> None:
    """Its environment holds none of them, so no secret among them."""
    process = process_of(script.folder / "sessions" / started(scripted_gateway))

    assert not [name for name in process.environ() if name.startswith("PULMO_")]
    assert [
        name for name in psutil.Process(scripted_gateway.running.process.pid).environ() if name.startswith("PULMO_")
    ]


def test_sessions_come_in_pages_newest_first(script: Script, scripted_gateway: Gateway) -> None:
    """`next` leads to the older ones."""
    script.says(PUBLISHED)
    script.end()
    identities = []
    for _ in range(3):
        identities.append(started(scripted_gateway))
        ended(scripted_gateway, identities[-1])
    url = f"{scripted_gateway.url}/training-sessions"
    first = httpx.get(url, params={"limit": 2}).json()
    second = httpx.get(url, params={"limit": 2, "after": first["next"]}).json()

    assert [each["session_id"] for each in first["sessions"] + second["sessions"]] == identities[::-1]
    assert second["next"] is None
    assert session(scripted_gateway, identities[0]) == second["sessions"][0]
