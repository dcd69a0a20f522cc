"""Panels of a Grafana dashboard in its classic JSON (schema 39), as values.

Fields and options are those of Grafana 11 to 13:
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from monitoring.dashboards.promql import names_in

Json = dict[str, object]
Kind = Literal["timeseries", "stat", "heatmap", "bargauge", "state-timeline", "table"]
Colour = Literal["green", "orange", "red", "blue", "#6e6e6e"]
Steps = Sequence[tuple[float | None, Colour]]
"""From which value on which colour holds; the first one from the least value on."""

GREY: Final = "#6e6e6e"
DATASOURCE: Final[Mapping[str, str]] = {"type": "prometheus", "uid": "${datasource}"}
INSTANT: Final[frozenset[Kind]] = frozenset({"stat", "bargauge", "table"})
"""Kinds that show what is, and not what was."""


@dataclass(frozen=True)
class Query:
    """One PromQL expression and the name of its lines, in which Grafana puts labels for `{{label}}`."""

    expr: str
    legend: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel. Only one with `steps` or with colours in its `mappings` is judged, and so coloured."""

    title: str
    describe: str
    """What it shows; the metrics are named after it."""
    queries: tuple[Query, ...]
    unit: str
    """A unit of Grafana's, such as `s`, `reqps`, `percentunit`, or `suffix: images/s`."""
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    least: float | None = 0
    """Where its axis begins; None lets Grafana choose."""
    most: float | None = None
    steps: Steps = ()
    mappings: Mapping[str, tuple[str, Colour]] = field(default_factory=dict)
    """The text and the colour to show for a value."""
    absent: str = "no traffic"
    """What is said where there is no value."""
    hidden: tuple[str, ...] = ()
    """Of a table: the columns that are not shown."""

    @property
    def metrics(self) -> Sequence[str]:
        """The metrics that it asks for."""
        return sorted({name for query in self.queries for name in names_in(query.expr)})

    @property
    def judged(self) -> bool:
        """Whether its colours say what is good and what is bad."""
        return bool(self.steps or self.mappings)


@dataclass(frozen=True)
class Row:
    """Panels side by side under a heading, if it has a title; together they are as wide as the grid."""

    title: str
    panels: Sequence[Panel]


def above(warning: float, bad: float) -> Steps:
    """Return the colours of a value that is good while it is low."""
    return ((None, "green"), (warning, "orange"), (bad, "red"))


def below(warning: float, bad: float) -> Steps:
    """Return the colours of a value that is good while it is high."""
    return ((None, "red"), (bad, "orange"), (warning, "green"))


def none_of(colour: Colour = "red") -> Steps:
    """Return the colours of a count that is good while it is 0."""
    return ((None, "green"), (1, colour))
