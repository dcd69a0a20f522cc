"""Panels that recur."""

from collections.abc import Sequence

from monitoring.dashboards.panel import Panel, Query, Steps
from monitoring.dashboards.promql import WINDOW, gained, gateways, growth, quantile


def legend(by: str) -> str:
    """Return what a line is called for each value of the labels `by`; a number of a version is said to be one."""
    named = (f"version {{{{{name}}}}}" if name == "version" else f"{{{{{name}}}}}" for name in by.split(", "))
    return ", ".join(named)


def rates(
    series: str,
    by: str,
    *,
    title: str,
    describe: str,
    unit: str,
    width: int = 8,
    stacked: bool = False,
) -> Panel:
    """Return a panel with the growth of counters per second, one line for each value of the labels `by`."""
    return Panel(
        title=title,
        describe=f"{describe} Per second.",
        queries=(Query(growth(series, by), legend(by)),),
        unit=unit,
        width=width,
        stacked=stacked,
    )


def quantiles(
    buckets: str,
    shares: Sequence[float],
    *,
    title: str,
    describe: str,
    unit: str,
    width: int = 8,
    steps: Steps = (),
) -> Panel:
    """Return a panel with quantiles of a histogram, whose `buckets` are given."""
    return Panel(
        title=title,
        describe=f"{describe} p50 is the median: half have less.",
        queries=tuple(Query(quantile(part, buckets), f"p{part * 100:g}") for part in shares),
        unit=unit,
        width=width,
        steps=steps,
    )


def heat(buckets: str, *, title: str, describe: str, unit: str, width: int = 8) -> Panel:
    """Return a heat map of a histogram: what was observed, in each bucket and interval."""
    return Panel(
        title=title,
        describe=describe,
        queries=(Query(gained(buckets, WINDOW, "le"), "{{le}}"),),
        unit=unit,
        kind="heatmap",
        width=width,
        least=None,
    )


def level(metric: str, name: str, *, title: str, describe: str, unit: str = "short", width: int = 8) -> Panel:
    """Return a panel with the sum of a gauge over the gateways."""
    return Panel(
        title=title,
        describe=describe,
        queries=(Query(f"sum ({gateways(metric)})", name),),
        unit=unit,
        width=width,
    )
