"""Numbers as pictures, the same on every page."""

import math
from collections.abc import Sequence
from datetime import datetime

import altair as alt
import streamlit as st

from dashboard.client.messages import Prediction
from dashboard.figures import Figures
from dashboard.panels import Panel
from dashboard.readings import Curve

_LABEL_PIXELS = 240
"""Room for the longest class name."""
_LINE_PIXELS = 220
_HISTORY_PIXELS = 280
_LEGEND_ROW_PIXELS = 24
"""Of a legend, whose rows have two entries; it takes its place from the chart."""
_MINUTES, _DAY = 600, 86_400  # seconds
_FEW = 20
"""Moments that are so few that a line needs points to be seen."""
_LEGEND = alt.Legend(orient="top", columns=2, labelLimit=_LABEL_PIXELS)


def probabilities(by_label: dict[str, float]) -> None:
    """Draw one horizontal bar for each class, on a scale from 0 to 100 %, the most probable on top."""
    rows = [{"Class": label, "Probability": probability} for label, probability in by_label.items()]
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("Probability:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
            y=alt.Y("Class:N", sort="-x", title=None, axis=alt.Axis(labelLimit=_LABEL_PIXELS)),
        )
    )
    st.altair_chart(bars, alt="Bar chart of the probability of each class")


def rate_over_time(course: Sequence[tuple[float, Figures]]) -> None:
    """Draw images per second over time.

    Args:
        course: Unix times, oldest first, each with the figures until then.
    """
    rows = [{"Time": at * 1000, "Images per second": one.images_per_s} for at, one in course]
    highest = max([1.0, *(one.images_per_s for _, one in course)])
    rate = alt.Y("Images per second:Q", scale=alt.Scale(domain=[0, highest]), axis=alt.Axis(tickCount=4))
    line = alt.Chart(alt.InlineData(values=rows)).mark_line().encode(x=_time([at for at, _ in course]), y=rate)
    st.altair_chart(line.properties(height=_LINE_PIXELS), alt="Line chart of the images answered per second")


def latency_over_time(course: Sequence[tuple[float, Figures]]) -> None:
    """Draw how long single images took over time, half of them and nearly all of them; no line where there were none.

    Args:
        course: Unix times, oldest first, each with the figures until then.
    """
    rows = [
        {"Time": at * 1000, "Milliseconds": None if seconds is None else seconds * 1000, "Share": share}
        for at, one in course
        for share, seconds in (("half took less", one.p50_s), ("99 % took less", one.p99_s))
    ]
    if all(row["Milliseconds"] is None for row in rows):
        st.caption("No single image was classified in this time.")
        return
    lines = alt.Chart(alt.InlineData(values=rows)).mark_line(point=True)
    drawn = lines.encode(
        x=_time([at for at, _ in course]),
        y=alt.Y("Milliseconds:Q", axis=alt.Axis(tickCount=4)),
        strokeDash=alt.StrokeDash("Share:N", title=None, legend=alt.Legend(orient="top")),
    )
    st.altair_chart(drawn.properties(height=_LINE_PIXELS), alt="Line chart of the time that single images took")


def panel_over_time(panel: Panel, moments: Sequence[float], curves: Sequence[Curve]) -> None:
    """Draw a panel: lines, or areas on top of each other.

    Args:
        panel: what is drawn.
        moments: Unix times, oldest first.
        curves: each with a value for every moment.
    """
    rows = [
        {"Time": at * 1000, panel.unit: value, "Curve": curve.name}
        for curve in curves
        for at, value in zip(moments, curve.values, strict=True)
    ]
    if all(row[panel.unit] is None for row in rows):
        st.caption("There is nothing to draw of this time.")
        return
    order = [curve.name for curve in curves]
    legend = _LEGEND if len(order) > 1 else None
    height = _LINE_PIXELS + (math.ceil(len(order) / 2) * _LEGEND_ROW_PIXELS if legend else 0)
    chart = alt.Chart(alt.InlineData(values=rows)).encode(
        x=_time(moments),
        y=alt.Y(f"{panel.unit}:Q", axis=alt.Axis(tickCount=4), scale=alt.Scale(zero=True)),
        color=alt.Color("Curve:N", title=None, sort=order, legend=legend),
    )
    points = len(moments) < _FEW
    if panel.stacked:
        drawn = chart.mark_area(point=points)
    else:
        dashes = alt.StrokeDash("Curve:N", title=None, sort=order, legend=legend)
        drawn = chart.mark_line(point=points).encode(strokeDash=dashes)
    st.altair_chart(drawn.properties(height=height), alt=f"Chart over time: {panel.title}, {panel.unit.lower()}")


def classes_over_time(predictions: Sequence[Prediction]) -> None:
    """Draw how many of each class there were over time, as stacked bars, the classes told apart by colour and order."""
    rows = [{"Time": one.timestamp, "Class": one.prediction} for one in predictions]
    time = _time(_moments(predictions))
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=time.bin(maxbins=30),
            y=alt.Y("count():Q", title="Predictions"),
            color=alt.Color("Class:N", title=None, legend=_LEGEND),
        )
    )
    st.altair_chart(bars.properties(height=_HISTORY_PIXELS), alt="Bar chart of the predicted classes over time")


def confidence_over_time(predictions: Sequence[Prediction]) -> None:
    """Draw the confidence of each prediction over time, by class."""
    rows = [{"Time": one.timestamp, "Class": one.prediction, "Confidence": one.confidence} for one in predictions]
    time = _time(_moments(predictions))
    points = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point()
        .encode(
            x=time,
            y=alt.Y("Confidence:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%")),
            color=alt.Color("Class:N", title=None, legend=_LEGEND),
            shape=alt.Shape("Class:N", title=None, legend=_LEGEND),
        )
    )
    st.altair_chart(points.properties(height=_HISTORY_PIXELS), alt="Point chart of the confidence over time")


def _moments(predictions: Sequence[Prediction]) -> list[float]:
    return [datetime.fromisoformat(one.timestamp).timestamp() for one in predictions]


def _time(moments: Sequence[float]) -> alt.X:
    """Return the axis for moments, Unix times: as fine as their span asks for."""
    span = max(moments) - min(moments)
    pattern = "%H:%M:%S" if span < _MINUTES else "%H:%M" if span < _DAY else "%d %b"
    axis = alt.Axis(format=pattern, tickCount=4, labelOverlap=True)
    return alt.X("Time:T", title="Time (UTC)", scale=alt.Scale(type="utc"), axis=axis)
