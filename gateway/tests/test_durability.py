"""What a client was told of survives the gateway."""

import sqlite3
import threading
from pathlib import Path

import httpx
import psutil

from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually


def test_every_acknowledged_prediction_survives_kill_9(model_server: ModelServer, tmp_path: Path) -> None:
    """The gateway is killed in the middle of its work; each id that a client holds is in the history, once.

    And nothing of the gateway is left that would answer beside the next one.
    """
    acknowledged: list[str] = []

    def post(url: str) -> None:
        with httpx.Client(timeout=30) as client:
            while True:
                try:
                    reply = client.post(f"{url}/predict", content=png(pixels(1)))
                except httpx.TransportError:
                    return
                acknowledged.append(reply.json()["id"])

    with serving_gateway(model_server.target, tmp_path) as gateway:
        clients = [threading.Thread(target=post, args=(gateway.url,)) for _ in range(8)]
        for client in clients:
            client.start()
        eventually(lambda: len(acknowledged) > 100, within=60, what="a hundred predictions")
        workers = psutil.Process(gateway.running.process.pid).children()
        gateway.running.process.kill()
        for client in clients:
            client.join()
        psutil.wait_procs(workers, timeout=20)

    assert [worker for worker in workers if worker.is_running()] == [], "a worker outlived its gateway"
    with sqlite3.connect(gateway.history) as connection:
        recorded = [row[0] for row in connection.execute("SELECT id FROM predictions")]
        integrity = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    assert set(acknowledged) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    assert integrity == ("ok",)
