"""A gateway of two processes: its numbers, its end, and the end of a part of it."""

import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import pytest

from tests.gateways import Gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import PYTHON, ROOT, eventually, free_port, stop
from tests.scrapes import Scrape
from tests.workers import LIMIT, wait_for_workers, workers_of, working_together

IMAGE = png(pixels(1))
CLIENTS = 8
SCRAPES = 12  # each by a connection of its own, so that both workers are asked
EQUAL = (
    "gateway_batch_size_sum",
    "gateway_predictions_total",
    "gateway_prediction_confidence_count",
)


@pytest.fixture
def pair(model_server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a gateway that is killed leaves its metrics there
    with working_together(model_server.target, tmp_path) as gateway:
        yield gateway


def post(gateway: Gateway, images: int) -> None:
    """Post images, and half as many other things, each by a connection of its own."""

    def one(number: int) -> int:
        body = IMAGE if number % 3 else b"no image"
        return httpx.post(f"{gateway.url}/predict", content=body, timeout=60).status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        codes = list(pool.map(one, range(images // 2 * 3)))
    assert (codes.count(200), codes.count(415)) == (images, images // 2)


def sums(gateway: Gateway) -> dict[str, float]:
    """Return what must add up."""
    return {
        **{name: gateway.total(name) for name in EQUAL},
        "written": gateway.total("history_rows_total", outcome="committed"),
        "answered": gateway.total("gateway_requests_total", route="/predict", code="200"),
        "timed": gateway.total("gateway_request_duration_seconds_count", route="/predict"),
        "refused": gateway.total("gateway_rejected_total", reason="image-format"),
    }


def expected(images: int) -> dict[str, float]:
    names = (*EQUAL, "written", "answered")
    return {**dict.fromkeys(names, float(images)), "timed": images * 1.5, "refused": images / 2}


def test_whichever_worker_is_asked_the_metrics_of_all_add_up(pair: Gateway) -> None:
    """Many clients at once; each scrape shows the sum, and a worker that was killed takes nothing with it.

    Its gauges go with it, and the one that takes its place counts on.
    """
    post(pair, 60)
    eventually(lambda: sums(pair) == expected(60), within=10, what="the last reply is counted")
    before = [sums(pair) for _ in range(SCRAPES)]
    victim = workers_of(pair)[0]
    victim.kill()
    victim.wait(20)
    wait_for_workers(pair)
    after = [sums(pair) for _ in range(SCRAPES)]
    post(pair, 60)
    eventually(lambda: sums(pair) == expected(120), within=10, what="the last reply is counted")

    assert victim.pid not in {worker.pid for worker in workers_of(pair)}
    assert before == [expected(60)] * SCRAPES
    assert after == [expected(60)] * SCRAPES
    assert [pair.total("gateway_inflight_requests") for _ in range(SCRAPES)] == [1] * SCRAPES  # the scrape itself
    assert pair.total("gateway_concurrency_limit") == LIMIT
    assert pair.total("gateway_queue_depth") == pair.total("history_queue_depth") == 0
    assert "Traceback" not in pair.running.output()


def test_several_workers_expose_what_one_does(pair: Gateway, gateway: Gateway) -> None:
    """The same names, types, labels and help, in the same order; known labels exist before anything happened."""

    def lines(one: Gateway, *starts: str) -> list[str]:
        text = httpx.get(f"{one.url}/metrics", headers={"Accept": "text/plain"}).text
        return [line for line in text.splitlines() if line.startswith(starts) and "_created" not in line]

    assert lines(pair, "# ") == lines(gateway, "# ")
    assert [line for line in lines(pair, "") if 'pid="' in line] == []  # what a gauge that says nothing else gets
    known = ("gateway_batches_total", "gateway_guard_state", "gateway_cache_requests", "gateway_stage_duration")
    names = [line.rpartition(" ")[0] for line in lines(gateway, *known)]
    assert sorted(names) == sorted(line.rpartition(" ")[0] for line in lines(pair, *known))
    for name in ("model_info", "gateway_route_percent", "gateway_model_version_ready", "build_info", "decoder_info"):
        assert pair.samples(name) == gateway.samples(name)


def test_the_processes_are_summed_and_their_counters_never_fall(pair: Gateway) -> None:
    """Memory and time of the main process and its workers; also the time of a worker that is gone."""
    main = psutil.Process(pair.running.process.pid)
    post(pair, 60)
    spent = [pair.total("process_cpu_seconds_total")]
    memory = pair.total("process_resident_memory_bytes")
    measured = sum(each.memory_info().rss for each in (main, *main.children()))
    victim = workers_of(pair)[0]
    lost = cpu_s(victim)
    victim.kill()
    wait_for_workers(pair)
    floor = sum(map(cpu_s, workers_of(pair))) + lost
    spent += [pair.total("process_cpu_seconds_total") for _ in range(SCRAPES)]

    assert memory == pytest.approx(measured, rel=0.1)
    assert spent == sorted(spent)
    assert spent[-1] >= floor
    assert pair.total("process_start_time_seconds") == pytest.approx(main.create_time(), abs=1)


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@pytest.mark.parametrize("ended_by", [None, signal.SIGKILL, signal.SIGTERM], ids=str)
def test_two_workers_write_one_history(
    model_server: ModelServer, tmp_path: Path, ended_by: signal.Signals | None
) -> None:
    """Each acknowledged prediction is in it once, and the database is sound, also where a worker ends meanwhile."""
    acknowledged: list[str] = []
    lost = 0

    def client() -> None:
        nonlocal lost
        while len(acknowledged) < 400:
            try:
                reply = httpx.post(f"{gateway.url}/predict", content=IMAGE, timeout=60)
            except httpx.TransportError:
                lost += 1  # the connection was one of the worker that ended
                continue
            if reply.status_code == 200:
                acknowledged.append(reply.json()["id"])

    with working_together(model_server.target, tmp_path) as gateway:
        clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for each in clients:
            each.start()
        if ended_by is not None:
            eventually(lambda: len(acknowledged) > 100, within=60, what="a hundred predictions")
            workers_of(gateway)[0].send_signal(ended_by)
        for each in clients:
            each.join()
        told = list(history(gateway))
    with sqlite3.connect(gateway.history) as connection:
        integrity = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()

    assert set(acknowledged) <= set(told)
    assert len(told) == len(set(told))
    assert integrity == ("ok",)
    assert ended_by is not None or lost == 0


def history(gateway: Gateway) -> Iterator[str]:
    """Return the identities of all predictions, page by page."""
    after: dict[str, int] = {}
    while True:
        page = httpx.get(f"{gateway.url}/history", params={"limit": 100, **after}).json()
        yield from (entry["id"] for entry in page["history"])
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def test_a_signal_ends_all_workers_after_they_have_answered(
    model_server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM: whoever was let in is answered, every prediction is written, and nothing is left behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    acknowledged: list[str] = []

    def client() -> None:
        while True:
            try:
                reply = httpx.post(f"{gateway.url}/predict", content=IMAGE, timeout=60)
            except httpx.TransportError:
                return
            assert reply.status_code == 200, reply.text
            acknowledged.append(reply.json()["id"])

    with working_together(model_server.target, tmp_path) as gateway:
        kept = list(folder.iterdir())
        workers = workers_of(gateway)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(client) for _ in range(CLIENTS)]
            eventually(lambda: len(acknowledged) > 50, within=60, what="fifty predictions")
            status = stop(gateway.running.process)
        for each in clients:
            each.result()
    with sqlite3.connect(gateway.history) as connection:
        written = {row[0] for row in connection.execute("SELECT id FROM predictions")}
    connection.close()

    assert status == 0
    assert [worker for worker in workers if worker.is_running()] == []
    assert len(kept) == 1
    assert list(folder.iterdir()) == []
    assert set(acknowledged) <= written


def test_no_worker_outlives_a_gateway_that_is_killed(pair: Gateway) -> None:
    """SIGKILL of the main process alone: the port is free for the gateway that is started next."""
    workers = workers_of(pair)
    pair.running.process.kill()
    psutil.wait_procs(workers, timeout=20)

    assert len(workers) == 2
    assert [worker for worker in workers if worker.is_running()] == []


def test_workers_that_cannot_start_end_the_gateway(tmp_path: Path) -> None:
    """It does not start them again for ever, and says why."""
    (tmp_path / "file").touch()
    environment = {"PULMO_PORT": str(free_port()), "PULMO_HISTORY": f"sqlite:///{tmp_path}/file/history.db"}

    ended = subprocess.run(
        [PYTHON, "-m", "gateway", "--workers", "2"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ended.returncode == 1
    assert "PULMO_HISTORY" in ended.stdout + ended.stderr


def test_no_counter_falls_while_workers_are_killed_and_replaced(pair: Gateway) -> None:
    """Scrape after scrape, also at the moments in which a worker has died and nobody has noticed yet."""
    post(pair, 30)
    scrapes = [pair.scrape()]
    for victim in workers_of(pair):
        victim.kill()
        eventually(lambda: scraped_again(pair, scrapes), within=60, what="there are two workers again")
    post(pair, 30)
    eventually(lambda: sums(pair) == expected(60), within=10, what="the last reply is counted")
    scrapes.append(pair.scrape())

    assert len(scrapes) > 4
    assert [fall for pairs in pairwise(scrapes) for fall in falls(*pairs)] == []


def scraped_again(gateway: Gateway, scrapes: list[Scrape]) -> bool:
    """Scrape once more, and say whether both workers answer."""
    try:
        scrapes.append(gateway.scrape())
    except httpx.TransportError:  # the connection was one of the worker that was killed
        return False
    return len(workers_of(gateway)) == 2 and scrapes[-1].total("gateway_concurrency_limit") == LIMIT


def falls(before: Scrape, after: Scrape) -> list[str]:
    """Return the counters, and the parts of histograms, that were more before, or are not there any more."""
    counting = ("_total", "_count", "_sum", "_bucket")
    return [
        f"{name} {dict(labels)}: {value} fell to {after.samples.get((name, labels))}"
        for (name, labels), value in before.samples.items()
        if name.endswith(counting) and after.samples.get((name, labels), -1) < value
    ]
