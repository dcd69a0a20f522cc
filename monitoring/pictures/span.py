"""From when to when, and in which steps."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

POINTS: Final = 240
"""In a line at most: about one for every two pixels of a panel."""
_SCRAPES: Final = 4


@dataclass(frozen=True)
class Span:
    """A range of moments, as Grafana asks for one: `begin` to `end`, seconds since 1970."""

    begin: float
    end: float
    scrape_s: float
    """The scrape interval of Prometheus."""

    @property
    def step_s(self) -> float:
        """The time between two moments: a whole number of scrapes."""
        return self.scrape_s * max(1, math.ceil((self.end - self.begin) / self.scrape_s / POINTS))

    @property
    def window(self) -> str:
        """What Grafana takes for `$__rate_interval`: a step and a scrape, four scrapes at least.

        https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
        """
        return f"{round(1000 * max(self.step_s + self.scrape_s, _SCRAPES * self.scrape_s))}ms"

    @property
    def times(self) -> NDArray[np.float64]:
        """The moments: float64 `[T]`, seconds since 1970."""
        steps = 1 + math.floor((self.end - self.begin) / self.step_s)
        return self.begin + self.step_s * np.arange(steps, dtype=np.float64)
