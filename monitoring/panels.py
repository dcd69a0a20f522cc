"""Panels of a Grafana dashboard in its classic JSON (schema 39), as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Json = dict[str, object]

GRID_WIDTH: Final = 24
DATASOURCE: Final[Mapping[str, str]] = {"type": "prometheus", "uid": "${datasource}"}
WINDOW: Final = "$__rate_interval"
"""The window of every rate: Grafana takes four scrape intervals, so that one missed scrape leaves no gap."""


@dataclass(frozen=True)
class Query:
    """One PromQL expression and the name of its lines."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel; `describe` says what it shows, and the metrics are named after it."""

    title: str
    describe: str
    metrics: tuple[str, ...]
    queries: tuple[Query, ...]
    unit: str
    """A unit of Grafana's, such as `s`, `reqps`, `percentunit`, or `suffix: images/s`."""
    kind: Literal["timeseries", "stat", "heatmap"] = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    mappings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """For a stat: the text and the colour to show for a value."""

    def to_json(self, identity: int, x: int, y: int) -> Json:
        """Return the panel at its place in the grid."""
        return {
            "id": identity,
            "type": self.kind,
            "title": self.title,
            "description": f"{self.describe}\n\nMetrics: {', '.join(f'`{name}`' for name in self.metrics)}",
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {"defaults": self._field_defaults(), "overrides": []},
            "options": self._options(),
            "targets": [self._target(query, chr(ord("A") + place)) for place, query in enumerate(self.queries)],
        }

    def _target(self, query: Query, identity: str) -> Json:
        return {
            "refId": identity,
            "datasource": DATASOURCE,
            "expr": query.expr,
            "legendFormat": query.legend,
            "format": "heatmap" if self.kind == "heatmap" else "time_series",
            "range": self.kind != "stat",
            "instant": self.kind == "stat",
        }

    def _field_defaults(self) -> Json:
        defaults: Json = {"unit": self.unit, "min": 0, "noValue": "no data" if self.kind == "stat" else "no traffic"}
        if self.kind == "timeseries":
            defaults["custom"] = {
                "fillOpacity": 30 if self.stacked else 5,
                "showPoints": "never",
                "spanNulls": False,
                "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
            }
        if self.mappings:
            defaults["mappings"] = [{"type": "value", "options": self._value_mappings()}]
        return defaults

    def _value_mappings(self) -> Json:
        return {
            value: {"index": place, "text": text, "color": colour}
            for place, (value, (text, colour)) in enumerate(self.mappings.items())
        }

    def _options(self) -> Json:
        if self.kind == "stat":
            return {
                "colorMode": "background",
                "graphMode": "none",
                "reduceOptions": {"calcs": ["lastNotNull"]},
                "textMode": "auto" if self.mappings else "name",
            }
        if self.kind == "heatmap":
            return {"calculate": False, "yAxis": {"unit": self.unit}, "color": {"mode": "scheme", "scheme": "Blues"}}
        return {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }


@dataclass(frozen=True)
class Row:
    """Panels side by side under one heading; together they are as wide as the grid."""

    title: str
    panels: Sequence[Panel]


def rates(metric: str, by: str, *, title: str, describe: str, unit: str, legend: str = "", width: int = 8) -> Panel:
    """Return a panel with the growth of a counter per second, one line for each value of the labels `by`."""
    return Panel(
        title=title,
        describe=f"{describe} Per second.",
        metrics=(metric,),
        queries=(Query(_rate(metric, by), legend or f"{{{{{by}}}}}"),),
        unit=unit,
        width=width,
    )


def quantiles(
    histogram: str,
    shares: Sequence[float],
    *,
    title: str,
    describe: str,
    unit: str,
    labels: str = "",
    width: int = 8,
) -> Panel:
    """Return a panel with quantiles of a histogram over all processes. Without traffic they are NaN, drawn as a gap."""
    buckets = _rate(f"{histogram}_bucket", "le", labels)
    return Panel(
        title=title,
        describe=f"{describe} p50 is the median: half have less.",
        metrics=(f"{histogram}_bucket",),
        queries=tuple(Query(f"histogram_quantile({part:g}, {buckets})", f"p{part * 100:g}") for part in shares),
        unit=unit,
        width=width,
    )


def mean(histogram: str, by: str) -> str:
    """Return the mean of what a histogram observed; without traffic there is none."""
    return f"{_rate(f'{histogram}_sum', by)} / ({_rate(f'{histogram}_count', by)} > 0)"


def share(metric: str, labels: str) -> str:
    """Return which part of a counter's growth had `labels`; 0 where there was none of it, or no traffic."""
    return f"{_rate(metric, labels=labels)} / ({_rate(metric)} > 0) or vector(0)"


def _rate(metric: str, by: str = "", labels: str = "") -> str:
    total = f"sum by ({by})" if by else "sum"
    selector = f"{metric}{{{labels}}}" if labels else metric
    return f"{total} (rate({selector}[{WINDOW}]))"
