"""What Prometheus has recorded and judged, shared by all who look."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from dashboard import phrases
from dashboard.budgets import ALLOWED, RATIOS, Budget, budgets
from dashboard.client.alerting import Alert
from dashboard.client.prometheus import PrometheusClient
from dashboard.kept import Kept
from dashboard.readings import SPANS, Readings, Span, recorded_readings

_ALERTS_S: Final = 4.0
_READINGS_S: Final = 8.0
_BUDGETS_S: Final = 60.0
"""They look at a month."""


class Recorded:
    """Asks one Prometheus, for each thing once in some seconds at most. Every failure is a `GatewayProblem`.

    Args:
        prometheus: which is asked.
        clock: seconds; how long answers last is taken by it.
        wall: Unix time.
    """

    def __init__(
        self,
        prometheus: PrometheusClient,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.source = f"Prometheus at {phrases.host(prometheus.url)}"
        """Where it is from, in words."""
        self._prometheus = prometheus
        self._wall = wall
        self._alerts = Kept(prometheus.alerts, _ALERTS_S, clock)
        self._budgets = Kept(self._read_budgets, _BUDGETS_S, clock)
        self._readings = {span: Kept(partial(self._read, span), _READINGS_S, clock) for span in SPANS}

    def alerts(self) -> list[Alert]:
        """Return the alerts that fire, or are about to."""
        return self._alerts.get()

    def budgets(self) -> list[Budget]:
        """Return the error budgets; none where Prometheus has other rules than ours."""
        return self._budgets.get()

    def readings(self, span: Span) -> Readings:
        """Return what the panels show over one of `SPANS`."""
        return self._readings[span].get()

    def _read(self, span: Span) -> Readings:
        return recorded_readings(self._prometheus.lines, span, self._wall())

    def _read_budgets(self) -> list[Budget]:
        ask = self._prometheus.samples
        return budgets(ask(ALLOWED), ask(RATIOS), self._prometheus.recordings(), ask)
