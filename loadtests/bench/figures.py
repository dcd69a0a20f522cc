"""Medians over rounds, and ratios taken round by round; pure functions."""

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """What one thing did in one round."""

    name: str
    connections: int
    """0 for the limit, which has none."""
    round: int
    values: dict[str, float]


class Line(NamedTuple):
    """What one thing did in all rounds."""

    name: str
    connections: int
    rounds: int
    median: dict[str, float]
    spread: tuple[float, float]
    """The lowest and the highest rate."""


def summarise(rows: Sequence[Row]) -> list[Line]:
    """Return a line for each name and number of connections, in the order in which they first came."""
    cells: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        cells.setdefault((row.name, row.connections), []).append(row)
    return [
        Line(name, connections, len(cell), _medians(cell), _spread(row.values["rate"] for row in cell))
        for (name, connections), cell in cells.items()
    ]


def ratio(rows: Sequence[Row], of: tuple[str, int], to: tuple[str, int], value: str = "rate") -> float | None:
    """Return the median of the ratios of two things, each taken within one round; None where they never met.

    The machine changes from round to round, and what it gives to one it gives to the other in the same round; where a
    round has several of a kind, their mean counts.
    """
    above, below = _by_round(rows, of, value), _by_round(rows, to, value)
    pairs = [above[number] / below[number] for number in above if below.get(number)]
    return statistics.median(pairs) if pairs else None


def _by_round(rows: Sequence[Row], key: tuple[str, int], value: str) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for row in rows:
        if (row.name, row.connections) == key and value in row.values:
            found.setdefault(row.round, []).append(row.values[value])
    return {number: statistics.mean(values) for number, values in found.items()}


def _medians(cell: Sequence[Row]) -> dict[str, float]:
    names = dict.fromkeys(name for row in cell for name in row.values)
    return {name: statistics.median(row.values[name] for row in cell if name in row.values) for name in names}


def _spread(values: Iterable[float]) -> tuple[float, float]:
    known = list(values)
    return min(known), max(known)
