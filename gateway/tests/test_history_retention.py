"""Old predictions go, and nothing else does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import NullPool, create_engine, insert

from gateway.history.commits import Row
from gateway.history.database import close_writer, open_writer
from gateway.history.metrics import HistoryMetrics
from gateway.history.retention import CHUNK, Retention
from gateway.history.schema import PREDICTIONS
from gateway.history.writer import HistoryWriter
from tests.histories import damage, recorded
from tests.processes import eventually

_DAY_US = 86_400_000_000


def row(number: int, age_days: float) -> Row:
    return {
        "id": f"{number:032x}",
        "timestamp_us": round(time.time() * 1e6 - age_days * _DAY_US),
        "filename": f"{number}.png",
        "prediction": "normal",
        "confidence": 0.5,
        "probabilities": {},
        "model_version": 1,
        "timings": {},
    }


def fill(url: str, rows: list[Row]) -> None:
    close_writer(open_writer(url, "normal"))
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(insert(PREDICTIONS), rows)


@asynccontextmanager
async def sweeping(url: str, retention: Retention) -> AsyncIterator[CollectorRegistry]:
    collectors = CollectorRegistry()
    writer = HistoryWriter(open_writer(url, "normal"), 100, HistoryMetrics(collectors), retention=retention)
    writer.start()
    yield collectors
    await writer.close()


async def left(url: str, count: int) -> list[int]:
    """Return the numbers of the rows once there are no more than `count`."""
    await asyncio.to_thread(eventually, lambda: len(recorded(url)) <= count, within=30, what=f"{count} rows are left")
    return [int(identity, 16) for identity in recorded(url)]


@pytest.mark.parametrize(
    "retention",
    [Retention(max_rows=700), Retention(max_age_days=7.05), Retention(max_age_days=7.05, max_rows=1000)],
    ids=["by number", "by age", "by whichever leaves fewer"],
)
async def test_the_oldest_are_deleted_chunk_after_chunk(history_url: str, retention: Retention) -> None:
    """While nobody predicts anything: all that are beyond the limit, counted, and none of the others."""
    total = 3 * CHUNK + 200
    fill(history_url, [row(number, age_days=(total - number) / 100) for number in range(total)])
    async with sweeping(history_url, retention) as collectors:
        kept = await left(history_url, 705)
        await asyncio.to_thread(
            eventually,
            lambda: collectors.get_sample_value("history_deleted_rows_total") == total - len(kept),
            within=10,
            what="they are counted",
        )

    assert kept == list(range(total - len(kept), total))
    assert 700 <= len(kept) <= 705
    assert damage(history_url) == []


async def test_predictions_are_recorded_while_old_ones_are_deleted(history_url: str) -> None:
    """A chunk goes between two groups; what was acknowledged stays."""
    fill(history_url, [row(number, age_days=100) for number in range(6 * CHUNK)])
    collectors = CollectorRegistry()
    retention = Retention(max_age_days=50)
    writer = HistoryWriter(open_writer(history_url, "normal"), 100, HistoryMetrics(collectors), retention=retention)
    writer.start()
    new = list(range(100_000, 100_050))
    for number in new:
        await writer.record(row(number, age_days=0))
    kept = await left(history_url, len(new))
    await writer.close()

    assert kept == new


async def test_without_limits_everything_stays(history_url: str) -> None:
    """However old."""
    fill(history_url, [row(number, age_days=10_000) for number in range(10)])
    async with sweeping(history_url, Retention()):
        pass

    assert len(recorded(history_url)) == 10


async def test_a_sequence_that_is_free_again_is_not_used_again(history_url: str) -> None:
    """A page that a client holds the beginning of never leads to newer rows."""
    fill(history_url, [row(number, age_days=100) for number in range(5)])
    async with sweeping(history_url, Retention(max_age_days=50)):
        await left(history_url, 0)
    engine = create_engine(history_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(insert(PREDICTIONS), [row(7, age_days=0)])
        sequence = connection.execute(PREDICTIONS.select()).one().sequence

    assert sequence == 6
