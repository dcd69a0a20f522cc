"""What counters say about a span of time: pure functions of two looks at them.

Counted are requests with a body (`POST`), so that what looks at the service does not count as its traffic.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from prometheus_client.parser import text_string_to_metric_families

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
    counts: dict[str, float] = {}
    codes: dict[str, float] = {}
    buckets: dict[float, float] = {}
    for sample in samples:
        labels = sample.labels
        if sample.name == "gateway_requests_total" and labels["method"] == "POST":
            codes[labels["code"]] = codes.get(labels["code"], 0.0) + sample.value
        elif sample.name == "gateway_request_duration_seconds_bucket" and labels["route"] == LATENCY_ROUTE:
            buckets[float(labels["le"])] = sample.value
        else:
            counts[sample.name] = counts.get(sample.name, 0.0) + sample.value
    return Counts(
        at=at,
        images=counts.get("gateway_predictions_total", 0.0),
        codes=codes,
        buckets=buckets,
        waiting=counts.get("gateway_queue_depth", 0.0),
        inside=counts.get("gateway_inflight_requests", 0.0),
        limit=counts.get("gateway_concurrency_limit", 0.0),
        servers={s.labels["server"]: s.value > 0 for s in samples if s.name == "gateway_model_server_ready"},
    )


def figures(earlier: Counts, later: Counts) -> Figures:
    """Return what happened between two looks. A counter that has fallen was started again in between."""
    seconds = later.at - earlier.at
    codes = _grown(earlier.codes, later.codes)
    total = sum(codes.values())
    refused = sum(count for code, count in codes.items() if code in REFUSALS)
    failed = sum(count for code, count in codes.items() if code.startswith("5") and code not in REFUSALS)
    buckets = _grown(earlier.buckets, later.buckets)
    return Figures(
        seconds=seconds,
        images_per_s=_growth(earlier.images, later.images) / seconds if seconds > 0 else 0.0,
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


def _grown(earlier: Mapping[Key, float], later: Mapping[Key, float]) -> dict[Key, float]:
    return {key: _growth(earlier.get(key, 0.0), value) for key, value in later.items()}


def _growth(earlier: float, later: float) -> float:
    return later - earlier if later >= earlier else later
