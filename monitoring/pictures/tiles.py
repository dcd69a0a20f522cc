"""Tiles: one value each, in the colour of its judgement."""

import math
from typing import Any, Final

from matplotlib.axes import Axes

from monitoring.dashboards.panel import GREY, Panel
from monitoring.pictures.units import written

INK: Final = "#24292f"
FILLS: Final = {"green": "#2e8b57", "orange": "#d9730d", "red": "#c4314b", "blue": "#3274d9", GREY: "#8c959f"}


def judged(panel: Panel, names: str, value: float) -> tuple[str, str]:
    """Return the text and the colour of a tile; `names` are those of its series, NaN is no value."""
    if math.isnan(value):
        return panel.absent, FILLS[GREY]
    if (told := panel.mappings.get(f"{value:g}")) is not None:
        return told[0], FILLS[told[1]]
    reached = [colour for least, colour in panel.steps if least is None or value >= least]
    text = names if any("{{" in query.legend for query in panel.queries) else written(value, panel.unit)
    return text, FILLS[reached[-1]] if reached else INK


def draw_tile(axes: Axes, panel: Panel, names: str, value: float) -> None:
    """Draw a tile over all of `axes`."""
    text, colour = judged(panel, names, value)
    axes.set_facecolor(colour)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    white: dict[str, Any] = {"ha": "center", "va": "center", "color": "white", "transform": axes.transAxes}
    axes.text(0.5, 0.4, text, fontsize=17 if len(text) < 14 else 13, fontweight="bold", **white)
    axes.text(0.5, 0.82, panel.title, fontsize=9, **white)
