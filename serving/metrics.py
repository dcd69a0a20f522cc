"""Every metric of the model server, declared once: TensorFlow Serving's names, and four of our own.

The registry is passed in; call sites use attributes. As in the original only calls that succeed are timed, latencies
are in microseconds, and no metric knows a version, but for ours.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from proto import tfserving_pb2 as pb

_LATENCY = tuple(float(f"{10 * 1.8**power:.6g}") for power in range(33))  # microseconds, to 24 minutes
_EXAMPLES = tuple(2.0**power for power in range(15))  # tensorflow.Examples in a request
_PREFIX = ":tensorflow:serving:"
_OURS = "pulmo_serving_"


class Metrics:
    """What is counted and timed; label sets are bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry: CollectorRegistry = registry
        ProcessCollector(registry=registry)

        self.request_count = Counter(
            f"{_PREFIX}request_count", "Calls, by outcome.", ["model_name", "status"], registry=registry
        )
        self.request_latency = Histogram(
            f"{_PREFIX}request_latency",
            "Time of a call that succeeded.",
            ["model_name", "API", "entrypoint"],
            buckets=_LATENCY,
            registry=registry,
        )
        self.runtime_latency = Histogram(
            f"{_PREFIX}runtime_latency",
            "Time of a run of the model that succeeded.",
            ["model_name", "API", "runtime"],
            buckets=_LATENCY,
            registry=registry,
        )
        self.request_example_counts = Histogram(
            f"{_PREFIX}request_example_counts",
            "tensorflow.Examples in a Classify or Regress call; without data, since these are not offered.",
            ["model"],
            buckets=_EXAMPLES,
            registry=registry,
        )
        self.warmup_latency = Histogram(
            f"{_PREFIX}model_warmup_latency",
            "Time that a version took to warm up.",
            ["model_path", "status"],
            buckets=_LATENCY,
            registry=registry,
        )
        self.warmup_records_read = Counter(
            f"{_PREFIX}model_warmup_records_read", "Warm-up records replayed.", ["model_path"], registry=registry
        )
        self.load_attempt_count = Counter(
            ":tensorflow:cc:saved_model:load_attempt_count",
            "Attempts to load a version.",
            ["model_path", "status"],
            registry=registry,
        )
        self.load_latency = Counter(
            ":tensorflow:cc:saved_model:load_latency",
            "Time of the loads of a version that succeeded.",
            ["model_path"],
            registry=registry,
        )

    def forget_path(self, path: str) -> None:
        """Show the loads of the version in `path` no longer."""
        self.load_latency.remove_by_labels({"model_path": path})
        self.load_attempt_count.remove_by_labels({"model_path": path})
        self.warmup_latency.remove_by_labels({"model_path": path})
        self.warmup_records_read.remove_by_labels({"model_path": path})


class ModelState(NamedTuple):
    """How a model is doing while metrics are collected."""

    name: str
    statuses: Sequence[pb.ModelVersionStatus]
    failing: Container[int]
    """Versions whose last load failed, as far as they are still there."""
    seconds_since_look: float | None
    """Since its base path could last be read; None before the first time."""
    calls: int
    """Calls that use a version of it now."""


class ModelStates(Collector):
    """Which version is in which state, and whether the store is still looked at; `models` is asked at each scrape."""

    def __init__(self, models: Callable[[], Iterable[ModelState]]) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; versions that have ended and do not fail are left out, or they would add up for ever."""
        state = GaugeMetricFamily(
            f"{_OURS}version_state",
            "1 for each version and the state that it is in.",
            labels=["model_name", "version", "state"],
        )
        failing = GaugeMetricFamily(
            f"{_OURS}failing_versions", "Versions whose last load failed.", labels=["model_name"]
        )
        age = GaugeMetricFamily(
            f"{_OURS}last_poll_age_seconds", "Time since the base path could be read.", labels=["model_name"]
        )
        calls = GaugeMetricFamily(f"{_OURS}calls_in_progress", "Calls that use a version.", labels=["model_name"])
        for model in self._models():
            failed = [status.version for status in model.statuses if status.version in model.failing]
            for status in model.statuses:
                if status.state != pb.ModelVersionStatus.END or status.version in failed:
                    name = pb.ModelVersionStatus.State.Name(status.state)
                    state.add_metric([model.name, str(status.version), name], 1)
            failing.add_metric([model.name], len(failed))
            calls.add_metric([model.name], model.calls)
            if model.seconds_since_look is not None:
                age.add_metric([model.name], model.seconds_since_look)
        yield from (state, failing, age, calls)
