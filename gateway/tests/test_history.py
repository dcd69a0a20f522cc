"""What was recorded is found again."""

import asyncio
import sqlite3
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from gateway.errors import HistoryUnavailable
from gateway.history.database import Durability, close_writer, open_reader, open_writer
from gateway.history.metrics import HistoryMetrics
from gateway.history.reader import HistoryReader
from gateway.history.records import from_row, to_row
from gateway.history.schema import METADATA
from gateway.history.writer import HistoryWriter
from gateway.schemas import Prediction, Recorded, Timings

EXAMPLE = Prediction(
    id="0" * 32,
    filename="slice é.png",
    prediction="normal",
    confidence=0.75,
    probabilities={"normal": 0.75, "adenocarcinoma": 0.25},
    model_version=3,
    timestamp="2026-11-23T12:00:00.123Z",
    timings=Timings(read=1.0, decode=2.5),
)


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'history.db'}"


def numbered(number: int) -> Prediction:
    return msgspec.structs.replace(EXAMPLE, id=f"{number:032x}")


def test_a_row_is_the_prediction() -> None:
    """Nothing is lost on the way to a row and back."""
    abstaining = msgspec.structs.replace(EXAMPLE, abstain=True)

    kept = from_row(to_row(abstaining, caller="ward 7"))

    assert kept == Recorded(**msgspec.structs.asdict(abstaining), caller="ward 7")


def test_the_migrations_lead_to_the_schema(history_url: str) -> None:
    """The tables that the code declares are the tables that the migrations make."""
    engine = open_writer(history_url, "normal")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    close_writer(engine)


async def test_processes_that_start_at_once_migrate_once(history_url: str) -> None:
    """One does it while the others wait; all find the newest schema."""
    engines = await asyncio.gather(*(asyncio.to_thread(open_writer, history_url, "normal") for _ in range(6)))
    for engine in engines:
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM predictions")).scalar() == 0
        close_writer(engine)


@pytest.mark.parametrize(
    ("durability", "pragma", "commit"), [("normal", 1, "local"), ("full", 2, "on"), ("async", 1, "off")]
)
def test_durability_is_what_the_database_is_told(
    history_url: str, durability: Durability, pragma: int, commit: str
) -> None:
    """The setting reaches SQLite and PostgreSQL."""
    engine = open_writer(history_url, durability)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert pragma == connection.execute(text("PRAGMA synchronous")).scalar()
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        else:
            assert commit == connection.execute(text("SHOW synchronous_commit")).scalar()
    close_writer(engine)


async def test_a_prediction_is_not_acknowledged_before_it_is_committed(tmp_path: Path) -> None:
    """While another holds the database, `record` does not return; afterwards the row is there."""
    writer = HistoryWriter(open_writer(url(tmp_path), "normal"), 100, HistoryMetrics(CollectorRegistry()))
    writer.start()
    other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    recording = asyncio.create_task(writer.record(to_row(EXAMPLE)))
    _, waiting = await asyncio.wait({recording}, timeout=0.3)
    other.execute("COMMIT")
    await recording
    found = other.execute("SELECT id FROM predictions").fetchall()
    other.close()
    await writer.close()

    assert waiting == {recording}
    assert found == [(EXAMPLE.id,)]


async def test_pages_follow_each_other_newest_first(history_url: str) -> None:
    """`next` leads through everything, once."""
    writer = HistoryWriter(open_writer(history_url, "normal"), 100, HistoryMetrics(CollectorRegistry()))
    writer.start()
    for number in range(5):
        await writer.record(to_row(numbered(number)))
    reader = HistoryReader(open_reader(history_url))

    seen: list[int] = []
    after = None
    while True:
        page = await reader.page(2, after)
        seen += [int(from_row(row).id, 16) for row in page.rows]
        if (after := page.next) is None:
            break
    await reader.close()
    await writer.close()

    assert seen == [4, 3, 2, 1, 0]


async def test_a_reader_cannot_write(history_url: str) -> None:
    """A mistake in a question changes nothing."""
    close_writer(open_writer(history_url, "normal"))
    reader = HistoryReader(open_reader(history_url))
    with pytest.raises(HistoryUnavailable):
        await reader.run(lambda connection: connection.execute(text("DELETE FROM predictions")))
    await reader.close()


@pytest.mark.parametrize("query", ["", "?password=s3cret", "?sslpassword=s3cret"])
def test_a_password_is_not_told(query: str) -> None:
    """Who reads the log of a gateway that does not start learns which database it was, and no secret."""
    with pytest.raises(HistoryUnavailable) as error:
        open_writer(f"postgresql+psycopg://pulmo:s3cret@127.0.0.1:1/history{query}", "normal")

    assert "postgresql+psycopg://pulmo:***@127.0.0.1:1/history" in error.value.detail
    assert "s3cret" not in error.value.detail + error.value.internals


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Who starts the gateway learns which setting is wrong."""
    (tmp_path / "file").touch()
    with pytest.raises(HistoryUnavailable, match="PULMO_HISTORY"):
        open_writer(f"sqlite:///{tmp_path}/file/history.db", "normal")
