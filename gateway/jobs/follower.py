"""Follows the job that runs, whoever has started it, and writes down how it ends.

A job's process belongs to nobody: any gateway process of its machine follows it by the files that it writes, and its
row is all that the gateways know of each other. So a job outlives a restart of the gateway, and one that died is found.
"""

import asyncio
import signal
import subprocess
import time
from pathlib import Path

import msgspec
import structlog

from gateway.errors import HistoryUnavailable
from gateway.jobs import processes
from gateway.jobs.events import JobStatus, Report, after, conclusion
from gateway.jobs.metrics import JobMetrics
from gateway.jobs.store import Job, JobStore

_LOOK_S = 0.5
_BEAT_US = 5_000_000
"""How old a heartbeat becomes at most, while the process lives."""
LEASE_US = 60_000_000
"""How long a job is believed to run of which no gateway of its machine says so."""
GRACE_US = 15_000_000
"""How long a job has to end by itself once it was told to."""


class _Followed(msgspec.Struct, frozen=True):
    """What a job's process has written, as far as it was read."""

    id: str
    offset: int = 0
    report: Report = Report()


class Follower:
    """Looks after jobs for this process.

    Args:
        store: of jobs.
        sessions: holds a folder for each job.
        metrics: of jobs.
    """

    def __init__(self, store: JobStore, sessions: Path, metrics: JobMetrics) -> None:
        self.place = processes.place()
        """Where this process is; it can see the processes of jobs that have the same."""
        self._store = store
        self._sessions = sessions
        self._metrics = metrics
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._followed = _Followed("")
        self._log = structlog.get_logger()

    def adopt(self, job: str, child: subprocess.Popen[bytes]) -> None:
        """Take charge of a job's process that is a child of this one, and so has to be waited for."""
        self._children[job] = child
        self._metrics.running.set(1)

    async def follow(self) -> None:
        """Look after the job that runs, until cancelled. Its files offer no event to wait for."""
        well = True
        while True:
            try:
                await self._look()
            except (HistoryUnavailable, OSError) as error:
                if well:
                    internals = getattr(error, "internals", "")
                    self._log.warning("the retraining cannot be followed", problem=str(error), internals=internals)
                well = False
            else:
                well = True
            await asyncio.sleep(_LOOK_S)

    async def conclude(self, job: Job, status: JobStatus, message: str, report: Report) -> None:
        """Write down how a job has ended, unless another process was faster.

        Raises:
            HistoryUnavailable: the database is away.
        """
        if await self._store.conclude(job.id, status, message, report, now_us()):
            self._metrics.ended.labels(status).inc()
            self._metrics.running.set(0)
            self._log.info("retraining ended", session_id=job.id, status=status, message=message)

    def end(self, job: Job) -> None:
        """Tell a job's process to end, and end it where it has not by itself. Blocks for moments.

        Raises:
            OSError: the session's folder cannot be read or written.
        """
        folder = self.folder(job.id)
        process = processes.find(folder)
        if process is None:
            return
        processes.tell_to_end(folder, process)
        if job.cancelled_us is not None and now_us() - job.cancelled_us > GRACE_US:
            processes.kill(process)

    def folder(self, job: str) -> Path:
        """Return a job's folder."""
        return self._sessions / job

    async def _look(self) -> None:
        job = await self._store.running()
        self._metrics.running.set(job is not None)
        self._reap(job)
        if job is None:
            return
        if job.place != self.place:
            await self._look_from_afar(job)
            return
        if self._followed.id != job.id:
            self._followed = _Followed(job.id)
        folder = self.folder(job.id)
        process = await asyncio.to_thread(processes.find, folder)
        alive = process is not None and processes.is_alive(process)
        self._followed = await asyncio.to_thread(_read_on, self._followed, folder / processes.EVENTS)  # after `alive`
        if alive:
            await self._attend(job)
        elif process is not None or job.id in self._children:
            await self._bury(job)
        elif now_us() - job.started_us > LEASE_US:
            await self.conclude(job, "failed", "the gateway was ended before it could start the trainer", Report())

    def _reap(self, running: Job | None) -> None:
        """Wait for the children that have ended, but keep what the one of the running job has to say."""
        for job, child in list(self._children.items()):
            if child.poll() is not None and (running is None or job != running.id):
                del self._children[job]

    async def _look_from_afar(self, job: Job) -> None:
        silent_us = now_us() - job.heartbeat_us
        if silent_us > LEASE_US:
            reason = f"nobody has heard of it for {silent_us // 1_000_000} s: its machine was restarted, or is gone"
            await self.conclude(job, "failed", reason, Report(job.progress))

    async def _attend(self, job: Job) -> None:
        """Keep the lease of a job whose process lives, and end it where it is to end."""
        report, now = self._followed.report, now_us()
        if job.cancelled_us is not None:
            await asyncio.to_thread(self.end, job)
        news = (job.progress, job.message) != (report.progress, report.message)
        if news or now - job.heartbeat_us > _BEAT_US:
            await self._store.beat(job.id, report, now)

    async def _bury(self, job: Job) -> None:
        """Write down how a job has ended, by what its process has left."""
        child = self._children.get(job.id)
        status = None if child is None else child.poll()
        if child is not None and status is None:
            return  # it has just been started, and has not written down who it is
        ended_by = signal.Signals(-status).name if status is not None and status < 0 else ""
        report = self._followed.report
        outcome, message = conclusion(report, cancelled=job.cancelled_us is not None, signal=ended_by)
        await self.conclude(job, outcome, message, report)


def _read_on(followed: _Followed, file: Path) -> _Followed:
    """Return what is known after the lines that have come since, whole ones only."""
    try:
        with file.open("rb") as opened:
            opened.seek(followed.offset)
            news = opened.read()
    except FileNotFoundError:
        return followed
    whole = news[: news.rfind(b"\n") + 1]
    return _Followed(followed.id, followed.offset + len(whole), after(followed.report, whole.splitlines()))


def now_us() -> int:
    """Return this moment in microseconds since 1970; rows of several machines are compared by it."""
    return time.time_ns() // 1000
