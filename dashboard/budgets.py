"""The error budgets of the service, from what the rules of `monitoring` record: no objective is written here.

They record how many of the requests may be bad (`gateway:bad_requests:allowed`, with the period in a label), and how
many were in the last 5 minutes, the last hour and so on (`gateway:bad_requests:ratio_rate5m`).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from dashboard.client.alerting import Rule

ALLOWED: Final = "gateway:bad_requests:allowed"
RATIO: Final = "gateway:bad_requests:ratio_rate"
RATIOS: Final = f'{{__name__=~"{RATIO}.+"}}'
"""The query for the shares of bad requests, in all windows."""
_RANGE: Final = re.compile(r"\[\w+\]")
_PART: Final = re.compile(r"(\d+)(ms|[smhdw])")
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

Samples = Sequence[tuple[Mapping[str, str], float]]
"""The labels and the value of each series."""


class Budget(msgspec.Struct, frozen=True):
    """How many bad requests an objective allows, and what came of that."""

    objective: str
    allowed: float
    """Share of the requests that may be bad, 0 to 1."""
    period: str
    """For which the budget has to last, such as `30d`."""
    left: float | None
    """Of the budget: 1 is all, less than 0 more than all is spent; None without requests."""
    burns: dict[str, float]
    """How many times too fast it is spent, by the window that this was looked at in, shortest first."""


def budgets(
    allowed: Samples, ratios: Samples, recordings: Iterable[Rule], ask: Callable[[str], Samples]
) -> list[Budget]:
    """Return the budget of each objective.

    Args:
        allowed: the series `ALLOWED`.
        ratios: the series of `RATIOS`.
        recordings: by which those are recorded.
        ask: answers a query.

    Raises:
        GatewayProblem: `ask` does.
    """
    exprs = {rule.labels.get("objective"): rule.query for rule in recordings if rule.name.startswith(RATIO)}
    found = []
    for labels, share in allowed:
        objective, period = labels.get("objective", ""), labels.get("period", "")
        bad = _first(ask(over(exprs[objective], period))) if objective in exprs and share > 0 else None
        burns = {
            one["__name__"].removeprefix(RATIO): ratio / share
            for one, ratio in ratios
            if one.get("objective") == objective and share > 0
        }
        left = None if bad is None else 1 - bad / share
        found.append(Budget(objective, share, period, left, dict(sorted(burns.items(), key=_window))))
    return found


def over(expr: str, window: str) -> str:
    """Return an expression with all of its windows replaced."""
    return _RANGE.sub(f"[{window}]", expr)


def seconds(duration: str) -> float:
    """Return how long a duration is, as Prometheus writes it: `5m`, `1h30m`."""
    return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(duration))


def _window(burn: tuple[str, float]) -> float:
    return seconds(burn[0])


def _first(samples: Samples) -> float | None:
    return next((value for _, value in samples), None)
