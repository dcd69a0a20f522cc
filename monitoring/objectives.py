"""The service level objectives, and the alerts that say how fast their error budgets are being spent.

Windows and factors are those of "Multiwindow, Multi-Burn-Rate Alerts" (Google, The Site Reliability Workbook,
chapter 5, table 5-8), for a budget of 30 days: the long window says that it is serious, the short one that it still
goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitoring.rules import Alert, Group, Recording, Severity, Windows

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
PERIOD: Final = 30 * DAY
"""For which a budget has to last."""


@dataclass(frozen=True)
class Objective:
    """Which share of the requests shall be good, over the period."""

    name: str
    target: float
    """Share of good requests."""
    bad: str
    """PromQL for the rate of bad requests, in the last `{window}`."""
    all: str
    """PromQL for the rate of all requests, likewise."""
    runbook: str
    meaning: str
    """What bad requests did."""


OBJECTIVES: Final = (
    Objective(
        name="availability",
        target=0.999,
        bad='sum (rate(gateway_requests_total{route=~"/predict|/predict-batch", code=~"5.."}[{window}])) or vector(0)',
        all='sum (rate(gateway_requests_total{route=~"/predict|/predict-batch"}[{window}]))',
        runbook="AvailabilityBudgetBurns",
        meaning="requests for predictions ended in a 5xx",
    ),
    Objective(
        name="latency",
        target=0.99,
        bad='sum (rate(gateway_request_duration_seconds_count{route="/predict"}[{window}])) - '
        'sum (rate(gateway_request_duration_seconds_bucket{route="/predict", le="0.5"}[{window}]))',
        all='sum (rate(gateway_request_duration_seconds_count{route="/predict"}[{window}]))',
        runbook="LatencyBudgetBurns",
        meaning="requests to /predict took longer than 0.5 s",
    ),
)


@dataclass(frozen=True)
class Burn:
    """A pair of windows, and how many times too fast the budget may be spent in both."""

    severity: Severity
    long_s: int
    short_s: int
    factor: float


BURNS: Final = (
    Burn("critical", HOUR, 5 * MINUTE, 14.4),
    Burn("critical", 6 * HOUR, 30 * MINUTE, 6),
    Burn("warning", DAY, 2 * HOUR, 3),
    Burn("warning", 3 * DAY, 6 * HOUR, 1),
)


def groups(windows: Windows) -> Sequence[Group]:
    """Return for each objective what is recorded, and the alerts on it."""
    return [
        Group(f"objective-{objective.name}", _recordings(objective, windows), _alerts(objective, windows))
        for objective in OBJECTIVES
    ]


def recorded(objective: Objective, seconds: int, windows: Windows) -> str:
    """Return the series with the share of bad requests in a window."""
    return f'gateway:bad_requests:ratio_rate{windows(seconds)}{{objective="{objective.name}"}}'


def _allowance(objective: Objective, windows: Windows) -> Recording:
    """Return the series with the share of requests that may be bad, for whoever shows what is left of it."""
    labels = {"objective": objective.name, "period": windows(PERIOD)}
    return Recording("gateway:bad_requests:allowed", f"vector({1 - objective.target:.6g})", labels)


def _recordings(objective: Objective, windows: Windows) -> Sequence[Recording]:
    spans = sorted({span for burn in BURNS for span in (burn.long_s, burn.short_s)})
    return [
        _allowance(objective, windows),
        *(
            Recording(
                f"gateway:bad_requests:ratio_rate{windows(span)}",
                f"({_of(objective.bad, windows(span))}) / ({_of(objective.all, windows(span))} > 0)",
                {"objective": objective.name},
            )
            for span in spans
        ),
    ]


def _of(expr: str, window: str) -> str:
    return expr.replace("{window}", window)


def _alerts(objective: Objective, windows: Windows) -> Sequence[Alert]:
    budget = 1 - objective.target
    return [
        Alert(
            name=objective.runbook,
            expr=" and ".join(
                f"{recorded(objective, span, windows)} > {burn.factor * budget:.6g}"
                for span in (burn.long_s, burn.short_s)
            ),
            severity=burn.severity,
            labels={"objective": objective.name, "window": windows(burn.long_s)},
            summary=f"The {objective.name} budget is spent {burn.factor:g} times too fast.",
            description=f"In the last {windows(burn.long_s)}, {{{{ $value | humanizePercentage }}}} of the "
            f"{objective.meaning}. The objective allows {budget:.3g}.",
        )
        for burn in BURNS
    ]
