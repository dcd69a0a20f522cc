"""What a run of Locust found, as numbers for a table and for programs."""

from collections.abc import Mapping
from typing import Any

from locust.stats import RequestStats, StatsEntry

from loadtests.load.thresholds import Summary
from loadtests.load.users import REFUSED

PREDICT = ("/predict", "POST")


def summarise(stats: RequestStats) -> Summary:
    """Return the figures of all routes together; times are those of predictions."""
    entries = list(stats.entries.values())
    refused = sum(entry.num_requests for entry in entries if entry.name.endswith(REFUSED))
    failed = sum(entry.num_failures for entry in entries)
    answered = sum(entry.num_requests for entry in entries) - refused - failed
    predict = stats.entries.get(PREDICT)
    times = _times(predict) if predict else dict.fromkeys(("mean_ms", "p50_ms", "p95_ms", "p99_ms"), 0.0)
    seconds = (stats.last_request_timestamp or 0) - (stats.start_time or 0)
    return Summary(
        answered,
        refused,
        failed,
        predictions=predict.num_requests - predict.num_failures if predict else 0,
        rate=answered / seconds if seconds > 0 else 0.0,
        **times,
    )


def by_route(stats: RequestStats) -> list[dict[str, Any]]:
    """Return the figures of each name in Locust's statistics."""
    return [
        {
            "name": entry.name,
            "method": entry.method,
            "requests": entry.num_requests,
            "failed": entry.num_failures,
            **_times(entry),
        }
        for _, entry in sorted(stats.entries.items())
        if entry.num_requests
    ]


def list_errors(stats: RequestStats) -> list[str]:
    """Return each failure in words, with how often it happened."""
    return [
        f"{error.method} {error.name}: {error.error} ({error.occurrences} times)" for error in stats.errors.values()
    ]


def _times(entry: StatsEntry) -> Mapping[str, float]:
    percentiles = {f"p{round(100 * part)}_ms": entry.get_response_time_percentile(part) for part in (0.5, 0.95, 0.99)}
    return {"mean_ms": round(entry.avg_response_time, 1), **percentiles}
