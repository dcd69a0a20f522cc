"""Starts retrainings, tells of them, and cancels them."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway.errors import RetrainingUnavailable, SessionEnded, SessionUnknown
from gateway.identities import is_identity, new_identity
from gateway.jobs import processes
from gateway.jobs.events import Report
from gateway.jobs.follower import Follower, now_us
from gateway.jobs.store import Job, JobPage, JobStore
from gateway.jobs.trainer import Parameters, Trainer, environment

_LOG_BYTES = 65_536


class Jobs:
    """The retrainings that there were, and the one that runs.

    Args:
        store: of jobs.
        follower: looks after the job that runs.
        trainer: its command line.
        models: the model's folder in the store.
        additions: returns the folders of labelled images to train on.
    """

    def __init__(
        self,
        store: JobStore,
        follower: Follower,
        trainer: Trainer,
        models: Path,
        additions: Callable[[], Awaitable[Sequence[Path]]],
    ) -> None:
        self._store = store
        self._follower = follower
        self._trainer = trainer
        self._models = models
        self._additions = additions
        self._log = structlog.get_logger()

    async def parameters(self) -> dict[str, Any]:
        """Return the JSON schema of what may be set for a retraining.

        Raises:
            RetrainingUnavailable: there is no trainer.
        """
        return await self._trainer.schema()

    async def start(self, parameters: Parameters) -> tuple[Job, bool]:
        """Start a retraining; return the job that runs then, and whether it is a new one.

        Raises:
            InvalidParameters: the trainer refuses the parameters.
            RetrainingUnavailable: there is no trainer, or it cannot be started.
            HistoryUnavailable: the job cannot be kept; nothing was started.
        """
        await self._trainer.schema()
        if parameters:
            await self._trainer.check(parameters)
        additions = await self._additions()
        job = _new(parameters, self._follower.place)
        while not await self._store.begin(job):
            running = await self._store.running()
            if running is not None:  # else it has ended at this very moment
                return running, False
        folder = self._follower.folder(job.id)
        command = self._trainer.retraining(self._models, folder / "run", additions, parameters)
        start = partial(processes.start, folder, command, environment(os.environ), self._trainer.nice)
        try:
            self._follower.adopt(job.id, await asyncio.to_thread(start))
        except OSError as error:
            await self._follower.conclude(job, "failed", f"it could not be started: {error.strerror}", Report())
            raise RetrainingUnavailable(
                "the trainer cannot be started; see that PULMO_SESSIONS can be written", internals=str(error)
            ) from error
        self._log.info("retraining started", session_id=job.id, additions=len(additions), parameters=parameters)
        return job, True

    async def newest(self) -> Job | None:
        """Return the job that was started last; None where there was none ever.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        return await self._store.newest()

    async def page(self, limit: int, after: int | None) -> JobPage:
        """Return `limit` jobs at most, started before the one of the row `after`; the newest where it is None.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        return await self._store.page(limit, after)

    async def get(self, job: str) -> Job:
        """Return a job.

        Raises:
            SessionUnknown: there is none of this identity.
            HistoryUnavailable: the database cannot be read.
        """
        found = await self._store.get(job) if is_identity(job) else None
        if found is None:
            raise SessionUnknown("there is no training session of this identity; GET /training-sessions lists them")
        return found

    async def cancel(self, job: str) -> Job:
        """Tell a job to end; return it as it is then: it runs until its process has ended.

        Raises:
            SessionUnknown: there is none of this identity.
            SessionEnded: it has ended.
            HistoryUnavailable: the database is away; nothing was done.
        """
        found = await self.get(job)
        if found.status != "running" or not await self._store.cancel(job, now_us()):
            raise SessionEnded(f"the training session has ended: it is {(await self.get(job)).status}")
        if found.place == self._follower.place:
            await asyncio.to_thread(self._follower.end, found)
        self._log.info("retraining is to end", session_id=job)
        return await self.get(job)

    async def log(self, job: str) -> bytes:
        """Return the last of what a job has written: its events, then its errors.

        Raises:
            SessionUnknown: there is none of this identity.
            HistoryUnavailable: the database cannot be read.
        """
        folder = self._follower.folder((await self.get(job)).id)
        files = (folder / processes.EVENTS, folder / processes.LOG)
        return b"".join([await asyncio.to_thread(processes.tail, file, _LOG_BYTES) for file in files])


def _new(parameters: Parameters, place: str) -> Job:
    now, report = now_us(), Report()
    return Job(
        id=new_identity(),
        status="running",
        progress=report.progress,
        message=report.message,
        parameters=parameters,
        place=place,
        started_us=now,
        heartbeat_us=now,
        cancelled_us=None,
        ended_us=None,
        version=None,
        metrics={},
    )
