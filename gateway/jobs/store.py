"""Jobs in the database: one row each, and at most one that runs, whichever process or machine asks."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.history.reader import HistoryReader
from gateway.history.schema import JOBS
from gateway.history.writer import HistoryWriter
from gateway.jobs.events import JobStatus, Report

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_MESSAGE_LENGTH = 2000  # characters


class Job(msgspec.Struct, frozen=True):
    """A row."""

    id: str
    status: JobStatus
    progress: float
    message: str
    parameters: dict[str, Any]
    place: str
    started_us: int
    heartbeat_us: int
    cancelled_us: int | None
    ended_us: int | None
    version: int | None
    metrics: dict[str, float]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Job":
        """Return the job of a row of `JOBS`."""
        return msgspec.convert({name: row[name] for name in cls.__struct_fields__}, cls)


class JobPage(msgspec.Struct, frozen=True):
    """Some jobs, newest first, and where the following page begins; None on the last page."""

    jobs: list[Job]
    next: int | None


class JobStore:
    """Writes through the writer of this process, and reads beside it. All methods raise `HistoryUnavailable`."""

    def __init__(self, writer: HistoryWriter, reader: HistoryReader) -> None:
        self._writer = writer
        self._reader = reader

    async def begin(self, job: Job) -> bool:
        """Keep a job that is about to run; False, and nothing is kept, where another runs."""
        row = {**msgspec.to_builtins(job), "running": 1}

        def begin(connection: Connection) -> bool:
            """Refuse in the statement itself: an error would undo what others have written in the same transaction."""
            statement: Any = _INSERT[connection.dialect.name](JOBS).values(row)
            refusing = statement.on_conflict_do_nothing(index_elements=["running"]).returning(JOBS.c.sequence)
            return connection.execute(refusing).first() is not None

        return await self._writer.run(begin)

    async def running(self) -> Job | None:
        """Return the job that runs."""
        return await self._find(JOBS.c.running == 1)

    async def get(self, job: str) -> Job | None:
        """Return a job by its identity; None where there is none."""
        return await self._find(JOBS.c.id == job)

    async def newest(self) -> Job | None:
        """Return the job that was started last; None where there was none ever."""
        page = await self.page(1, None)
        return page.jobs[0] if page.jobs else None

    async def page(self, limit: int, after: int | None) -> JobPage:
        """Return `limit` jobs at most, started before the one of the row `after`; the newest where it is None."""
        page = await self._reader.page(limit, after, JOBS)
        return JobPage([Job.from_row(row) for row in page.rows], page.next)

    async def beat(self, job: str, report: Report, now_us: int) -> None:
        """Note that a job's process was seen, and how far it was."""
        values = {"progress": report.progress, "message": _cut(report.message), "heartbeat_us": now_us}
        await self._change(job, values)

    async def cancel(self, job: str, now_us: int) -> bool:
        """Note that a job is to end; False where it has ended."""
        return await self._change(job, {"cancelled_us": now_us})

    async def conclude(self, job: str, status: JobStatus, message: str, report: Report, now_us: int) -> bool:
        """Note that a job has ended, and how; False where another process was faster."""
        values = {
            "running": None,
            "status": status,
            "message": _cut(message),
            "progress": report.progress,
            "version": report.version,
            "metrics": report.metrics,
            "ended_us": now_us,
        }
        return await self._change(job, values)

    async def _change(self, job: str, values: Mapping[str, object]) -> bool:
        statement = update(JOBS).where(JOBS.c.id == job, JOBS.c.running == 1).values(values)
        return await self._writer.run(lambda connection: connection.execute(statement).rowcount == 1)

    async def _find(self, condition: Any) -> Job | None:  # noqa: ANN401 - what SQLAlchemy makes of a comparison
        query = select(JOBS).where(condition)
        row = await self._reader.run(lambda connection: connection.execute(query).mappings().first())
        return None if row is None else Job.from_row(dict(row))


def _cut(message: str) -> str:
    return message if len(message) <= _MESSAGE_LENGTH else message[: _MESSAGE_LENGTH - 3] + "..."
