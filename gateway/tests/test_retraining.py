"""Retraining with the real trainer: asked for over HTTP, followed, published, interrupted in every way."""

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import serving
from tests.processes import eventually
from tests.retraining import (
    LONG,
    end_all,
    ended,
    has_trained,
    is_running,
    process_of,
    retrain,
    session,
    started,
    status,
)

pytestmark = pytest.mark.timeout(900)  # TensorFlow starts for each training

QUICK = {"epochs": 1, "learning_rate": 1e-12}
"""Parameters by which a version comes out that answers as the one before, and so passes the gate."""


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the store, to be published to; what a test has left running ends with it."""
    yield Path(shutil.copytree(trained / "lung", tmp_path / "lung"))
    end_all(tmp_path / "sessions")


@contextmanager
def retraining_gateway(
    store: Path, target: str = "unix:nowhere", path: str = "/health/live", nice: int = 0
) -> Iterator[Gateway]:
    """Run a gateway that may retrain; all that it writes is beside the store.

    A training that is to end steps back for nobody, or it would hardly move beside other tests.
    """
    folder = store.parent
    places = {"store": str(store), "sessions": str(folder / "sessions"), "uploads": str(folder / "uploads")}
    with serving_gateway(target, folder, path=path, trainer_nice=str(nice), **places) as gateway:
        yield gateway


def test_a_retraining_learns_from_the_uploads_and_its_version_rolls_out(store: Path) -> None:
    """From the upload to the answers of the new version, with nothing but HTTP; the session says what came of it."""
    image = png(pixels(5))
    with serving(store) as server, retraining_gateway(store, server.target, "/health/ready") as gateway:
        idle = status(gateway)
        upload = httpx.post(f"{gateway.url}/upload-data", files={"files": image}, data={"label": "normal"}).json()
        before = httpx.post(f"{gateway.url}/predict", content=image).json()
        identity = started(gateway, QUICK)
        process = process_of(store.parent / "sessions" / identity)
        of_its_own = os.getsid(process.pid) == process.pid
        now = status(gateway)
        done = ended(gateway, identity)
        log = httpx.get(f"{gateway.url}/training-sessions/{identity}/log").text
        eventually(
            lambda: httpx.post(f"{gateway.url}/predict", content=image).json().get("model_version") == 2,
            within=60,
            what="the new version answers",
        )
        counted = gateway.total("gateway_jobs_total", status="completed")
        listed = httpx.get(f"{gateway.url}/training-sessions").json()["sessions"]
        after = status(gateway)
        measured = httpx.get(f"{gateway.url}/metrics").json()
    manifest = json.loads((store / "2" / "assets.extra" / "manifest.json").read_text())

    assert (idle["status"], idle["progress"], idle["session_id"]) == ("idle", 0.0, None)
    assert before["model_version"] == 1
    assert of_its_own
    assert (now["status"], now["session_id"]) == ("running", identity)
    assert (done["status"], done["progress"], done["model_version"]) == ("completed", 100.0, 2), done
    assert done["parameters"] == QUICK
    assert set(done["metrics"]) >= {"accuracy", "macro_f1"}
    assert done["started"] < done["ended"]
    assert '"event":"published","version":2' in log
    assert manifest["config"]["additions"] == [str(store.parent / "uploads" / upload["session_id"])]
    assert manifest["config"]["epochs"] == 1
    assert counted == 1
    assert listed == measured["training_history"] == [done]
    assert measured["model_version"] == 2
    assert (after["status"], after["progress"], after["ended"]) == ("completed", 100.0, done["ended"])


def test_a_job_goes_on_without_its_gateway_and_is_found_and_cancelled_by_the_next(store: Path) -> None:
    """SIGKILL of the gateway; the next one follows the same process, lets no second one start, and can end it."""
    with retraining_gateway(store) as gateway:
        identity = started(gateway, LONG)
        has_trained(gateway)
        gateway.running.process.kill()
        gateway.running.process.wait()
    process = process_of(store.parent / "sessions" / identity)
    survived = is_running(process)
    with retraining_gateway(store) as gateway:
        found = status(gateway)
        second = retrain(gateway)
        begin = status(gateway)["message"]
        eventually(lambda: status(gateway)["message"] != begin, within=60, what="its progress is seen")
        cancelling = httpx.delete(f"{gateway.url}/retrain/{identity}")
        done = ended(gateway, identity)
        again = httpx.delete(f"{gateway.url}/retrain/{identity}")
        counted = gateway.total("gateway_jobs_total", status="cancelled")

    assert survived
    assert (found["status"], found["session_id"]) == ("running", identity)
    assert (second.status_code, second.json()["session_id"]) == (200, identity)
    assert (cancelling.status_code, cancelling.json()["status"]) == (202, "running")
    assert done["status"] == "cancelled"
    assert not is_running(process)
    assert (store.parent / "sessions" / identity / "run" / "manifest.json").is_file()  # it ended as it wanted to
    assert (again.status_code, again.json()["type"]) == (409, "/problems/session-ended")
    assert counted == 1
    assert [each.name for each in store.iterdir() if each.name.isdecimal()] == ["1"]


def test_a_job_that_ends_while_no_gateway_runs_is_concluded_by_the_next(store: Path) -> None:
    """Nothing is lost: its version, its metrics, its end."""
    with retraining_gateway(store) as gateway:
        identity = started(gateway, QUICK)
        process = process_of(store.parent / "sessions" / identity)
        gateway.running.process.kill()
        gateway.running.process.wait()
    eventually(lambda: not is_running(process), within=180, what="the training has ended")
    with retraining_gateway(store) as gateway:
        done = ended(gateway, identity)

    assert (done["status"], done["model_version"]) == ("completed", 2), done


def test_a_trainer_that_is_killed_is_noticed_and_the_next_one_starts(store: Path) -> None:
    """The session says by what; nothing is published; the gateway answers on."""
    with retraining_gateway(store) as gateway:
        identity = started(gateway, LONG)
        has_trained(gateway)
        process_of(store.parent / "sessions" / identity).kill()
        done = ended(gateway, identity)
        following = started(gateway, LONG)
        now = status(gateway)
        httpx.delete(f"{gateway.url}/retrain/{following}")
        cancelled = ended(gateway, following)

    assert done["status"] == "failed"
    assert "SIGKILL" in done["message"]
    assert done["progress"] > 0
    assert (now["status"], now["session_id"]) == ("running", following)
    assert cancelled["status"] == "cancelled"


def test_a_job_of_a_machine_that_was_restarted_is_found_dead(store: Path) -> None:
    """Its row says that it runs, on a boot that is over; nobody has renewed the lease, so the next may start."""
    with retraining_gateway(store) as gateway:
        identity = started(gateway, LONG)
        process = process_of(store.parent / "sessions" / identity)
        gateway.running.process.kill()
        gateway.running.process.wait()
    psutil.Process(process.pid).kill()
    with sqlite3.connect(store.parent / "history.db") as connection:
        connection.execute("UPDATE jobs SET place = 'elsewhere', heartbeat_us = heartbeat_us - 3600000000")
    connection.close()
    with retraining_gateway(store) as gateway:
        done = ended(gateway, identity)

    assert done["status"] == "failed"
    assert "nobody has heard of it" in done["message"]


def test_a_training_without_data_fails_with_the_trainers_reason(store: Path, trained: Path) -> None:
    """The session tells what the trainer would have told an operator."""
    hidden = trained / "hidden"
    (trained / "drawn").rename(hidden)
    try:
        with retraining_gateway(store) as gateway:
            done = ended(gateway, started(gateway))
    finally:
        hidden.rename(trained / "drawn")

    assert done["status"] == "failed"
    assert "drawn" in done["message"]
    assert "is missing" in done["message"] or "holds no" in done["message"]


def test_what_the_trainer_does_not_allow_is_refused_before_anything_starts(store: Path) -> None:
    """422 with the trainer's sentence; no session, no process; a place on the disk can never be named."""
    with retraining_gateway(store) as gateway:
        refused = {
            name: httpx.post(f"{gateway.url}/retrain", content=body, timeout=60)
            for name, body in {
                "limit": b'{"epochs": 0}',
                "unknown": b'{"initial": "/etc/passwd"}',
                "option": b'{"epochs=1 --force": 1}',
                "nested": b'{"augmentation": {"mirror": 1}}',
                "array": b"[1]",
                "deep": b'{"a":' + b"[" * 9000,
                "broken": b"\xff",
            }.items()
        }
        large = httpx.post(f"{gateway.url}/retrain", content=b"x" * 20_000)
        schema = httpx.get(f"{gateway.url}/retrain/parameters").json()
        sessions = httpx.get(f"{gateway.url}/training-sessions").json()["sessions"]

    assert {name: reply.status_code for name, reply in refused.items()} == dict.fromkeys(refused, 422)
    assert {reply.json()["type"] for reply in refused.values()} == {"/problems/parameters-invalid"}
    assert "epochs=0 is refused" in refused["limit"].json()["detail"]
    assert large.status_code == 413
    assert schema["$defs"]["Parameters"]["properties"]["epochs"] == {"type": "integer", "minimum": 1}
    assert sessions == []


def test_a_training_is_nice_and_a_gateway_that_is_stopped_leaves_it_alone(store: Path) -> None:
    """Serving comes first by default; SIGTERM of the gateway is not one of the training."""
    with retraining_gateway(store, nice=19) as gateway:
        identity = started(gateway, LONG)
        process = process_of(store.parent / "sessions" / identity)
        eventually(lambda: process.name() not in ("sh", "nice"), within=30, what="it has become the trainer")
        nice = process.nice()
        gateway.running.process.send_signal(signal.SIGTERM)
        gateway.running.process.wait(30)
    survived = is_running(process)
    with retraining_gateway(store) as gateway:
        before = session(gateway, identity)
        httpx.delete(f"{gateway.url}/retrain/{identity}")
        done = ended(gateway, identity)

    assert nice == 19
    assert survived
    assert before["status"] == "running"
    assert done["status"] == "cancelled"
