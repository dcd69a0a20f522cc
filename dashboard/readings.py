"""What the panels show: read from Prometheus, or worked out of what was seen of a gateway."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from dashboard.figures import Counts
from dashboard.panels import PANELS, Panel, Query, Values

_GRAIN_S: Final = 5
"""Curves do not move more often than there are new samples."""
_LEAST_WINDOW_S: Final = 60
"""Some scrapes of a Prometheus that is configured as ours."""

Lines = Sequence[tuple[str, list[float | None]]]
"""The answer to a query: the value of the one label of each series, or "", and its values."""


class Span(msgspec.Struct, frozen=True):
    """How far a page looks back."""

    name: str
    seconds: int
    step: int
    """Seconds between two moments."""

    @property
    def window(self) -> str:
        """What a rate is taken over, as Prometheus writes it."""
        return f"{max(self.step, _LEAST_WINDOW_S)}s"

    def moments(self, now: float) -> list[int]:
        """Return the moments until `now`, Unix times."""
        last = int(now) // _GRAIN_S * _GRAIN_S
        return list(range(last - self.seconds + self.step, last + 1, self.step))


SPANS: Final = (
    Span("15 minutes", 900, 15),
    Span("1 hour", 3600, 60),
    Span("6 hours", 21_600, 300),
    Span("24 hours", 86_400, 1200),
    Span("7 days", 604_800, 7200),
)


class Curve(msgspec.Struct, frozen=True):
    """One curve of a panel: a value for each moment of the readings, None where there is none."""

    name: str
    values: list[float | None]


class Readings(msgspec.Struct, frozen=True):
    """What all panels show."""

    moments: Sequence[float]
    """Unix times, oldest first."""
    curves: Mapping[str, list[Curve]]
    """By the title of the panel."""


def recorded_readings(ask: Callable[[str, Sequence[int]], Lines], span: Span, now: float) -> Readings:
    """Return what Prometheus has.

    Args:
        ask: answers a query for moments.
        span: what to look back at.
        now: Unix time.

    Raises:
        GatewayProblem: `ask` does.
    """
    moments = span.moments(now)

    def curves(query: Query) -> list[Curve]:
        known = list(query.words)
        found = ask(query.expr.replace("{window}", span.window), moments)
        lines = sorted(found, key=lambda line: (known.index(line[0]) if line[0] in known else len(known), line[0]))
        return [Curve(query.curve.format(query.words.get(label, label)), values) for label, values in lines]

    def drawn(panel: Panel) -> list[Curve]:
        return [curve for query in panel.queries for curve in curves(query)]

    return Readings(moments, {panel.title: drawn(panel) for panel in PANELS})


def own_readings(looks: Sequence[Counts]) -> Readings:
    """Return what a gateway's own metrics say, between each look and the next one.

    Args:
        looks: oldest first, by Unix time.
    """
    pairs = list(itertools.pairwise(looks))
    curves = {panel.title: _joined([panel.own(*pair) for pair in pairs]) for panel in PANELS}
    return Readings([later.at for _, later in pairs], curves)


def _joined(rows: Sequence[Values]) -> list[Curve]:
    names = dict.fromkeys(name for row in rows for name in row)
    return [Curve(name, [row.get(name) for row in rows]) for name in names]
