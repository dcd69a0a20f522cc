"""PromQL (https://prometheus.io/docs/prometheus/latest/querying/basics/) that recurs in panels."""

import re
from typing import Final

WINDOW: Final = "$__rate_interval"
"""The window of every rate: Grafana takes four scrape intervals, so that one missed scrape leaves no gap."""
INSTANCE: Final = 'instance=~"$instance"'
"""The gateways that were chosen on the dashboard; all of them at first."""

_KEYWORDS: Final = {"and", "bool", "by", "offset", "on", "or", "unless"}
_AGGREGATIONS: Final = {"count", "max", "min", "sum"}
_NO_METRIC: Final = re.compile(r'\{[^}]*\}|\[[^]]*\]|\b(?:by|on) \([^)]*\)|\boffset \w+|"[^"]*"')
_NAME: Final = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*\b(?!\s*\()")


def gateways(metric: str, labels: str = "") -> str:
    """Return the series of a gateway's metric that have `labels`, of the gateways that were chosen."""
    return f"{metric}{{{', '.join(filter(None, (INSTANCE, labels)))}}}"


def growth(series: str, by: str = "", window: str = WINDOW) -> str:
    """Return how fast counters grow per second, for each value of the labels `by`."""
    return f"{_sum(by)} (rate({series}[{window}]))"


def gained(series: str, window: str, by: str = "") -> str:
    """Return by how much counters grew in a window."""
    return f"{_sum(by)} (increase({series}[{window}]))"


def times(series: str, window: str) -> str:
    """Return how often it happened in a window, a whole number: what `increase` extrapolates is rounded."""
    return f"round({gained(series, window)})"


def share(part: str, whole: str, window: str = WINDOW) -> str:
    """Return which part of the growth of `whole` was that of `part`: 0 if none, nothing without traffic."""
    return f"({growth(part, window=window)} or vector(0)) / ({growth(whole, window=window)} > 0)"


def mean(histogram: str, by: str = "") -> str:
    """Return the mean of what a gateway's histogram observed; without traffic there is none."""
    total, count = gateways(f"{histogram}_sum"), gateways(f"{histogram}_count")
    return f"{growth(total, by)} / ({growth(count, by)} > 0)"


def quantile(part: float, buckets: str, by: str = "", window: str = WINDOW) -> str:
    """Return a quantile of histograms, over all processes; without traffic it is NaN, which is drawn as a gap."""
    return f"histogram_quantile({part:g}, {growth(buckets, ', '.join(filter(None, ('le', by))), window)})"


def names_in(expr: str) -> set[str]:
    """Return the metrics that an expression asks for: its names that are no function, no operator and no label."""
    return set(_NAME.findall(_NO_METRIC.sub(" ", expr))) - _KEYWORDS - _AGGREGATIONS


def substituted(expr: str, window: str) -> str:
    """Return an expression as Grafana asks it where nothing was chosen: all gateways, all versions, this window."""
    return expr.replace(WINDOW, window).replace("$instance", ".*").replace("$version", ".*")


def _sum(by: str) -> str:
    return f"sum by ({by})" if by else "sum"
