"""Numbers as pictures, the same on every page."""

import altair as alt
import streamlit as st

_LABEL_PIXELS = 240
"""Room for the longest class name."""


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
