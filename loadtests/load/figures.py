"""What a run of Locust found, as numbers for a table and for programs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from locust.stats import RequestStats, StatsEntry, calculate_response_time_percentile

from loadtests.load.generator import BUSY, LATE_MS, Reading
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


def describe_generator(readings: Iterable[Reading]) -> dict[str, Any]:
    """Return what the processes of the generator used, and in words where that touches what they measured."""
    readings = list(readings)
    late: Counter[int] = Counter()
    for reading in readings:
        late.update(reading.late_ms)
    late_ms = calculate_response_time_percentile(late, late.total(), 0.99) if late else 0
    busiest = max((reading.share for reading in readings), default=0.0)
    warnings = []
    if busiest > BUSY:
        warnings.append(f"the generator used {busiest:.0%} of a core: it measured itself; start more processes")
    if late_ms > LATE_MS:
        warnings.append(f"the generator itself was up to {late_ms} ms late (p99): so much of each latency is its own")
    return {
        "processes": len(readings),
        "cores": round(sum(reading.share for reading in readings), 3),
        "busiest": round(busiest, 3),
        "late_p99_ms": late_ms,
        "warnings": warnings,
    }


def _times(entry: StatsEntry) -> Mapping[str, float]:
    percentiles = {f"p{round(100 * part)}_ms": entry.get_response_time_percentile(part) for part in (0.5, 0.95, 0.99)}
    return {"mean_ms": round(entry.avg_response_time, 1), **percentiles}
