"""Values as people read them, in Grafana's units."""

import math
from collections.abc import Callable, Mapping
from typing import Final

_SUFFIX: Final = "suffix:"
_NO_UNIT: Final = ("none", "short")


def written(value: float, unit: str) -> str:
    """Return a value in one of Grafana's units, with three digits.

    Raises:
        LookupError: the unit is not known here.
    """
    if math.isnan(value):
        return ""
    if unit.startswith(_SUFFIX):
        return f"{number(value)} {unit.removeprefix(_SUFFIX).strip()}"
    if unit in _NO_UNIT:
        return number(value)
    if unit not in _UNITS:
        raise LookupError(f"no picture can be drawn in the unit {unit!r}; those known are {sorted(_UNITS)}")
    return _UNITS[unit](value)


def number(value: float) -> str:
    """Return a number with three digits, thousands as `k` and `M`."""
    size = abs(value)
    for least, letter in ((1e6, "M"), (1e3, "k")):
        if size >= least:
            return f"{value / least:.3g}{letter}"
    return f"{value:.3g}"


def _seconds(value: float) -> str:
    for least, size, name in ((60, 60, "min"), (1, 1, "s"), (1e-3, 1e-3, "ms")):
        if abs(value) >= least:
            return f"{value / size:.3g} {name}"
    return f"{value / 1e-6:.3g} µs" if value else "0 s"


def _bytes(value: float) -> str:
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(value) >= 1024**power:
            return f"{value / 1024**power:.3g} {name}"
    return f"{value:.3g} B"


_UNITS: Final[Mapping[str, Callable[[float], str]]] = {
    "s": _seconds,
    "µs": lambda value: _seconds(value / 1e6),
    "bytes": _bytes,
    "percent": lambda value: f"{value:.3g} %",
    "percentunit": lambda value: f"{100 * value:.3g} %",
    "reqps": lambda value: f"{number(value)} req/s",
}
