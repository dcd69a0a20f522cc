"""What became of requests, and the figures of many."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

UNSENT: Final = -1
"""The status of a request that was due while as many as allowed were under way: the generator did not send it."""
NO_REPLY: Final = 0
"""The status of a request that had no whole reply."""


class Sample(NamedTuple):
    """What became of one request."""

    due: float
    """When it was to be sent, on the clock of `time.monotonic`, seconds."""
    latency_s: float
    """From `due` to the last byte of the answer."""
    status: int
    """The HTTP status, or `NO_REPLY`, or `UNSENT`."""
    body: bytes
    """The answer; without a reply, what went wrong."""
    late_s: float = 0.0
    """How long after `due` the generator came to it, seconds: its own fault, not the server's."""

    @property
    def answer(self) -> Mapping[str, object]:
        """The JSON document, or the failure under `error`."""
        try:
            answer = json.loads(self.body)
        except ValueError:
            answer = None
        return answer if isinstance(answer, dict) else {"error": self.body[:200].decode("latin-1")}


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest of the values that `percent` of them do not exceed (nearest rank); NaN of none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def latencies_ms(samples: Sequence[Sample]) -> dict[str, float]:
    """Return p50, p90 and p99 of the latencies, in milliseconds."""
    ordered = sorted(sample.latency_s * 1000 for sample in samples)
    return {f"p{percent}": percentile(ordered, percent) for percent in (50, 90, 99)}


def count_statuses(samples: Iterable[Sample]) -> dict[str, int]:
    """Return how many requests ended how, by status."""
    counts: dict[str, int] = {}
    names = {UNSENT: "unsent", NO_REPLY: "no reply"}
    for sample in samples:
        name = names.get(sample.status, str(sample.status))
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))
