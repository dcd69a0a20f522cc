"""What is counted of jobs."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.jobs.events import JobStatus


class JobMetrics:
    """Of retrainings. Each ending is counted once, by the gateway process that found it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ended = Counter("gateway_jobs", "Retrainings, by what became of them.", ["status"], registry=registry)
        self.running = Gauge(
            "gateway_job_running",
            "1 while a retraining runs, else 0.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        for status in get_args(JobStatus):
            if status != "running":
                self.ended.labels(status)
