"""What counters say about a span of time: pure functions of two looks at them.

Counted are requests with a body (`POST`), so that what looks at the service does not count as its traffic.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

LATENCY_ROUTE: Final = "/predict"
"""The endpoint whose times are shown; a batch takes as long as it is large."""
REFUSALS: Final = frozenset({"429", "503"})
"""Of a service that is at its limit or not ready; clients may come again."""

Key = TypeVar("Key", str, float)


class Counts(msgspec.Struct, frozen=True):
    """One look at the counters."""

    at: float
    """Seconds, of any clock."""
    images: float = 0.0
    """Answered."""
    codes: Mapping[str, float] = {}
    """Requests by HTTP status."""
    buckets: Mapping[float, float] = {}
    """Requests to `LATENCY_ROUTE` that took at most so many seconds."""
    waiting: float = 0.0
    """Images that wait for a call to the model."""
    inside: float = 0.0
    """Requests being answered."""
    limit: float = 0.0
    """Images that may be inside at a time."""
    servers: Mapping[str, bool] = {}
    """Whether each model server takes part."""
    stages: Mapping[str, float] = {}
    """Seconds that answered images spent in each stage, all together."""
    staged: Mapping[str, float] = {}
    """Answered images that were timed, by stage."""
    calls: float = 0.0
    """To the model."""
    called: float = 0.0
    """Images in those calls."""
    versions: Mapping[str, float] = {}
    """Images answered, by the version that did."""
    memory: float = 0.0
    """Bytes that the gateway holds."""


class Figures(msgspec.Struct, frozen=True):
    """What happened between two looks. A share or a time is None where no request came."""

    seconds: float
    images_per_s: float
    p50_s: float | None
    p99_s: float | None
    refused: float | None
    """Share of the requests, 0 to 1."""
    failed: float | None
    """Share of the requests, 0 to 1."""


def read_counts(exposition: str, at: float) -> Counts:
    """Return what a gateway's metrics say, in the text format of Prometheus.

    Raises:
        ValueError: it is no such text.
    """
    samples = [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]
    buckets = _by(samples, "gateway_request_duration_seconds_bucket", "le", route=LATENCY_ROUTE)
    versions = _by(samples, "gateway_predictions_total", "version")
    return Counts(
        at=at,
        images=sum(versions.values()),
        codes=_by(samples, "gateway_requests_total", "code", method="POST"),
        buckets={float(bound): count for bound, count in buckets.items()},
        waiting=_total(samples, "gateway_queue_depth"),
        inside=_total(samples, "gateway_inflight_requests"),
        limit=_total(samples, "gateway_concurrency_limit"),
        servers={server: ready > 0 for server, ready in _by(samples, "gateway_model_server_ready", "server").items()},
        stages=_by(samples, "gateway_stage_duration_seconds_sum", "stage"),
        staged=_by(samples, "gateway_stage_duration_seconds_count", "stage"),
        calls=_total(samples, "gateway_batch_size_count"),
        called=_total(samples, "gateway_batch_size_sum"),
        versions=versions,
        memory=_total(samples, "process_resident_memory_bytes"),
    )


def figures(earlier: Counts, later: Counts) -> Figures:
    """Return what happened between two looks. A counter that has fallen was started again in between."""
    seconds = later.at - earlier.at
    codes = grown(earlier.codes, later.codes)
    total = sum(codes.values())
    refused = sum(count for code, count in codes.items() if code in REFUSALS)
    failed = sum(count for code, count in codes.items() if code.startswith("5") and code not in REFUSALS)
    buckets = grown(earlier.buckets, later.buckets)
    return Figures(
        seconds=seconds,
        images_per_s=growth(earlier.images, later.images) / seconds if seconds > 0 else 0.0,
        p50_s=quantile(buckets, 0.5),
        p99_s=quantile(buckets, 0.99),
        refused=refused / total if total else None,
        failed=failed / total if total else None,
    )


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """Return the time that `share` of the requests stayed below, as Prometheus' `histogram_quantile` has it.

    Args:
        buckets: how many took at most so many seconds; the last bound is infinite.
        share: 0 to 1.
    """
    bounds = sorted(buckets)
    if not bounds or not buckets[bounds[-1]] > 0:
        return None
    rank = share * buckets[bounds[-1]]
    lower, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == float("inf"):
                return lower
            inside = buckets[bound] - below
            return lower + (bound - lower) * ((rank - below) / inside if inside > 0 else 1.0)
        lower, below = bound, buckets[bound]
    return lower


def course(looks: Sequence[Counts]) -> list[tuple[float, Figures]]:
    """Return the figures between each look and the next one, with the moment of the latter."""
    return [(later.at, figures(earlier, later)) for earlier, later in itertools.pairwise(looks)]


def grown(earlier: Mapping[Key, float], later: Mapping[Key, float]) -> dict[Key, float]:
    """Return by how much each counter has grown between two looks."""
    return {key: growth(earlier.get(key, 0.0), value) for key, value in later.items()}


def growth(earlier: float, later: float) -> float:
    """Return by how much a counter has grown; one that has fallen was started again."""
    return later - earlier if later >= earlier else later


def _by(samples: Sequence[Sample], name: str, label: str, **where: str) -> dict[str, float]:
    """Return the sums of the samples of a metric, by one of its labels; the others are as `where` says."""
    sums: dict[str, float] = {}
    for sample in samples:
        if sample.name == name and where.items() <= sample.labels.items():
            sums[sample.labels[label]] = sums.get(sample.labels[label], 0.0) + sample.value
    return sums


def _total(samples: Sequence[Sample], name: str) -> float:
    return sum(sample.value for sample in samples if sample.name == name)
