"""The history is asked for a part of it, in pages and as a file."""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event, insert, text

from gateway.errors import InvalidFilter
from gateway.history.database import close_writer, open_writer
from gateway.history.filters import Filters
from gateway.history.schema import PREDICTIONS
from gateway.history.search import bounds_of, search
from gateway.timestamps import to_text, to_us
from tests.gateways import Gateway
from tests.images import pixels, png

WINDOW_OF_TEST = 100
BEGIN = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = (None, "a.png", "ab.png", "ab\U0010ffff.png", "a*.png", "\U0010ffff", "é_%.png")
CALLERS = (None, "ward 7", "ward 8")
VERSIONS = (*(1,) * 150, *(2,) * 50, 3)
LABELS = ("normal", "adenocarcinoma")


def row(number: int, chance: random.Random) -> dict[str, Any]:
    """Return some row; one follows the other by ten seconds, give or take forty."""
    moment = BEGIN + timedelta(seconds=10 * number + chance.uniform(-20, 20))
    return {
        "id": f"{number:032x}",
        "timestamp_us": to_us(moment),
        "filename": chance.choice(NAMES),
        "prediction": chance.choice(LABELS),
        "confidence": round(chance.random(), 2),
        "probabilities": {},
        "model_version": chance.choice(VERSIONS),
        "timings": {},
        "abstain": chance.random() < 0.1,
        "caller": chance.choice(CALLERS),
    }


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    chance = random.Random(6)
    return [row(number, chance) for number in range(400)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(
    rows: list[dict[str, Any]], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('filters')}/history.db"
    engine = open_writer(url if request.param == "sqlite" else request.getfixturevalue("postgresql").create(), "normal")
    with engine.begin() as connection:
        connection.execute(insert(PREDICTIONS), rows)
    yield engine
    close_writer(engine)


def pages(engine: Engine, filters: Filters, limit: int, window: int) -> Iterator[list[str]]:
    """Return the ids in each page."""
    after = None
    with engine.connect() as connection:
        for _ in range(2000):
            page = search(connection, filters, limit, after, window)
            yield [found["id"] for found in page.rows]
            if (after := page.next) is None:
                return
    raise AssertionError("the pages do not end")


def minutes(number: float) -> str:
    return to_text(BEGIN + timedelta(minutes=number))


QUERIES: dict[str, tuple[dict[str, str], Callable[[dict[str, Any]], bool]]] = {
    "nothing": ({}, lambda _: True),
    "class": ({"class": "normal"}, lambda row: row["prediction"] == "normal"),
    "a class that is not there": ({"class": "none"}, lambda _: False),
    "version": ({"version": "2"}, lambda row: row["model_version"] == 2),
    "a rare version of a common class": (
        {"version": "3", "class": "normal", "caller": "ward 7"},
        lambda row: row["model_version"] == 3 and row["prediction"] == "normal" and row["caller"] == "ward 7",
    ),
    "a rare version and two halves": (
        {"version": "3", "class": "normal"},
        lambda row: row["model_version"] == 3 and row["prediction"] == "normal",
    ),
    "a replaced version, a common class and confidence": (
        {"version": "2", "class": "normal", "min_confidence": "0.7"},
        lambda row: row["model_version"] == 2 and row["prediction"] == "normal" and row["confidence"] >= 0.7,
    ),
    "since": ({"since": minutes(30)}, lambda row: row["timestamp_us"] >= to_us(minutes(30))),
    "until": ({"until": minutes(30)}, lambda row: row["timestamp_us"] < to_us(minutes(30))),
    "a span of time and a version": (
        {"since": minutes(20), "until": minutes(21), "version": "1"},
        lambda row: to_us(minutes(20)) <= row["timestamp_us"] < to_us(minutes(21)) and row["model_version"] == 1,
    ),
    "before everything": ({"until": minutes(-10)}, lambda _: False),
    "after everything": ({"since": minutes(100_000)}, lambda _: False),
    "confidence": (
        {"min_confidence": "0.4", "max_confidence": "0.5"},
        lambda row: 0.4 <= row["confidence"] <= 0.5,
    ),
    "abstain": ({"abstain": "true"}, lambda row: row["abstain"]),
    "not abstain": ({"abstain": "false"}, lambda row: not row["abstain"]),
    "name": ({"filename": "a.png"}, lambda row: row["filename"] == "a.png"),
    "a name is no pattern": ({"filename": "é_%.png"}, lambda row: row["filename"] == "é_%.png"),
    "beginning": ({"filename": "ab*"}, lambda row: (row["filename"] or "").startswith("ab")),
    "beginning with a star": ({"filename": "a**"}, lambda row: (row["filename"] or "").startswith("a*")),
    "beginning with the last character": (
        {"filename": "\U0010ffff*"},
        lambda row: (row["filename"] or "").startswith("\U0010ffff"),
    ),
    "any name": ({"filename": "*"}, lambda row: row["filename"] is not None),
    "caller": ({"caller": "ward 7"}, lambda row: row["caller"] == "ward 7"),
    "everything": (
        {"caller": "ward 7", "filename": "a*", "version": "1", "class": "normal", "min_confidence": "0.1"},
        lambda row: (
            row["caller"] == "ward 7"
            and (row["filename"] or "").startswith("a")
            and row["model_version"] == 1
            and row["prediction"] == "normal"
            and row["confidence"] >= 0.1
        ),
    ),
}


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize(("limit", "window"), [(3, 10), (50, 20), (500, 10_000)])
def test_the_pages_hold_what_the_filters_let_through_newest_first(
    engine: Engine, rows: list[dict[str, Any]], name: str, limit: int, window: int
) -> None:
    """Each row once, whether the window is smaller than a page or larger than the history."""
    query, wanted = QUERIES[name]

    found = list(pages(engine, Filters.read(query), limit, window))

    assert list(itertools.chain(*found)) == [row["id"] for row in reversed(rows) if wanted(row)]
    assert max(map(len, found)) <= limit


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sizes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    """Return a small history, and one of twenty times its size; the newest half of both is of a version of its own."""
    engines = []
    for count in (2_000, 40_000):
        url = f"sqlite:///{tmp_path_factory.mktemp('sizes')}/history.db"
        if request.param == "postgresql":
            url = request.getfixturevalue("postgresql").create()
        engine = open_writer(url, "normal")
        chance = random.Random(count)
        rows = [row(number, chance) for number in range(count)]
        newer = [{**each, "model_version": 4} for each in rows[count // 2 :]]
        with engine.begin() as connection:
            connection.execute(insert(PREDICTIONS), [*rows[: count // 2], *newer])
        if request.param == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE predictions"))
        engines.append(engine)
    yield engines[0], engines[1]
    for engine in engines:
        close_writer(engine)


READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class
    WHERE oid = 'predictions'::regclass OR oid IN
        (SELECT indexrelid FROM pg_index WHERE indrelid = 'predictions'::regclass)
"""


def work(engine: Engine, filters: Filters) -> int:
    """Return what the first page takes with a small window.

    That is hundreds of instructions of SQLite's machine, or rows and index entries that PostgreSQL reads.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            before = connection.execute(text(READ)).scalar_one()
            search(connection, filters, 50, None, window=WINDOW_OF_TEST)
            return int(connection.execute(text(READ)).scalar_one() - before)
        count = itertools.count()
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: next(count) < 0, 100)
        search(connection, filters, 50, None, window=WINDOW_OF_TEST)
        driver.set_progress_handler(None, 0)
        return next(count)


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_costs_the_same_in_a_history_of_twenty_times_the_size(sizes: tuple[Engine, Engine], name: str) -> None:
    """No filter looks through all of it, however few rows it lets through: that is counted, not timed."""
    filters = Filters.read(QUERIES[name][0])

    small, large = (work(engine, filters) for engine in sizes)

    assert large <= 2 * small + 2 * WINDOW_OF_TEST


def test_a_moment_is_found_without_looking_at_every_row(engine: Engine, rows: list[dict[str, Any]]) -> None:
    """As halving does it, and right at the ends."""
    statements: list[str] = []
    count = lambda _connection, _cursor, statement, *_: statements.append(statement)  # noqa: E731 - for this one event
    event.listen(engine, "before_cursor_execute", count)
    with engine.connect() as connection:
        found = [bounds_of(connection, to_us(minutes(moment)))[0] for moment in (-10, 30, 100_000)]
    event.remove(engine, "before_cursor_execute", count)

    assert found[0] == 1
    assert abs(found[1] - 181) <= 4
    assert found[2] == len(rows) + 1
    assert len(statements) <= 3 * 10


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"version": "new"}, "version is 'new'"),
        ({"version": "9223372036854775808"}, "version is '9223372036854775808'"),
        (
            {"since": "yesterday"},
            "since is 'yesterday': Invalid RFC3339 encoded datetime; write it as 2026-11-24T12:00",
        ),
        ({"until": "2026-11-24T12:00:00"}, "until is '2026-11-24T12:00:00'"),
        ({"min_confidence": "1.5"}, "it lies between 0 and 1"),
        ({"max_confidence": "nan"}, "it lies between 0 and 1"),
        ({"abstain": "maybe"}, "it is true or false"),
        ({"filename": "a\0b"}, "filename is 'a\\x00b'"),
        ({"caller": ""}, "caller is ''"),
        ({"min_confidence": "0.9", "max_confidence": "0.1"}, "min_confidence=0.9 is above max_confidence=0.1"),
        ({"since": minutes(2), "until": minutes(1)}, "is not before until="),
    ],
)
def test_a_filter_that_is_none_is_named_with_its_value(query: dict[str, str], message: str) -> None:
    """Nothing is ignored, since everything would be shown then."""
    with pytest.raises(InvalidFilter) as error:
        Filters.read(query)

    assert message in error.value.detail


def post(gateway: Gateway, name: str, seed: int) -> str:
    reply = httpx.post(f"{gateway.url}/predict", files={"file": (name, png(pixels(seed)))})
    return str(reply.raise_for_status().json()["id"])


def test_the_endpoint_filters_and_refuses(gateway: Gateway) -> None:
    """By the name in the query; what is no filter is a problem of its own."""
    kept = post(gateway, "filtered.png", 1)
    post(gateway, "other.png", 2)

    found = httpx.get(f"{gateway.url}/history", params={"filename": "filt*"}).json()
    refused = httpx.get(f"{gateway.url}/history", params={"min_confidence": "much"})

    assert [one["id"] for one in found["history"]] == [kept]
    assert found["next"] is None
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/filter-invalid"


def test_the_export_has_more_rows_than_are_held_at_a_time(gateway: Gateway, rows: list[dict[str, Any]]) -> None:
    """Page after page, each row once, and none of those that the filters hold back."""
    for part in range(3):
        copies = [{**row, "id": f"{part}{row['id'][1:]}", "caller": "exporter"} for row in rows]
        engine = open_writer(f"sqlite:///{gateway.history}", "normal")
        with engine.begin() as connection:
            connection.execute(insert(PREDICTIONS), copies)
        close_writer(engine)

    lines = httpx.get(
        f"{gateway.url}/history/export", params={"format": "json", "caller": "exporter"}
    ).text.splitlines()

    ids = [json.loads(line)["id"] for line in lines]
    assert ids == [f"{part}{row['id'][1:]}" for part in (2, 1, 0) for row in reversed(rows)]
