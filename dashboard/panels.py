"""The panels of the page Monitoring: what each asks of Prometheus, and how it is worked out of two looks at a gateway.

Both ways give the same curves under the same names. In queries `{window}` is what a rate is taken over.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from dashboard.figures import LATENCY_ROUTE, REFUSALS, Counts, grown, growth, quantile
from dashboard.phrases import STAGES

OUTCOMES: Final = {
    "answered": "2..",
    "refused": "|".join(sorted(REFUSALS)),
    "failed": "50[0-24-9]|5[1-9].",
    "wrong, or left by the client": "4[013-9].|42[0-8]",
}
"""What became of requests: for each outcome an expression for its HTTP statuses."""
_SHARES: Final = {"half took less (p50)": 0.5, "95 % took less (p95)": 0.95, "99 % took less (p99)": 0.99}

Values = Mapping[str, float | None]
"""The values of a panel at one moment, by the name of their curve; None where there is nothing to tell."""


class Query(msgspec.Struct, frozen=True):
    """A question to Prometheus."""

    expr: str
    curve: str
    """What its curves are called; `{}` in it is the value of their one label."""
    words: Mapping[str, str] = {}
    """What to say instead of a label's value."""


class Panel(msgspec.Struct, frozen=True):
    """One panel."""

    title: str
    unit: str
    meaning: str
    queries: tuple[Query, ...]
    own: Callable[[Counts, Counts], Values]
    """Works it out of an earlier and a later look."""
    stacked: bool = False


def _outcomes(earlier: Counts, later: Counts) -> Values:
    codes, seconds = grown(earlier.codes, later.codes), later.at - earlier.at
    return {
        outcome: sum(count for code, count in codes.items() if re.fullmatch(pattern, code)) / seconds
        for outcome, pattern in OUTCOMES.items()
    }


def _latency(earlier: Counts, later: Counts) -> Values:
    buckets = grown(earlier.buckets, later.buckets)
    times = {name: quantile(buckets, share) for name, share in _SHARES.items()}
    return {name: None if seconds is None else seconds * 1000 for name, seconds in times.items()}


def _stages(earlier: Counts, later: Counts) -> Values:
    seconds, images = grown(earlier.stages, later.stages), grown(earlier.staged, later.staged)
    return {
        words: 1000 * seconds[stage] / images[stage] if images.get(stage) else None
        for stage, words in STAGES.items()
        if stage in seconds
    }


def _calls(earlier: Counts, later: Counts) -> Values:
    calls = growth(earlier.calls, later.calls)
    return {"on average": growth(earlier.called, later.called) / calls if calls else None}


def _places(_: Counts, later: Counts) -> Values:
    return {"waiting for the model": later.waiting, "requests inside": later.inside, "limit": later.limit}


def _versions(earlier: Counts, later: Counts) -> Values:
    seconds = later.at - earlier.at
    return {f"version {number}": count / seconds for number, count in grown(earlier.versions, later.versions).items()}


def _memory(_: Counts, later: Counts) -> Values:
    return {"memory": later.memory / 1e6}


def _rate(series: str, by: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({series}[{{window}}]))"


def _mean(histogram: str, by: str = "") -> str:
    return f"{_rate(f'{histogram}_sum', by)} / ({_rate(f'{histogram}_count', by)} > 0)"


_POSTS: Final = 'gateway_requests_total{{method="POST", code=~"{}"}}'
_TIMES: Final = f'gateway_request_duration_seconds_bucket{{route="{LATENCY_ROUTE}"}}'

PANELS: Final = (
    Panel(
        "Requests",
        "Requests per second",
        "Requests with a body, by what became of them. Refused: the service was at its limit, or not ready. Failed: "
        "the service was at fault.",
        tuple(Query(f"{_rate(_POSTS.format(codes))} or vector(0)", outcome) for outcome, codes in OUTCOMES.items()),
        _outcomes,
        stacked=True,
    ),
    Panel(
        "Time of single images",
        "Milliseconds",
        f"From a request to {LATENCY_ROUTE} to the end of its answer.",
        tuple(
            Query(f"1000 * histogram_quantile({share}, {_rate(_TIMES, 'le')})", name) for name, share in _SHARES.items()
        ),
        _latency,
    ),
    Panel(
        "Time per stage",
        "Milliseconds",
        "What an answered image spent in each stage on average; the height is the whole.",
        (Query(f"1000 * {_mean('gateway_stage_duration_seconds', 'stage')}", "{}", STAGES),),
        _stages,
        stacked=True,
    ),
    Panel(
        "Images per call to the model",
        "Images",
        "How many images are computed together.",
        (Query(_mean("gateway_batch_size"), "on average"),),
        _calls,
    ),
    Panel(
        "Queue and limit",
        "Images",
        "Requests are refused where as many images are inside as the limit allows.",
        (
            Query("sum (gateway_queue_depth)", "waiting for the model"),
            Query("sum (gateway_inflight_requests)", "requests inside"),
            Query("sum (gateway_concurrency_limit)", "limit"),
        ),
        _places,
    ),
    Panel(
        "Predictions by version",
        "Images per second",
        "Images that were answered, by the version of the model that did.",
        (Query(_rate("gateway_predictions_total", "version"), "version {}"),),
        _versions,
        stacked=True,
    ),
    Panel(
        "Memory",
        "Megabytes",
        "What the gateways hold, all their processes together.",
        (Query('sum (process_resident_memory_bytes{job="gateway"}) / 1e6', "memory"),),
        _memory,
    ),
)
