"""What pages and filters of `GET /history` cost in a small history and in a large one, and how they compare.

Histories are filled with SQL, a gateway is started on each without a model server, and they are asked by turns, again
and again. Rows that few questions find are the oldest ones, where a search that looks through everything is worst.

    python -m loadtests.history_rows                                    # 1,000 and 10,000,000 rows, SQLite
    python -m loadtests.history_rows --rows 1000 2000000 --postgresql postgresql+psycopg://user:password@host/{a,b}

Ten million rows take minutes to fill and 6 GB. Needs the gateway's packages beside those of the load tests.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from sqlalchemy import NullPool, create_engine, text

from loadtests.bench.processes import PYTHON, free_port, started

_CHUNK: Final = 200_000
_RARE: Final = 20
"""Rows, the oldest, that only they have a class, a version, a caller and a confidence of their own."""
_BEGIN_US: Final = 1_790_000_000_000_000
_STEP_US: Final = 10_000  # a hundred rows in a second

_INSERT: Final = """
    INSERT INTO predictions (id, timestamp_us, filename, prediction, confidence, probabilities, model_version, timings,
        abstain, caller)
    SELECT {id}, :begin + :step * i, 'slice_' || i || '.png',
        CASE WHEN i <= :rare THEN 'rare' WHEN i % 3 = 0 THEN 'normal' ELSE 'adenocarcinoma' END,
        CASE WHEN i <= :rare THEN 0.1 ELSE 0.25 + (i % 1000) / 2000.0 END,
        CAST(:probabilities AS json),
        CASE WHEN i <= :rare THEN 1 ELSE 2 + i / 1000000 END,
        CAST(:timings AS json),
        i % 100 = 0,
        CASE WHEN i <= :rare THEN 'rare' ELSE 'ward ' || i % 7 END
    FROM {numbers}
"""
_SQLITE: Final = _INSERT.format(
    id="lower(hex(randomblob(16)))",
    numbers="(WITH RECURSIVE numbers(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM numbers WHERE i < :last) "
    "SELECT i FROM numbers)",
).replace("AS json", "AS text")
_POSTGRESQL: Final = _INSERT.format(
    id="md5(CAST(random() AS text) || i)",
    numbers="generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i",
)
_LABELS: Final = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
_STAGES: Final = ("read", "decode", "queue", "backend", "persist", "total")
_VALUES: Final = {
    "begin": _BEGIN_US,
    "step": _STEP_US,
    "rare": _RARE,
    "probabilities": json.dumps(dict.fromkeys(_LABELS, 0.2512345678)),
    "timings": json.dumps(dict.fromkeys(_STAGES, 1.234)),
}


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, and return the exit status."""
    parser = argparse.ArgumentParser("python -m loadtests.history_rows", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000_000], help="sizes, the smallest first")
    parser.add_argument(
        "--postgresql", metavar="URL", nargs="+", help="an empty database for each; else files are made"
    )
    parser.add_argument("--folder", help="where files are made", default=None)
    parser.add_argument("--repeats", type=int, default=40, help="how often each question is asked")
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    given = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="pulmo-rows-", dir=given.folder) as folder, ExitStack() as stack:
        urls = given.postgresql or [f"sqlite:///{folder}/{size}.db" for size in given.rows]
        clients: dict[int, httpx.Client] = {}
        for size, url in zip(given.rows, urls, strict=True):
            with _gateway(url, Path(folder) / str(size)):
                pass  # its migrations make the tables
            seconds = _fill(url, size)
            sys.stdout.write(f"{size} rows are there after {seconds:.0f} s\n")
            address = stack.enter_context(_gateway(url, Path(folder) / str(size)))
            clients[size] = stack.enter_context(httpx.Client(base_url=address, timeout=120))
        figures = _ask(clients, given.repeats)
    _print(figures)
    if given.output:
        given.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


@contextmanager
def _gateway(url: str, folder: Path) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = {"PULMO_PORT": str(port), "PULMO_BACKEND": f"unix:{folder}/nobody", "PULMO_HISTORY": url}

    def ready() -> bool:
        try:
            return httpx.get(f"{address}/health/live", timeout=5).is_success
        except httpx.TransportError:
            return False

    with started([PYTHON, "-m", "gateway"], folder / "gateway.log", ready, settings):
        yield address


def _fill(url: str, wanted: int) -> float:
    begin = time.monotonic()
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA cache_size = -1500000"))  # kB
            connection.commit()
        for first in range(1, wanted + 1, _CHUNK):
            insert = _SQLITE if engine.dialect.name == "sqlite" else _POSTGRESQL
            connection.execute(text(insert), {**_VALUES, "first": first, "last": min(wanted, first + _CHUNK - 1)})
            connection.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        settle = "PRAGMA wal_checkpoint(TRUNCATE)" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE predictions"
        connection.execute(text(settle))
    return time.monotonic() - begin


def _questions(rows: int) -> dict[str, dict[str, Any]]:
    def moment(number: int) -> str:
        seconds = (_BEGIN_US + number * _STEP_US) / 1e6
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    middle = rows // 2
    return {
        "the newest page": {},
        "a page in the middle": {"after": middle},
        "500 rows": {"limit": 500},
        "a class that many have": {"class": "normal"},
        "a class that the oldest 20 have": {"class": "rare"},
        "a class that none has": {"class": "none"},
        "the newest version": {"version": 2 + (rows - 1) // 1_000_000},
        "a version that was replaced": {"version": 2},
        "a version that the oldest 20 have": {"version": 1},
        "a caller that the oldest 20 have": {"caller": "rare"},
        "abstain": {"abstain": "true"},
        "a file name": {"filename": "slice_7.png"},
        "names that begin alike, a few": {"filename": "slice_77*"},
        "names that begin alike, all": {"filename": "slice_*"},
        "since the middle": {"since": moment(middle)},
        "until the middle": {"until": moment(middle)},
        "confidence that many have": {"min_confidence": 0.5},
        "confidence that the oldest 20 have": {"max_confidence": 0.2},
        "class, version and confidence": {"class": "normal", "version": 2, "min_confidence": 0.7},
        "class and caller that never meet": {"class": "rare", "caller": "ward 3"},
    }


def _ask(clients: dict[int, httpx.Client], repeats: int) -> dict[str, dict[int, list[float]]]:
    """Return milliseconds of each answer, by question and size; questions and sizes take turns."""
    taken: dict[str, dict[int, list[float]]] = {name: {size: [] for size in clients} for name in _questions(1)}
    for repeat in range(repeats + 2):
        for name, sizes in taken.items():
            for size, milliseconds in sizes.items():
                begin = time.perf_counter()
                clients[size].get("/history", params=_questions(size)[name]).raise_for_status()
                if repeat >= 2:  # the first ones warm up
                    milliseconds.append((time.perf_counter() - begin) * 1000)
    return taken


def _print(figures: dict[str, dict[int, list[float]]]) -> None:
    sizes = list(next(iter(figures.values())))
    sys.stdout.write(f"| milliseconds, median and slowest | {' | '.join(map(str, sizes))} | ratio of the medians |\n")
    sys.stdout.write("|---|" + "---|" * (len(sizes) + 1) + "\n")
    for name, taken in figures.items():
        medians = [statistics.median(taken[size]) for size in sizes]
        cells = [f"{median:.1f}, {max(taken[size]):.1f}" for median, size in zip(medians, sizes, strict=True)]
        sys.stdout.write(f"| {name} | {' | '.join(cells)} | {medians[-1] / medians[0]:.2f} |\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
