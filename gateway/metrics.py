"""Every metric of the gateway, declared once. The registry is passed in; call sites use attributes, never names."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

import PIL
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.process_collector import ProcessCollector

from gateway.abstention import AbstentionMetrics
from gateway.access.metrics import AccessMetrics
from gateway.batching.rule import Trigger
from gateway.cache.metrics import CacheMetrics
from gateway.drift.metrics import DriftMetrics
from gateway.explanation_metrics import ExplanationMetrics
from gateway.exposition import StateGauge, WorkersCollector
from gateway.feedback.metrics import FeedbackMetrics
from gateway.history.metrics import HistoryMetrics
from gateway.jobs.metrics import JobMetrics
from gateway.lanes import PRIORITIES
from gateway.uploaded.metrics import UploadMetrics

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_BATCH = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 128)  # images
_CONFIDENCE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
_DIFFERENCE = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)

Stage = Literal["read", "decode", "queue", "backend", "persist"]
STAGES: tuple[Stage, ...] = get_args(Stage)
FAILURES = ("load", "describe", "probe")
MODES = ("latest", "pinned", "canary", "shadow")
ACTORS = ("operator", "guard")
GUARD_STATES = ("idle", "watching", "helpless")
MEASURES = ("errors", "latency", "abstentions", "classes", "disagreement")
COMPARISONS = ("agree", "disagree", "failed", "dropped")
TRIGGERS = get_args(Trigger)
RETRIES = ("answered", "failed", "over_budget")
DROPS = ("gone", "expired")


class Metrics:
    """The gateway's metrics. Units are in the names; label sets are bounded, and known ones exist from the start."""

    def __init__(self, registry: CollectorRegistry, folder: Path | None = None) -> None:
        """Declare the metrics in `registry`, where a test reads them.

        Args:
            registry: of this process.
            folder: where the processes of a gateway keep their numbers for each other; None where there is one process.
        """
        self.registry: CollectorRegistry = registry
        self.exposed: CollectorRegistry = registry if folder is None else _of_all_workers(registry, folder)
        """What a scrape is told."""
        self.access = AccessMetrics(registry)

        self.requests = Counter(
            "gateway_requests",
            "Requests that have ended, by the status of the answer; 499 where the client left before there was one.",
            ["route", "method", "code"],
            registry=registry,
        )
        self.request_duration = Histogram(
            "gateway_request_duration_seconds",
            "Time from a request's headers to the end of its reply.",
            ["route"],
            buckets=_LATENCY,
            registry=registry,
        )
        self.stage_duration = Histogram(
            "gateway_stage_duration_seconds",
            "Time that an answered image spent in each stage.",
            ["stage"],
            buckets=_LATENCY,
            registry=registry,
        )
        self.inflight = Gauge(
            "gateway_inflight_requests", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self.concurrency_limit = Gauge(
            "gateway_concurrency_limit",
            "Images that may be anywhere between arrival and reply.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.rejected = Counter(
            "gateway_rejected", "Requests that ended in a problem, by its name.", ["reason"], registry=registry
        )
        self.image_rejects = Counter(
            "gateway_image_rejects",
            "Images that were not accepted, by the problem's name.",
            ["reason"],
            registry=registry,
        )
        self.batch_size = Histogram(
            "gateway_batch_size", "Images in a call to the model.", buckets=_BATCH, registry=registry
        )
        self.batches = Counter(
            "gateway_batches", "Calls to the model, by what made them due.", ["trigger"], registry=registry
        )
        self.queue_depth = Gauge(
            "gateway_queue_depth",
            "Images that wait for a call to the model.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.in_flight_limit = Gauge(
            "gateway_in_flight_limit",
            "Calls to the model that may be under way, as measured.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.expected_wait = Gauge(
            "gateway_expected_wait_seconds",
            "Time until the turn of an image that comes now, by its class of traffic.",
            ["priority"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.dropped = Counter(
            "gateway_dropped",
            "Images dropped before the model: their client has gone, or their deadline has expired.",
            ["reason"],
            registry=registry,
        )
        self.backend_rpcs = Counter(
            "gateway_backend_rpcs",
            "Predict calls to the model server, by gRPC status; CANCELLED where nobody waited for one any more.",
            ["code"],
            registry=registry,
        )
        self.backend_rpc_duration = Histogram(
            "gateway_backend_rpc_duration_seconds",
            "Time of a successful Predict call.",
            buckets=_LATENCY,
            registry=registry,
        )
        self.retries = Counter(
            "gateway_retries",
            "Predict calls whose connection was lost, by what became of sending them once more.",
            ["outcome"],
            registry=registry,
        )
        self.bisections = Counter(
            "gateway_bisections", "Batches that were halved because the model refused them.", registry=registry
        )
        self.backend_ready = Gauge(
            "gateway_backend_ready",
            "1 while a version of the model can answer, else 0.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.predictions = Counter(
            "gateway_predictions",
            "Images answered, by model version and class; also where the client had left when its row was written.",
            ["version", "label"],
            registry=registry,
        )
        self.confidence = Histogram(
            "gateway_prediction_confidence",
            "Probability of the predicted class.",
            buckets=_CONFIDENCE,
            registry=registry,
        )
        self.history = HistoryMetrics(registry)
        self.model_info = StateGauge(
            "model_info", "1 for each version that has a part of the traffic.", ["version", "digest"], registry
        )
        self.version_state = StateGauge(
            "gateway_model_version_state",
            "1 for the state of each version that is there or could not be loaded.",
            ["version", "state"],
            registry,
        )
        self.version_ready = StateGauge(
            "gateway_model_version_ready",
            "1 for each version that requests may be routed to, 0 for the others that are there.",
            ["version"],
            registry,
        )
        self.version_failures = Counter(
            "gateway_model_version_failures",
            "Versions that could not be loaded, did not describe themselves, or failed the probe.",
            ["reason"],
            registry=registry,
        )
        self.probe_duration = Histogram(
            "gateway_probe_duration_seconds",
            "Time of a call that tries a new version before clients depend on it.",
            buckets=_LATENCY,
            registry=registry,
        )
        self.route_percent = StateGauge(
            "gateway_route_percent",
            "Percent of the images that each version is asked for, by its role.",
            ["version", "role"],
            registry,
        )
        self.route_changes = Counter("gateway_route_changes", "Changes of the route.", ["actor"], registry=registry)
        self.route_fallbacks = Counter(
            "gateway_route_fallbacks",
            "Images answered by another version than the route wants, by the route's mode.",
            ["mode"],
            registry=registry,
        )
        self.shadow_comparisons = Counter(
            "gateway_shadow_comparisons",
            "Images that a shadow was to answer too, by what came of it.",
            ["outcome"],
            registry=registry,
        )
        self.shadow_difference = Histogram(
            "gateway_shadow_difference",
            "Largest difference of a probability between a shadow and the version that answered.",
            buckets=_DIFFERENCE,
            registry=registry,
        )
        self.guard_rollbacks = Counter(
            "gateway_guard_rollbacks",
            "Versions that the guard took back, by the gravest measure that was violated.",
            ["measure"],
            registry=registry,
        )
        self.guard_helpless = Counter(
            "gateway_guard_helpless",
            "Versions that the guard would have taken back, had there been another one to answer.",
            registry=registry,
        )
        self.guard_state = Gauge(
            "gateway_guard_state",
            "1 for what the guard is doing, else 0.",
            ["state"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.server_ready = Gauge(
            "gateway_model_server_ready",
            "1 for each model server that takes part, 0 for one that is away or still loading.",
            ["server"],
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.abstention = AbstentionMetrics(registry)
        self.cache = CacheMetrics(registry)
        self.drift = DriftMetrics(registry)
        self.explanation = ExplanationMetrics(registry)
        self.jobs = JobMetrics(registry)
        self.uploads = UploadMetrics(registry)
        self.feedback = FeedbackMetrics(registry)
        self._describe_process()
        self._create_labels()

    def _describe_process(self) -> None:
        ProcessCollector(registry=self.registry)
        build = Info("build", "What runs.", registry=self.registry)
        build.info({"version": version("pulmo"), "python": platform.python_version()})
        decoder = Info("decoder", "What decodes and resizes images.", registry=self.registry)
        decoder.info(
            {
                "resize": f"{'pillow-simd' if 'post' in PIL.__version__ else 'pillow'} {PIL.__version__}",
                "png": f"imagecodecs {version('imagecodecs')}",
                "jpeg": f"simplejpeg {version('simplejpeg')}",
            }
        )

    def _create_labels(self) -> None:
        known: tuple[tuple[Counter | Gauge | Histogram, tuple[str, ...]], ...] = (
            (self.stage_duration, STAGES),
            (self.batches, TRIGGERS),
            (self.dropped, DROPS),
            (self.expected_wait, PRIORITIES),
            (self.retries, RETRIES),
            (self.version_failures, FAILURES),
            (self.route_changes, ACTORS),
            (self.route_fallbacks, MODES),
            (self.guard_rollbacks, MEASURES),
            (self.guard_state, GUARD_STATES),
            (self.shadow_comparisons, COMPARISONS),
        )
        for metric, labels in known:
            for label in labels:
                metric.labels(label)


def _of_all_workers(registry: CollectorRegistry, folder: Path) -> CollectorRegistry:
    exposed = CollectorRegistry()
    exposed.register(WorkersCollector(registry, folder))
    return exposed
