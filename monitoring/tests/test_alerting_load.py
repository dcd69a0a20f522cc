"""The alerts on load and on the history, each caused for real and heard, and heard to end."""

import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from monitoring.objectives import HOUR
from monitoring.rules import Windows
from monitoring.tests.alerting import watching
from tests.clients import posting
from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.processes import PYTHON, running
from tests.scripted import Version, certain, scripted

SHORTER = Windows(1 / 60)
BODY = png(pixels(1))
SLOW = ("QueueSaturated", "LatencyBudgetBurns")
UNRECORDED = ("HistoryBacklog", "HistoryFails", "HistoryLeftOut")
CAUSED = {*SLOW, *UNRECORDED}


def test_who_is_on_duty_hears_of_clients_that_wait_for_seconds(tmp_path: Path) -> None:
    """Two dozen of them, where the model takes a sixth of a second for each image; one of them has no cause to wait."""
    socket, fast = tmp_path / "s", {"window": SHORTER(HOUR)}
    stub = [PYTHON, "-m", "loadtests.stub", "--socket", str(socket), "--base", "0", "--per-image", "0.15"]
    with (
        running(stub, log=tmp_path / "stub.log", ready=socket.exists),
        serving_gateway(f"unix:{socket}", tmp_path / "gateway") as gateway,
        watching(tmp_path / "watch", SHORTER, gateway=urlsplit(gateway.url).netloc) as heard,
    ):
        with posting(gateway.url, BODY, clients=24):
            heard.wait("firing", "QueueSaturated")
            heard.wait("firing", "LatencyBudgetBurns", **fast)
        with posting(gateway.url, BODY, clients=1):
            heard.wait("resolved", "QueueSaturated")
            heard.wait("resolved", "LatencyBudgetBurns", **fast)


def test_who_is_on_duty_hears_of_a_history_that_cannot_be_written(tmp_path: Path) -> None:
    """Somebody locks its file: answered predictions wait, until there is room for no more of them."""
    terms = {"durability": "async", "history_policy": "best_effort", "history_queue": "1100"}
    with (
        scripted(v1=Version(certain(0))) as model,
        serving_gateway(model.target, tmp_path / "gateway", **terms) as gateway,
        watching(tmp_path / "watch", SHORTER, gateway=urlsplit(gateway.url).netloc) as heard,
        posting(gateway.url, BODY),
    ):
        somebody = sqlite3.connect(gateway.history, isolation_level=None)
        somebody.execute("BEGIN IMMEDIATE")
        heard.wait("firing", *UNRECORDED)
        somebody.execute("ROLLBACK")
        somebody.close()
        heard.wait("resolved", *UNRECORDED)
        assert heard.names() == {"Watchdog", *UNRECORDED}
