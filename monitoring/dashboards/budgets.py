"""The error budgets of the service level objectives, from the same table as their alerts."""

from typing import Final

from monitoring.dashboards.panel import Panel, Query, below
from monitoring.objectives import BURNS, HOUR, MINUTE, OBJECTIVES, PERIOD, Objective, recorded
from monitoring.rules import Windows

_WINDOWS: Final = Windows()
_FULL: Final = 1.0


def left(objective: Objective, width: int, height: int) -> Panel:
    """Return a tile with what is left of the budget; less than nothing where more than all of it is spent."""
    period = _WINDOWS(PERIOD)
    bad, everything = (expr.replace("{window}", period) for expr in (objective.bad, objective.all))
    return Panel(
        title=f"{objective.name.capitalize()} budget left",
        describe=f"What is left of the {1 - objective.target:.3g} of the requests that may be bad in {period}: "
        f"bad is where {objective.meaning}.",
        queries=(Query(f"1 - ({bad}) / (({everything}) > 0) / {1 - objective.target:.6g}", "left"),),
        unit="percentunit",
        kind="stat",
        width=width,
        height=height,
        least=None,
        most=_FULL,
        steps=below(0.25, 0),
    )


def burns(width: int) -> Panel:
    """Return a panel with how many times too fast the budgets are spent; at 1 they last for the period."""
    factors = ", ".join(f"{burn.factor:g} in {_WINDOWS(burn.long_s)}" for burn in BURNS)
    return Panel(
        title="Burn rate",
        describe=f"How many times too fast each budget is spent. Alerts begin at {factors}.",
        queries=tuple(
            Query(_burn(objective, span), f"{objective.name}, {_WINDOWS(span)}")
            for objective in OBJECTIVES
            for span in (5 * MINUTE, HOUR)
        ),
        unit="suffix: times",
        width=width,
        height=6,
    )


def burn(objective: Objective, width: int, height: int) -> Panel:
    """Return a tile with how fast a budget was spent in the last hour."""
    warning, bad = min(each.factor for each in BURNS), max(each.factor for each in BURNS)
    return Panel(
        title=f"{objective.name.capitalize()} burn, 1 h",
        describe=f"How many times too fast the budget was spent in the last hour; from {bad:g} on somebody is woken.",
        queries=(Query(_burn(objective, HOUR), "burn"),),
        unit="suffix: times",
        kind="stat",
        width=width,
        height=height,
        steps=((None, "green"), (warning, "orange"), (bad, "red")),
    )


def _burn(objective: Objective, seconds: int) -> str:
    return f"{recorded(objective, seconds, _WINDOWS)} / {1 - objective.target:.6g}"
