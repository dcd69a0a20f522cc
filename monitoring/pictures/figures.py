"""A picture: its panels, asked for and drawn side by side."""

import io
import math
from datetime import UTC, datetime
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monitoring.dashboards.panel import Panel
from monitoring.pictures.drawing import draw_cells, draw_lines
from monitoring.pictures.key import Picture
from monitoring.pictures.prometheus import Prometheus
from monitoring.pictures.series import cells, last, lines
from monitoring.pictures.span import Span
from monitoring.pictures.tiles import INK, draw_tile

_DPI: Final = 110
_WIDTH: Final = 12.0  # inches
_HEIGHTS: Final = {"stat": 1.0}  # of a row, inches
_HEIGHT: Final = 3.3


def png_of(picture: Picture, prometheus: Prometheus) -> bytes:
    """Return a picture as a PNG.

    Raises:
        QueryError: Prometheus does not answer.
        ValueError: there is a panel of a kind that cannot be drawn.
    """
    panels = picture.panels()
    rows = math.ceil(len(panels) / picture.columns)
    height = rows * max(_HEIGHTS.get(panel.kind, _HEIGHT) for panel in panels) + 0.5
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white", layout="constrained")
    grid = figure.subplots(rows, picture.columns, squeeze=False).flat
    for axes, panel in zip(grid, panels, strict=False):
        _draw(axes, panel, prometheus)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    figure.suptitle(_heading(picture, prometheus.span), x=0.01, ha="left", fontsize=11, color=INK)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", pil_kwargs={"optimize": True})
    return drawn.getvalue()


def _draw(axes: Axes, panel: Panel, prometheus: Prometheus) -> None:
    span = prometheus.span
    if panel.kind == "stat":
        [query] = panel.queries
        draw_tile(axes, panel, *last(prometheus.instant(query.expr), query.legend))
    elif panel.kind == "heatmap":
        [query] = panel.queries
        draw_cells(axes, panel, cells(prometheus.range(query.expr), span), span)
    elif panel.kind == "timeseries":
        found = [line for query in panel.queries for line in lines(prometheus.range(query.expr), query.legend, span)]
        draw_lines(axes, panel, found, span)
    else:
        raise ValueError(f"{panel.title!r} is a {panel.kind}; only timeseries, heatmap and stat can be drawn")


def _heading(picture: Picture, span: Span) -> str:
    begin, end = (datetime.fromtimestamp(moment, UTC) for moment in (span.begin, span.end))
    return f"Pulmo {picture.dashboard}, {begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
