"""Several processes and one history: who writes, and whose change of the route counts."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway.errors import HistoryUnavailable
from gateway.history.database import close_writer, open_reader, open_writer
from gateway.history.lock import exclusive
from gateway.history.metrics import HistoryMetrics
from gateway.history.reader import HistoryReader
from gateway.history.routes import RouteStore
from gateway.history.writer import HistoryWriter
from gateway.routing import Canary, Pinned
from gateway.schemas import RouteChange

HOLD = """
import sys
from pathlib import Path
from gateway.history.lock import exclusive
with exclusive(Path(sys.argv[1]), 5):
    print("held", flush=True)
    sys.stdin.read()
"""
SOME_S = 0.3  # in which a writer that does not wait would long have written


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'history.db'}"


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the lock until it is told or killed, or until the block ends."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RouteStore]:
    """Open a store with a writer of its own, as each process has one."""
    writer = HistoryWriter(open_writer(url, "normal"), 100, HistoryMetrics(CollectorRegistry()))
    writer.start()
    reader = HistoryReader(open_reader(url))
    yield RouteStore(writer, reader)
    await reader.close()
    await writer.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RouteStore]:
    async with opened(url(tmp_path)) as one:
        yield one


def change(version: int) -> RouteChange:
    return RouteChange(0, "2026-11-24T12:00:00.000Z", Canary(version, 12.5, 7), "operator", f"version {version}")


async def test_a_writer_waits_for_the_one_of_another_process_and_goes_on_when_that_is_killed(
    store: RouteStore, tmp_path: Path
) -> None:
    """Two never write at the same instant; SIGKILL gives the right to write back."""
    with held(tmp_path / "history.db.lock") as holder:
        adding = asyncio.create_task(store.add(change(1), after=0))
        _, waiting = await asyncio.wait({adding}, timeout=SOME_S)
        holder.kill()
        added = await adding

    assert waiting == {adding}
    assert added is not None
    assert added.sequence == 1


@pytest.mark.parametrize("does", ["open", "close"])
async def test_migrating_and_closing_wait_too(tmp_path: Path, does: str) -> None:
    """A migration writes, and closing the last connection checkpoints."""
    engine = open_writer(url(tmp_path), "normal")
    with held(tmp_path / "history.db.lock") as holder:
        work = asyncio.create_task(
            asyncio.to_thread(open_writer, url(tmp_path), "normal")
            if does == "open"
            else asyncio.to_thread(close_writer, engine)
        )
        _, waiting = await asyncio.wait({work}, timeout=SOME_S)
        holder.kill()
        opened_too = await work
    for each in (engine, opened_too):
        if each is not None:
            close_writer(each)

    assert waiting == {work}


def test_who_waits_too_long_is_told_so(tmp_path: Path) -> None:
    """The wait is bounded, and the lock is free afterwards."""
    lock = tmp_path / "lock"
    with held(lock), pytest.raises(HistoryUnavailable, match=r"0\.05 s; see who holds lock"), exclusive(lock, 0.05):
        pass
    with exclusive(lock, 0.05):
        pass


async def test_of_two_changes_after_the_same_one_the_first_counts(history_url: str) -> None:
    """Compared and set at one moment, by writers that know nothing of each other."""
    async with opened(history_url) as store, opened(history_url) as other:
        added = await asyncio.gather(*(each.add(change(n), after=0) for n in range(8) for each in (store, other)))
        kept = [one for one in added if one is not None]
        following = await other.add(RouteChange(0, change(1).since, Pinned(2), "guard", "next"), after=1)
        page = await store.page(10, None)

    assert len(kept) == 1
    assert following is not None
    assert page.changes == [following, kept[0]]
    assert [one.sequence for one in page.changes] == [2, 1]
