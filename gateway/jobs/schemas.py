"""What the endpoints of retraining answer with."""

from typing import Any, Literal, Self

import msgspec

from gateway.jobs.events import JobStatus
from gateway.jobs.store import Job
from gateway.schemas import ModelMetrics
from gateway.timestamps import from_us


class RetrainReply(msgspec.Struct, frozen=True):
    """The retraining that runs now."""

    message: str
    session_id: str


class TrainingStatus(msgspec.Struct, frozen=True):
    """The retraining that runs, or else the last one."""

    status: Literal["idle"] | JobStatus
    """`idle` while there was none ever."""
    progress: float
    """0 to 100."""
    message: str
    session_id: str | None
    started: str | None
    """RFC 3339, UTC."""
    ended: str | None

    @classmethod
    def of(cls, job: Job | None) -> Self:
        """Return the status of a job, or of there being none."""
        if job is None:
            return cls("idle", 0.0, "there was no retraining yet", None, None, None)
        return cls(job.status, job.progress, job.message, job.id, from_us(job.started_us), _moment(job.ended_us))


class TrainingSession(msgspec.Struct, frozen=True):
    """A retraining, and its outcome."""

    session_id: str
    status: JobStatus
    """`running`; `completed`: a version was published; `rejected`: the trainer's gate let none pass, as `message` says;
    `failed`; `cancelled`."""
    progress: float
    """0 to 100."""
    message: str
    parameters: dict[str, Any]
    """As they were asked for."""
    started: str
    """RFC 3339, UTC."""
    ended: str | None
    model_version: int | None
    """That was published."""
    metrics: dict[str, float]
    """On the validation images, once it is trained."""

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the session of a job."""
        return cls(
            session_id=job.id,
            status=job.status,
            progress=job.progress,
            message=job.message,
            parameters=job.parameters,
            started=from_us(job.started_us),
            ended=_moment(job.ended_us),
            model_version=job.version,
            metrics=job.metrics,
        )


class TrainingSessions(msgspec.Struct, frozen=True):
    """Retrainings, newest first."""

    sessions: list[TrainingSession]
    next: int | None
    """The `after` of the following page; null on the last."""


class Measured(ModelMetrics, frozen=True):
    """What the trainer measured of the version that answers, and the retrainings that there were."""

    training_history: list[TrainingSession]
    """Newest first, the last 50; `GET /training-sessions` has them all."""


def _moment(microseconds: int | None) -> str | None:
    return None if microseconds is None else from_us(microseconds)
