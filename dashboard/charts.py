"""Numbers as pictures, the same on every page."""

from collections.abc import Sequence

import altair as alt
import streamlit as st

from dashboard.figures import Figures

_LABEL_PIXELS = 240
"""Room for the longest class name."""
_LINE_PIXELS = 220
_TIME = alt.X("Time:T", title="Time (UTC)", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%H:%M:%S", tickCount=4))


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


def traffic(course: Sequence[tuple[float, Figures]]) -> None:
    """Draw images per second and response times over time, one above the other on a phone.

    Args:
        course: Unix times, oldest first, each with the figures until then.
    """
    rates = [{"Time": at * 1000, "Images per second": one.images_per_s} for at, one in course]
    times = [
        {"Time": at * 1000, "Milliseconds": seconds * 1000, "Share": share}
        for at, one in course
        for share, seconds in (("half took less", one.p50_s), ("99 % took less", one.p99_s))
        if seconds is not None
    ]
    left, right = st.columns(2)
    highest = max([1.0, *(one.images_per_s for _, one in course)])
    rate = alt.Y("Images per second:Q", scale=alt.Scale(domain=[0, highest]), axis=alt.Axis(tickCount=4))
    line = alt.Chart(alt.InlineData(values=rates)).mark_line().encode(x=_TIME, y=rate)
    left.altair_chart(line.properties(height=_LINE_PIXELS), alt="Line chart of the images answered per second")
    if not times:
        right.caption("No single image was classified in this time.")
        return
    lines = (
        alt.Chart(alt.InlineData(values=times))
        .mark_line()
        .encode(
            x=_TIME,
            y=alt.Y("Milliseconds:Q", axis=alt.Axis(tickCount=4)),
            strokeDash=alt.StrokeDash("Share:N", title=None, legend=alt.Legend(orient="top")),
        )
    )
    right.altair_chart(lines.properties(height=_LINE_PIXELS), alt="Line chart of the time that single images took")
