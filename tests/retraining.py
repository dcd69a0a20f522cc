"""Retrainings, as a client sees them and as the machine does."""

import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from gateway.jobs.processes import find, kill
from tests.gateways import Gateway
from tests.processes import eventually

LONG = {"epochs": 100_000, "patience": 100_000}
"""Parameters of a training that does not end by itself."""


def retrain(gateway: Gateway, parameters: dict[str, Any] | None = None) -> httpx.Response:
    """Ask for a retraining, with a body or without one."""
    return httpx.post(f"{gateway.url}/retrain", json=parameters, timeout=60)


def started(gateway: Gateway, parameters: dict[str, Any] | None = None) -> str:
    """Start a retraining, and return its session."""
    reply = retrain(gateway, parameters)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["session_id"])


def session(gateway: Gateway, identity: str) -> dict[str, Any]:
    """Return a session as the gateway tells it."""
    found: dict[str, Any] = httpx.get(f"{gateway.url}/training-sessions/{identity}").json()
    return found


def status(gateway: Gateway) -> dict[str, Any]:
    """Return what `/status` says."""
    said: dict[str, Any] = httpx.get(f"{gateway.url}/status").json()
    return said


def ended(gateway: Gateway, identity: str) -> dict[str, Any]:
    """Wait until a retraining has ended, and return its session."""
    eventually(lambda: session(gateway, identity)["status"] != "running", within=280, what="the retraining has ended")
    return session(gateway, identity)


def process_of(folder: Path) -> psutil.Process:
    """Return the process of the session in `folder`, once it is there."""
    eventually(lambda: find(folder) is not None, within=30, what="the process has written down who it is")
    process = find(folder)
    assert process is not None
    return psutil.Process(process.pid)


def is_running(process: psutil.Process) -> bool:
    """Say whether a process has not ended; one that nobody has waited for has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_all(sessions: Path) -> None:
    """Kill the processes of all sessions in a folder."""
    for process in map(find, sessions.iterdir() if sessions.is_dir() else ()):
        if process is not None:
            kill(process)


def has_trained(gateway: Gateway) -> None:
    """Wait until an epoch is done."""
    eventually(lambda: status(gateway)["message"].startswith("epoch "), within=280, what="an epoch is done")


def long_ago_us() -> int:
    """Return a moment of which nobody believes any more that something runs since then; microseconds since 1970."""
    return time.time_ns() // 1000 - 3_600_000_000
