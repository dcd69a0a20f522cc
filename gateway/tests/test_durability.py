"""What a client was told of survives the gateway."""

import os
import random
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import httpx
import psutil
import pytest

from tests.gateways import Gateway, serving_gateway
from tests.histories import damage, recorded
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually

ROUNDS = int(os.environ.get("PULMO_KILL_ROUNDS", "3"))
IMAGE = png(pixels(1))


def work_and_kill(gateway: Gateway, acknowledged: list[str], count: int) -> None:
    """Let eight clients post until there are `count` more answers, and kill all of the gateway in the middle of it."""
    target = len(acknowledged) + count

    def post() -> None:
        with httpx.Client(timeout=30) as client:
            while True:
                try:
                    reply = client.post(f"{gateway.url}/predict", content=IMAGE)
                except httpx.TransportError:
                    return
                acknowledged.append(reply.json()["id"])

    clients = [threading.Thread(target=post) for _ in range(8)]
    for client in clients:
        client.start()
    eventually(lambda: len(acknowledged) > target, within=60, what=f"{count} predictions")
    workers = psutil.Process(gateway.running.process.pid).children()
    for worker in workers:
        worker.kill()
    gateway.running.process.kill()
    for client in clients:
        client.join()
    psutil.wait_procs(workers, timeout=20)


@pytest.mark.timeout(60 + 20 * ROUNDS)
@pytest.mark.parametrize("durability", ["normal"])
def test_every_acknowledged_prediction_survives_kill_9(
    model_server: ModelServer, history_url: str, tmp_path: Path, durability: str
) -> None:
    """The gateway is killed in the middle of its work, again and again; each id that a client holds is there, once.

    PULMO_KILL_ROUNDS says how often.
    """
    chance = random.Random(9)
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        with serving_gateway(model_server.target, tmp_path, history=history_url, durability=durability) as gateway:
            work_and_kill(gateway, acknowledged, chance.randrange(1, 120))
    rows = recorded(history_url)

    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) <= set(rows)
    assert len(rows) == len(set(rows))
    assert damage(history_url) == []


def test_nothing_of_a_killed_gateway_answers_beside_the_next_one(model_server: ModelServer, tmp_path: Path) -> None:
    """Its worker ends with it, though it was not killed itself."""
    with serving_gateway(model_server.target, tmp_path) as gateway:
        workers = psutil.Process(gateway.running.process.pid).children()
        gateway.running.process.kill()
        psutil.wait_procs(workers, timeout=20)

    assert workers
    assert [worker for worker in workers if worker.is_running()] == [], "a worker outlived its gateway"


@contextmanager
def traced(gateway: Gateway, to: Path) -> Iterator[None]:
    """Write down what the gateway's process writes, sends and syncs."""
    [worker] = psutil.Process(gateway.running.process.pid).children()
    calls = "trace=pwrite64,write,writev,send,sendto,sendmsg,fdatasync,fsync"
    command = ["strace", "-f", "-p", str(worker.pid), "-s", "10000", "-e", calls, "-o", str(to)]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert strace.stderr is not None
    assert b"attached" in strace.stderr.readline()
    try:
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=20)


@pytest.mark.skipif(which("strace") is None, reason="strace is not on the PATH")
@pytest.mark.parametrize(("durability", "syncs"), [("full", True), ("normal", False)])
def test_with_full_durability_the_disk_has_the_row_before_the_client_has_the_answer(
    model_server: ModelServer, tmp_path: Path, durability: str, *, syncs: bool
) -> None:
    """As the kernel sees it: the row is written, `fdatasync` returns, the answer is sent; `normal` does not sync."""
    with serving_gateway(model_server.target, tmp_path, durability=durability) as gateway:
        httpx.post(f"{gateway.url}/predict", content=IMAGE).raise_for_status()
        with traced(gateway, tmp_path / "calls"):
            identity = httpx.post(f"{gateway.url}/predict", content=IMAGE).json()["id"]
    calls = (tmp_path / "calls").read_text(errors="replace").splitlines()

    written = next(place for place, call in enumerate(calls) if "pwrite64" in call and identity in call)
    sent = next(
        place for place, call in enumerate(calls) if re.search(r"send|writev?\(", call) and "HTTP/1.1 200" in call
    )
    synced = [
        place
        for place, call in enumerate(calls)
        if re.search(r"fdatasync(\(\d+\)| resumed>\)) += 0", call) and written < place < sent
    ]
    assert written < sent
    assert bool(synced) is syncs
