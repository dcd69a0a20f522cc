"""Numbers as pictures, the same on every page."""

import streamlit as st


def probabilities(by_label: dict[str, float]) -> None:
    """Draw one horizontal bar for each class."""
    st.bar_chart(
        {"Class": list(by_label), "Probability": list(by_label.values())},
        x="Class",
        y="Probability",
        horizontal=True,
        sort="-Probability",
        alt="Bar chart of the probability of each class",
    )
