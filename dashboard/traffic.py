"""The figures of the service over the last minutes, shared by all who look: many consoles cost as much as one."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final

import msgspec

from dashboard import phrases, problems
from dashboard.client.gateway import GatewayClient
from dashboard.client.prometheus import PrometheusClient
from dashboard.figures import Counts, Figures, course, figures, read_counts

OWN: Final = "the gateway's own metrics"
"""Where figures are from, in words."""
_PACE_S: Final = 4.0
_KEPT: Final = 225  # looks: a quarter of an hour
_WINDOW_S: Final = 300.0


class Report(msgspec.Struct, frozen=True):
    """What is shown of the traffic."""

    now: Counts
    figures: Figures | None
    """None until there are two looks."""
    course: list[tuple[float, Figures]]
    """By the Unix time of each, oldest first."""
    source: str
    """Where it is from, in words."""


class OwnTraffic:
    """Looks at the gateway's own metrics now and then, and remembers what it saw.

    Args:
        gateway: which is asked once in some seconds at most.
        clock: seconds; durations are taken by it.
        wall: Unix time.
    """

    def __init__(
        self,
        gateway: GatewayClient,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._wall = wall
        self._looks: deque[Counts] = deque(maxlen=_KEPT)
        self._lock = Lock()

    def report(self) -> Report:
        """Return the figures since up to five minutes ago.

        Raises:
            GatewayProblem: the metrics are not to be had.
        """
        looks = self._looked()
        now = looks[-1]
        since = next(look for look in looks if now.at - look.at <= _WINDOW_S)
        offset = self._wall() - self._clock()
        return Report(
            now=now,
            figures=figures(since, now) if now.at > since.at else None,
            course=[(at + offset, one) for at, one in course(looks)],
            source=OWN,
        )

    def looks(self) -> list[Counts]:
        """Return what was seen in the last quarter of an hour, by Unix time, oldest first.

        Raises:
            GatewayProblem: the metrics are not to be had.
        """
        offset = self._wall() - self._clock()
        return [msgspec.structs.replace(look, at=look.at + offset) for look in self._looked()]

    def _looked(self) -> list[Counts]:
        with self._lock:
            if not self._looks or self._clock() - self._looks[-1].at >= _PACE_S:
                self._look()
            return list(self._looks)

    def _look(self) -> None:
        try:
            self._looks.append(read_counts(self._gateway.metrics(), self._clock()))
        except (ValueError, KeyError) as error:
            raise problems.not_understood(self._gateway.url, error) from error


class PrometheusTraffic:
    """Asks Prometheus, once in some seconds at most."""

    def __init__(self, prometheus: PrometheusClient, clock: Callable[[], float] = time.monotonic) -> None:
        self.host = phrases.host(prometheus.url)
        """Where it is, in words."""
        self._prometheus = prometheus
        self._clock = clock
        self._last: tuple[float, Report] | None = None
        self._lock = Lock()

    def report(self) -> Report:
        """Return the figures of the last five minutes, and their course over the last hour.

        Raises:
            GatewayProblem: Prometheus does not answer.
        """
        with self._lock:
            if self._last is None or self._clock() - self._last[0] >= _PACE_S:
                earlier, later = self._prometheus.recent()
                recent = self._prometheus.course(time.time())
                report = Report(later, figures(earlier, later), recent, f"Prometheus at {self.host}")
                self._last = (self._clock(), report)
            return self._last[1]
