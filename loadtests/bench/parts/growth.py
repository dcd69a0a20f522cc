"""How throughput and latency grow with connections, image size, batch limit, model servers and gateways."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from loadtests.bench.drawings import grey_png
from loadtests.bench.figures import Row, summarise
from loadtests.bench.measuring import Bench, figures, load
from loadtests.bench.processes import gateway, model_server, service
from loadtests.bench.report import Section
from loadtests.bench.usage import Usage, look
from loadtests.closedloop import Window, post_in_turn
from loadtests.connection import Address, build_requests
from loadtests.images import Image
from loadtests.loops import run

_CONNECTIONS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SIDES: Final = (64, 128, 256, 512, 1024)
_BATCHES: Final = (1, 4, 8, 16, 32, 64)
_SERVERS: Final = (1, 2)
_USUAL: Final = 32
_COLUMNS: Final = ("what", "images/s", "lowest", "highest", "p50 ms", "p99 ms", "failed", "CPU s/1000", "RSS MB")
Measured = dict[str, float]


def by_connections(bench: Bench) -> Section:
    """Measure 1 to 512 connections."""
    rows: list[Row] = []
    for number in range(bench.rounds):
        with service(bench.material.store, bench.folder, bench.settings, bfloat16=False) as running:
            rows += [
                Row("connections", connections, number, load(bench, _url(running.url), connections, running.pids))
                for connections in _CONNECTIONS
            ]
    return _section("connections", rows, "connections")


def by_image_size(bench: Bench) -> Section:
    """Measure drawn grey PNGs of several sizes; the model's input stays as it is."""
    images = {side: [Image(f"{side}.png", "image/png", grey_png(side, seed)) for seed in range(4)] for side in _SIDES}
    rows: list[Row] = []
    for number in range(bench.rounds):
        with service(bench.material.store, bench.folder, bench.settings, bfloat16=False) as running:
            for side, drawn in images.items():
                rows.append(
                    Row("pixels a side", side, number, load(bench, _url(running.url), _USUAL, running.pids, drawn))
                )
    return _section("image size", rows, "pixels a side, PNG")


def by_batch_limit(bench: Bench) -> Section:
    """Measure several limits of a batch."""
    rows: list[Row] = []
    for number in range(bench.rounds):
        for limit in _BATCHES:
            settings = {**bench.settings, "PULMO_MAX_BATCH": str(limit)}
            with service(bench.material.store, bench.folder, settings, bfloat16=False) as running:
                rows.append(Row("images", limit, number, load(bench, _url(running.url), 2 * _USUAL, running.pids)))
    return _section("batch limit", rows, f"images in a batch at most, {2 * _USUAL} connections")


def by_model_servers(bench: Bench) -> Section:
    """Measure one gateway in front of several model servers on the same cores."""
    rows: list[Row] = []
    for number in range(bench.rounds):
        for count in _SERVERS:
            with ExitStack() as stack:
                servers = [
                    stack.enter_context(model_server(bench.material.store, _folder(bench.folder, f"server-{place}")))
                    for place in range(count)
                ]
                target = ",".join(target for target, _ in servers)
                url, front = stack.enter_context(gateway(target, bench.folder, bench.settings))
                pids = [front.pid, *(started.pid for _, started in servers)]
                rows.append(Row("model servers", count, number, load(bench, _url(url), _USUAL, pids)))
    return _section("model servers", rows, f"model servers behind one gateway, {_USUAL} connections")


def by_gateways(bench: Bench) -> Section:
    """Measure several gateways in front of one model server; the connections are shared out."""
    rows: list[Row] = []
    for number in range(bench.rounds):
        for count in _SERVERS:
            with ExitStack() as stack:
                target, server = stack.enter_context(model_server(bench.material.store, bench.folder))
                fronts = [
                    stack.enter_context(gateway(target, bench.folder, bench.settings, f"gateway-{place}"))
                    for place in range(count)
                ]
                pids = [server.pid, *(started.pid for _, started in fronts)]
                rows.append(Row("gateways", count, number, load_all(bench, [url for url, _ in fronts], pids)))
    return _section("gateways", rows, f"gateways in front of one model server, {_USUAL} connections in all")


def load_all(bench: Bench, urls: Sequence[str], pids: Sequence[int]) -> Measured:
    """Load several gateways at once, as `load` does one."""
    windows = run(_load_all(bench, urls, pids))
    first = windows[0]
    samples = [sample for window in windows for sample in window.samples]
    return figures(Window(samples, first.seconds, first.before, first.after))


async def _load_all(bench: Bench, urls: Sequence[str], pids: Sequence[int]) -> list[Window[Usage]]:
    addresses = [Address.parse(_url(url)) for url in urls]
    return list(
        await asyncio.gather(
            *(
                post_in_turn(
                    address,
                    build_requests(address, bench.material.images),
                    _USUAL // len(urls),
                    seconds=bench.seconds,
                    warm_up=bench.warm_up,
                    look=lambda: look(pids),
                )
                for address in addresses
            )
        )
    )


def _section(title: str, rows: Sequence[Row], what: str) -> Section:
    names = ("p50", "p99", "failed", "cpu_s_per_1000", "rss_mb")
    return Section(
        f"Growth with {title}",
        f"{what[0].upper()}{what[1:]}; float32, closed loop.",
        (what, *_COLUMNS[1:]),
        [
            [line.connections, line.median["rate"], *line.spread, *(line.median.get(name) for name in names)]
            for line in summarise(rows)
        ],
        data=[row._asdict() for row in rows],
    )


def _briefly(measure: Callable[[Bench], Section]) -> Callable[[Bench], Section]:
    """Measure in three rounds at most: there are many values."""
    return lambda bench: measure(dataclasses.replace(bench, rounds=min(bench.rounds, 3)))


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir(exist_ok=True)
    return folder


def _url(url: str) -> str:
    return f"{url}/predict"


SECTIONS: Final[dict[str, Callable[[Bench], Section]]] = {
    "connections": _briefly(by_connections),
    "image size": _briefly(by_image_size),
    "batch limit": _briefly(by_batch_limit),
    "model servers": _briefly(by_model_servers),
    "gateways": _briefly(by_gateways),
}
