"""What goes on, as lines: the epochs of a training, the seconds of a load."""

from collections.abc import Mapping, Sequence

import altair as alt
import streamlit as st

_PIXELS = 220


def lines(x: str, y: str, series: Mapping[str, Sequence[tuple[float, float]]], meaning: str) -> None:
    """Draw one line for each series, told apart by their dashes.

    Args:
        x: what is counted from left to right, with its unit.
        y: what is drawn, with its unit.
        series: by name, places on both axes.
        meaning: what the chart is to those who do not see it.
    """
    rows = [{x: at, y: value, "Line": name} for name, points in series.items() for at, value in points]
    if not rows:
        st.caption(f"{y}: nothing yet.")
        return
    legend = alt.Legend(orient="top") if len(series) > 1 else None
    line = alt.Chart(alt.InlineData(values=rows)).mark_line(point=len(rows) <= len(series))
    drawn = line.encode(
        x=alt.X(f"{x}:Q", axis=alt.Axis(tickCount=6, tickMinStep=1)),
        y=alt.Y(f"{y}:Q", axis=alt.Axis(tickCount=4)),
        strokeDash=alt.StrokeDash("Line:N", title=None, legend=legend),
    )
    st.altair_chart(drawn.properties(height=_PIXELS), alt=meaning)
