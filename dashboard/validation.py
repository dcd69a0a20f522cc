"""What a version says of its validation, as pictures; each has its numbers in words for those who do not see it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import altair as alt
import streamlit as st

from dashboard import phrases
from dashboard.client.messages import Bin, Curves, ModelEntry

_PIXELS: Final = 300
_ROC_PIXELS: Final = 420
"""With room for a legend of several classes."""
_LABEL_PIXELS: Final = 160
_DARK: Final = 0.55  # share from which on a cell is too dark for black letters
_PERCENT: Final = alt.Axis(format=".0%", tickCount=5)
_WHOLE: Final = alt.Scale(domain=[0, 1])
_LEGEND: Final = alt.Legend(orient="bottom", columns=1, labelLimit=300)


def confusion(entry: ModelEntry, curves: Curves) -> None:
    """Draw how the images of each class were answered: counts, and shares of the true class as shades."""
    rows = [
        {"True class": true, "Answer": answer, "Images": count, "Share": count / max(1, sum(counts))}
        for true, counts in zip(entry.labels, curves.confusion, strict=False)
        for answer, count in zip(entry.labels, counts, strict=False)
    ]
    axis = alt.Axis(labelLimit=_LABEL_PIXELS, labelAngle=-30, labelOverlap=False)
    cells = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("Answer:N", sort=entry.labels, axis=axis),
        y=alt.Y("True class:N", sort=entry.labels, axis=alt.Axis(labelLimit=_LABEL_PIXELS)),
    )
    shades = cells.mark_rect().encode(
        color=alt.Color("Share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None)
    )
    letters = alt.condition(f"datum.Share > {_DARK}", alt.value("white"), alt.value("black"))
    counts = cells.mark_text().encode(text="Images:Q", color=letters)
    st.altair_chart((shades + counts).properties(height=_PIXELS), alt=confused(entry, curves))


def confused(entry: ModelEntry, curves: Curves) -> str:
    """Return a confusion matrix in words."""
    rows = zip(entry.labels, curves.confusion, strict=False)
    right = [f"{row[place]} of {sum(row)} {label}" for place, (label, row) in enumerate(rows) if place < len(row)]
    return f"Confusion matrix of version {entry.version}. Right: {', '.join(right)}"


def roc(entry: ModelEntry, curves: Curves) -> None:
    """Draw the ROC curve of each class against the rest, and the line of chance."""
    rows = [
        {"Class": label, "Taken for it": taken, "Found": found, "Order": order}
        for label, points in zip(entry.labels, curves.roc, strict=False)
        for order, (taken, found) in enumerate(points)
    ]
    if not rows:
        st.caption("The validation images of this version tell of no ROC curve.")
        return
    x, y = "Other images taken for the class", "Images of the class found"
    classes = alt.Scale(domain=entry.labels)  # so that a class looks the same in the charts of two versions
    line = alt.Chart(alt.InlineData(values=rows)).mark_line()
    drawn = line.encode(
        x=alt.X("Taken for it:Q", title=x, scale=_WHOLE, axis=_PERCENT),
        y=alt.Y("Found:Q", title=y, scale=_WHOLE, axis=_PERCENT),
        order="Order:Q",
        color=alt.Color("Class:N", title=None, scale=classes, legend=_LEGEND),
        strokeDash=alt.StrokeDash("Class:N", title=None, scale=classes, legend=_LEGEND),
    )
    st.altair_chart((_diagonal(x, y) + drawn).properties(height=_ROC_PIXELS), alt=ranked(entry, curves))


def ranked(entry: ModelEntry, curves: Curves) -> str:
    """Return ROC curves in words: the area under each."""
    curved = zip(entry.labels, curves.roc, strict=False)
    areas = [f"{area(points):.3f} for {label}" for label, points in curved if points]
    return f"ROC curves of version {entry.version}, each class against the rest. Area: {', '.join(areas)}"


def area(points: Sequence[tuple[float, float]]) -> float:
    """Return the area under a curve of points `(x, y)`, x ascending, by the trapezoidal rule."""
    return sum((right - left) * (low + high) / 2 for (left, low), (right, high) in pairwise(points))


def reliability(entries: Sequence[ModelEntry]) -> None:
    """Draw how often answers were right against how sure they were, for each version, and the line of perfection."""
    rows = [
        {"Version": f"Version {entry.version}", "Sure": one.confidence, "Right": one.accuracy, "Images": one.images}
        for entry in entries
        if entry.curves is not None
        for one in entry.curves.reliability
    ]
    x, y = "Confidence", "Share of right answers"
    line = alt.Chart(alt.InlineData(values=rows)).mark_line(point=True)
    drawn = line.encode(
        x=alt.X("Sure:Q", title=x, scale=_WHOLE, axis=_PERCENT),
        y=alt.Y("Right:Q", title=y, scale=_WHOLE, axis=_PERCENT),
        color=alt.Color("Version:N", title=None, legend=_LEGEND),
        strokeDash=alt.StrokeDash("Version:N", title=None, legend=_LEGEND),
        tooltip=["Version:N", "Images:Q"],
    )
    text = "; ".join(relied(entry.version, entry.curves.reliability) for entry in entries if entry.curves is not None)
    st.altair_chart((_diagonal(x, y) + drawn).properties(height=_PIXELS), alt=f"Reliability. {text}")


def relied(version: int, bins: Sequence[Bin]) -> str:
    """Return the reliability of a version in words."""
    told = [
        f"{phrases.percent(one.accuracy, 0)} right where it was {phrases.percent(one.confidence, 0)} sure"
        for one in bins
    ]
    return f"Version {version}: {', '.join(told)}"


def _diagonal(x: str, y: str) -> alt.Chart:
    """Return the line from corner to corner; axes that it shares have one title if both call them so."""
    ends = alt.Chart(alt.InlineData(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    line = ends.mark_line(color="gray", strokeDash=[2, 4], strokeWidth=1)
    drawn: alt.Chart = line.encode(x=alt.X("x:Q", title=x), y=alt.Y("y:Q", title=y))
    return drawn
