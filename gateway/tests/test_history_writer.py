"""What the writer makes of rows that are wrong, of databases that are away, and of what it promised."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine, NullPool, create_engine, insert, make_url, select, text

from gateway.errors import HistoryUnavailable, InvalidRoute
from gateway.history.commits import Row
from gateway.history.database import open_writer
from gateway.history.metrics import HistoryMetrics
from gateway.history.records import to_row
from gateway.history.schema import PREDICTIONS, ROUTES
from gateway.history.writer import HistoryWriter, Terms
from gateway.schemas import Prediction, Timings
from tests.cutter import Cutter
from tests.postgresql import Postgres
from tests.processes import eventually

EXAMPLE = Prediction("", "a.png", "normal", 0.75, {"normal": 0.75}, 3, "2026-11-23T12:00:00.123Z", Timings())
ROUTE = {"timestamp_us": 1, "mode": "latest", "actor": "operator", "reason": ""}
SOME_S = 0.3  # in which what does not wait would long have ended


def row(number: int) -> Row:
    return to_row(msgspec.structs.replace(EXAMPLE, id=f"{number:032x}"))


class Watched:
    """A writer, its numbers, and the database seen from outside."""

    def __init__(self, url: str, terms: Terms, capacity: int) -> None:
        self.collectors = CollectorRegistry()
        self.writer = HistoryWriter(
            open_writer(url, terms.durability), capacity, HistoryMetrics(self.collectors), terms
        )
        self.outside: Engine = create_engine(url, poolclass=NullPool)

    def value(self, name: str, **labels: str) -> float:
        found = self.collectors.get_sample_value(name, labels)
        assert found is not None
        return found

    def rows(self) -> list[int]:
        with self.outside.connect() as connection:
            ids = connection.execute(select(PREDICTIONS.c.id).order_by(PREDICTIONS.c.sequence)).scalars()
            return [int(each, 16) for each in ids]


@asynccontextmanager
async def writing(url: str, terms: Terms = Terms(), capacity: int = 100) -> AsyncIterator[Watched]:  # noqa: B008 - immutable
    watched = Watched(url, terms, capacity)
    watched.writer.start()
    try:
        yield watched
    finally:
        await watched.writer.close()


@contextmanager
def locked(watched: Watched) -> Iterator[None]:
    """Let another hold the table of predictions for the length of the block."""
    with watched.outside.connect() as other:
        driver = other.connection.driver_connection
        assert driver is not None
        if watched.outside.dialect.name == "sqlite":
            driver.isolation_level = None
            driver.execute("BEGIN IMMEDIATE")
        else:
            driver.execute("LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE")
        yield
        driver.execute("ROLLBACK")


async def test_a_wrong_row_fails_alone(history_url: str) -> None:
    """Those in its group are kept, and so are those after it."""
    wrong = {**row(2), "prediction": None}
    async with writing(history_url) as watched:
        with locked(watched):  # so that the others are one group
            first = asyncio.create_task(watched.writer.record(row(1)))
            await asyncio.wait({first}, timeout=SOME_S)
            others = [asyncio.create_task(watched.writer.record(each)) for each in (row(3), wrong, row(4))]
            await asyncio.wait(others, timeout=SOME_S)
        ended = await asyncio.gather(first, *others, return_exceptions=True)
        kept = watched.rows()
        counts = {outcome: watched.value("history_rows_total", outcome=outcome) for outcome in ("committed", "failed")}

    assert sorted(kept) == [1, 3, 4]
    assert [type(end) for end in ended] == [bool, bool, HistoryUnavailable, bool]
    assert counts == {"committed": 3, "failed": 1}


async def test_what_a_work_raises_undoes_it_and_nothing_else(history_url: str) -> None:
    """It reaches the caller as it is; the writer goes on."""

    def fail(connection: Connection) -> None:
        connection.execute(insert(ROUTES), ROUTE)
        raise InvalidRoute("as the test has it")

    def divide(_connection: Connection) -> float:
        return 1 / 0

    async with writing(history_url) as watched:
        results = await asyncio.gather(
            watched.writer.run(fail), watched.writer.record(row(1)), watched.writer.run(divide), return_exceptions=True
        )
        count = await watched.writer.run(
            lambda connection: connection.execute(text("SELECT count(*) FROM routes")).scalar()
        )
        kept = watched.rows()

    assert [type(result) for result in results] == [InvalidRoute, bool, ZeroDivisionError]
    assert count == 0
    assert kept == [1]


@pytest.mark.parametrize("durability", ["normal", "full"])
async def test_an_answer_waits_for_the_commit(history_url: str, durability: str) -> None:
    """While another holds the table, `record` does not return; afterwards the row is there."""
    terms = msgspec.convert({"durability": durability}, Terms)
    async with writing(history_url, terms) as watched:
        with locked(watched):
            recording = asyncio.create_task(watched.writer.record(row(1)))
            _, waiting = await asyncio.wait({recording}, timeout=SOME_S)
        recorded = await recording
        kept = watched.rows()

    assert waiting == {recording}
    assert recorded
    assert kept == [1]


async def test_async_answers_at_once_and_shows_what_is_not_confirmed(history_url: str) -> None:
    """The rows are written when they can be; the metrics say which promise is made, and for how many it is open."""
    async with writing(history_url, Terms(durability="async")) as watched:
        with locked(watched):
            answers = [await watched.writer.record(row(number)) for number in range(3)]
            open_rows = watched.value("history_unconfirmed")
        await watched.writer.run(lambda _: None)  # follows them
        settled = watched.value("history_unconfirmed")
        modes = {mode: watched.value("history_durability", mode=mode) for mode in ("full", "normal", "async")}
        kept = watched.rows()

    assert answers == [True] * 3
    assert (open_rows, settled) == (3, 0)
    assert kept == [0, 1, 2]
    assert modes == {"full": 0, "normal": 0, "async": 1}


async def record_until_refused(writer: HistoryWriter, accepted: list[int]) -> None:
    """Record rows, and note in `accepted` those that were answered."""
    for number in range(1, 5000):
        await writer.record(row(number))
        accepted.append(number)
        if number % 100 == 0:
            await asyncio.sleep(0.01)  # the writer takes some of them, and holds them


async def test_async_keeps_what_it_answered_until_the_database_is_back(postgresql: Postgres) -> None:
    """As many as the queue holds; then the policy counts. What waits for an answer is told at once."""
    async with writing(postgresql.create(), Terms(durability="async"), capacity=600) as watched:
        await watched.writer.record(row(0))
        await watched.writer.run(lambda _: None)
        postgresql.stop()
        answered: list[int] = []
        with pytest.raises(HistoryUnavailable, match="PULMO_HISTORY_QUEUE"):
            await record_until_refused(watched.writer, answered)
        with pytest.raises(HistoryUnavailable):
            await watched.writer.run(lambda _: None)
        postgresql.start()
        await asyncio.to_thread(
            eventually, lambda: watched.value("history_unconfirmed") == 0, within=20, what="all of them are written"
        )
        kept = watched.rows()

    assert kept == [0, *answered]
    assert len(answered) > 600


async def test_async_ends_without_a_database_and_counts_what_is_lost(postgresql: Postgres) -> None:
    """The end of a gateway waits a while, not for ever."""
    try:
        async with writing(postgresql.create(), Terms(durability="async")) as watched:
            postgresql.stop()
            for number in range(5):
                await watched.writer.record(row(number))
        lost, left = watched.value("history_rows_total", outcome="lost"), watched.value("history_unconfirmed")
    finally:
        postgresql.start()

    assert (lost, left) == (5, 0)


@pytest.mark.parametrize("policy", ["required", "best_effort"])
async def test_without_a_database_the_policy_counts_and_afterwards_all_is_well(
    postgresql: Postgres, policy: str
) -> None:
    """Refused, or answered and counted; nobody starts anything anew."""
    terms = msgspec.convert({"policy": policy}, Terms)
    async with writing(postgresql.create(), terms) as watched:
        await watched.writer.record(row(1))
        postgresql.stop()
        [away] = await asyncio.gather(watched.writer.record(row(2)), return_exceptions=True)
        postgresql.start()
        back = await watched.writer.record(row(3))
        kept = watched.rows()
        unrecorded = watched.value("history_unrecorded_total")

    assert isinstance(away, HistoryUnavailable) if policy == "required" else away is False
    assert unrecorded == (0 if policy == "required" else 1)
    assert back
    assert kept == [1, 3]


async def test_a_full_queue_is_the_policys_business_too(history_url: str) -> None:
    """The one that does not fit is answered without a row."""
    async with writing(history_url, Terms(policy="best_effort"), capacity=1) as watched:
        with locked(watched):
            writes = asyncio.create_task(watched.writer.record(row(1)))
            await asyncio.wait({writes}, timeout=SOME_S)
            waits = asyncio.create_task(watched.writer.record(row(2)))
            await asyncio.wait({waits}, timeout=SOME_S)
            third = await watched.writer.record(row(3))
        ended = [await writes, await waits, third]
        kept = watched.rows()

    assert ended == [True, True, False]
    assert kept == [1, 2]


async def test_a_connection_that_was_lost_costs_no_prediction(postgresql: Postgres) -> None:
    """Where the server is there, it is connected to again at once."""
    async with writing(postgresql.create()) as watched:
        await watched.writer.record(row(1))
        with postgresql.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pulmo'"
            )
        recorded = await watched.writer.record(row(2))
        kept = watched.rows()

    assert recorded
    assert kept == [1, 2]


@pytest.fixture
def cutter(postgresql: Postgres) -> Iterator[Cutter]:
    one = Cutter(postgresql.port)
    yield one
    one.close()


async def test_a_row_whose_commit_ended_unknown_is_there_once(postgresql: Postgres, cutter: Cutter) -> None:
    """The server has committed, and the line breaks before it says so: the row is written again, and not twice."""
    url = make_url(postgresql.create())
    through = url.set(port=cutter.port).render_as_string(hide_password=False)
    async with writing(through) as watched:
        await watched.writer.record(row(1))
        cutter.armed.set()
        recorded = await watched.writer.record(row(2))
        await watched.writer.record(row(3))
        kept = watched.rows()

    assert not cutter.armed.is_set()
    assert recorded
    assert kept == [1, 2, 3]


async def test_work_whose_commit_ended_unknown_is_not_done_again(postgresql: Postgres, cutter: Cutter) -> None:
    """It cannot be told whether it was done, so its caller is told that; it was done once, not twice."""
    url = make_url(postgresql.create())
    through = url.set(port=cutter.port).render_as_string(hide_password=False)
    async with writing(through) as watched:
        cutter.armed.set()
        with pytest.raises(HistoryUnavailable):
            await watched.writer.run(lambda connection: connection.execute(insert(ROUTES), ROUTE).rowcount)
        count = await watched.writer.run(
            lambda connection: connection.execute(text("SELECT count(*) FROM routes")).scalar()
        )

    assert not cutter.armed.is_set()
    assert count == 1


async def test_a_database_that_was_made_anew_gets_its_tables_and_the_row(postgresql: Postgres) -> None:
    """Once it is there again; the gateway need not be started again."""
    url = postgresql.create()
    name = make_url(url).database
    async with writing(url) as watched:
        await watched.writer.record(row(1))
        with postgresql.connect() as operator:
            operator.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload, unused-ignore]
            with pytest.raises(HistoryUnavailable):
                await watched.writer.record(row(2))
            operator.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload, unused-ignore]
        recorded = await watched.writer.record(row(3))
        kept = watched.rows()

    assert recorded
    assert kept == [3]
