"""What Prometheus answers, as arrays."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from monitoring.pictures.span import Span

_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Series(TypedDict):
    """One series of a range query (https://prometheus.io/docs/prometheus/latest/querying/api/#range-vectors)."""

    metric: Mapping[str, str]
    values: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Line:
    """A named line over the moments of a span; `values` is float64 `[T]`, NaN where there is no value."""

    name: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """A heat map: `counts` is float64 `[B, T]`; `bounds` are the upper bounds of its B buckets, the lowest first."""

    bounds: Sequence[float]
    counts: NDArray[np.float64]


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return the name of a line: `legend` with the values of labels in it."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend)


def lines(answer: Sequence[Series], legend: str, span: Span) -> list[Line]:
    """Return the lines of an answer, by their names."""
    found = [Line(named(legend, series["metric"]), _aligned(series["values"], span)) for series in answer]
    return sorted(found, key=lambda line: line.name)


def cells(answer: Sequence[Series], span: Span) -> Cells:
    """Return how many observations each bucket got, from cumulative buckets, without the empty ones at both ends.

    Raises:
        KeyError: a series has no label `le`.
    """
    ordered = sorted(answer, key=lambda series: float(series["metric"]["le"]))
    bounds = [float(series["metric"]["le"]) for series in ordered]
    if not bounds:
        return Cells([], np.zeros((0, len(span.times))))
    cumulative = np.nan_to_num(np.stack([_aligned(series["values"], span) for series in ordered]))
    counts = np.maximum(np.diff(cumulative, axis=0, prepend=0), 0)  # scrapes are not atomic: a bucket may run ahead
    filled = np.flatnonzero(counts.any(axis=1))
    kept = slice(filled[0], filled[-1] + 1) if len(filled) else slice(0, 0)
    return Cells(bounds[kept], counts[kept])


def last(answer: Sequence[tuple[Mapping[str, str], float]], legend: str) -> tuple[str, float]:
    """Return the names and the greatest value of an instant answer; NaN where there is none."""
    names = ", ".join(sorted(named(legend, labels) for labels, _ in answer))
    return names, max((value for _, value in answer if not math.isnan(value)), default=math.nan)


def _aligned(values: Sequence[tuple[float, str]], span: Span) -> NDArray[np.float64]:
    """Return the values at the moments of the span; Prometheus leaves out those at which there is none."""
    aligned = np.full(len(span.times), np.nan)
    for moment, value in values:
        aligned[round((moment - span.begin) / span.step_s)] = float(value)
    return aligned
