"""Panels drawn with matplotlib, on a light background."""

import math
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.ticker import MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from monitoring.dashboards.panel import Panel
from monitoring.pictures.series import Cells, Line
from monitoring.pictures.span import Span
from monitoring.pictures.tiles import FILLS, INK
from monitoring.pictures.units import written

FAINT: Final = "#6e7781"
GRID: Final = "#e4e7eb"
PALETTE: Final = (
    *("#3274d9", "#e8820c", "#2e9e5b", "#c4314b", "#8250df"),
    *("#0f8a95", "#b58900", "#d15ba5", "#6e7781", "#7a5230"),
)
_MINUTES: Final = 600  # a shorter span is labelled with seconds


def draw_lines(axes: Axes, panel: Panel, lines: Sequence[Line], span: Span) -> None:
    """Draw lines, or areas on top of each other where the panel is stacked; say so where there are none."""
    _dress(axes, panel)
    shown = [line for line in lines if np.isfinite(line.values).any()]
    if not shown:
        _say(axes, panel.absent)
        return
    moments = _moments(span.times)
    colours = [PALETTE[place % len(PALETTE)] for place in range(len(shown))]
    if panel.stacked:
        areas = [np.nan_to_num(line.values) for line in shown]
        axes.stackplot(moments, areas, labels=[line.name for line in shown], colors=colours, alpha=0.75, linewidth=0)
    else:
        for place, (line, colour) in enumerate(zip(shown, colours, strict=True)):
            width = 1.2 + 1.2 * (1 - (place + 1) / len(shown))  # the first are wider, so that equal ones are all seen
            axes.plot(moments, line.values, label=line.name, color=colour, linewidth=width)
    _bound(axes, panel)
    _mark_steps(axes, panel)
    _label_time(axes, span)
    axes.legend(**_legend(len(shown)))


def draw_cells(axes: Axes, panel: Panel, cells: Cells, span: Span) -> None:
    """Draw a heat map, a row for each bucket, named by its upper bound."""
    _dress(axes, panel)
    if not len(cells.bounds):
        _say(axes, panel.absent)
        return
    edges = _moments(np.append(span.times, span.begin + span.step_s * len(span.times)))
    counts = np.ma.masked_equal(cells.counts, 0)
    mesh = axes.pcolormesh(edges, np.arange(len(cells.bounds) + 1), counts, cmap="Blues", norm=PowerNorm(0.5, vmin=0))
    names = ["more" if math.isinf(bound) else f"≤ {written(bound, panel.unit)}" for bound in cells.bounds]
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.grid(visible=False)
    _label_time(axes, span)
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.015, fraction=0.04)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, colors=FAINT, length=0)


def _say(axes: Axes, text: str) -> None:
    """Write a sentence where there is nothing to draw."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, text, ha="center", va="center", color=FAINT, transform=axes.transAxes)


def _dress(axes: Axes, panel: Panel) -> None:
    """Give a panel its title and its quiet looks."""
    axes.set_title(panel.title, loc="left", fontsize=10, color=INK, fontweight="bold")
    axes.tick_params(labelsize=8, colors=FAINT, length=0)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _bound(axes: Axes, panel: Panel) -> None:
    axes.set_ylim(bottom=panel.least, top=panel.most)
    axes.yaxis.set_major_locator(_powers_of_two(axes) if panel.unit == "bytes" else MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: written(value, panel.unit))


def _powers_of_two(axes: Axes) -> MultipleLocator:
    """Return places for about four round numbers of bytes."""
    _, top = axes.get_ylim()
    return MultipleLocator(2.0 ** math.ceil(math.log2(top / 4)))


def _mark_steps(axes: Axes, panel: Panel) -> None:
    """Draw the values from which on a judgement holds."""
    for least, colour in panel.steps:
        if least is not None:
            axes.axhline(least, color=FILLS[colour], linewidth=1, linestyle="--")


def _label_time(axes: Axes, span: Span) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call] # has no types
    axes.xaxis.set_major_locator(locator)
    short = span.end - span.begin < _MINUTES
    form = DateFormatter("%H:%M:%S" if short else "%H:%M", tz=UTC)  # type: ignore[no-untyped-call] # has no types
    axes.xaxis.set_major_formatter(form)
    axes.set_xlim(*_moments(np.asarray([span.begin, span.end])))


def _legend(count: int) -> dict[str, Any]:
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.1), "ncols": min(count, 5)}
    return {**place, "fontsize": 7.5, "frameon": False, "labelcolor": INK, "handlelength": 1.2}


def _moments(times: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Return seconds since 1970 as moments, float64 `[T]` as datetime64 `[T]`."""
    return (1000 * times).astype("datetime64[ms]")
