"""What Prometheus has of the gateways that it scrapes (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import httpx
import msgspec

from dashboard import problems
from dashboard.client.alerting import Alert, Alerts, Rule, RuleGroups
from dashboard.figures import LATENCY_ROUTE, Counts, Figures

_TIMEOUT: Final = httpx.Timeout(2, connect=1)
_PATIENT: Final = httpx.Timeout(5, connect=1)
"""For what reads many samples."""
WINDOW_S: Final = 300
_SPAN_S: Final = 3600
_STEP_S: Final = 60
_BUCKETS: Final = f'gateway_request_duration_seconds_bucket{{route="{LATENCY_ROUTE}"}}'


class Series(msgspec.Struct, frozen=True):
    """A result of a query: one value, or one for each step, each with its Unix time."""

    metric: dict[str, str]
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class Result(msgspec.Struct, frozen=True):
    """The results of a query."""

    result: list[Series]


class Reply(msgspec.Struct, frozen=True):
    """The answer to a question; what it holds depends on the question."""

    data: msgspec.Raw


Answer = TypeVar("Answer")


class PrometheusClient:
    """Asks one Prometheus. Every failure is a `GatewayProblem`."""

    def __init__(self, http: httpx.Client, url: str) -> None:
        self.url = url
        self._http = http

    def recent(self) -> tuple[Counts, Counts]:
        """Return two looks at the counters of all gateways together, `WINDOW_S` apart, the former being all zero."""
        window = f"[{WINDOW_S}s]"
        codes = self._values(f'sum by (code) (increase(gateway_requests_total{{method="POST"}}{window}))')
        buckets = self._values(f"sum by (le) (increase({_BUCKETS}{window}))")
        servers = self._values("min by (server) (gateway_model_server_ready)")
        return Counts(at=0.0), Counts(
            at=float(WINDOW_S),
            images=self._value(f"sum (increase(gateway_predictions_total{window}))"),
            codes=codes,
            buckets={float(bound): count for bound, count in buckets.items()},
            waiting=self._value("sum (gateway_queue_depth)"),
            inside=self._value("sum (gateway_inflight_requests)"),
            limit=self._value("sum (gateway_concurrency_limit)"),
            servers={server: ready > 0 for server, ready in servers.items()},
        )

    def course(self, now: float) -> list[tuple[float, Figures]]:
        """Return the figures of the last hour, one a minute.

        Args:
            now: Unix time, seconds.
        """
        rate = f"[{WINDOW_S}s]"
        images = self._range(f"sum (rate(gateway_predictions_total{rate}))", now)
        p50, p99 = (
            self._range(f"histogram_quantile({share}, sum by (le) (rate({_BUCKETS}{rate})))", now)
            for share in (0.5, 0.99)
        )
        return [
            (at, Figures(WINDOW_S, value, _finite(p50.get(at)), _finite(p99.get(at)), None, None))
            for at, value in images.items()
        ]

    def lines(self, query: str, moments: Sequence[int]) -> list[tuple[str, list[float | None]]]:
        """Return the series of a query, each by the value of its one label, or by "" where it has none.

        Args:
            query: in PromQL.
            moments: Unix times, two of them at least, always as far apart. Where there is no number, a series has None.
        """
        step = moments[1] - moments[0]
        asked = {"query": query, "start": str(moments[0]), "end": str(moments[-1]), "step": str(step)}
        found = self._ask("/api/v1/query_range", asked, Result, _PATIENT).result
        return [(_label(one.metric), _aligned(one.values, moments)) for one in found]

    def samples(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """Return the labels and the value of each series of a query now."""
        found = self._ask("/api/v1/query", {"query": query}, Result, _PATIENT).result
        return [(one.metric, float(one.value[1])) for one in found if one.value is not None]

    def alerts(self) -> list[Alert]:
        """Return the alerts that fire, or are about to."""
        return self._ask("/api/v1/alerts", {}, Alerts).alerts

    def recordings(self) -> list[Rule]:
        """Return the rules by which series are recorded."""
        groups = self._ask("/api/v1/rules", {"type": "record"}, RuleGroups).groups
        return [rule for group in groups for rule in group.rules]

    def _value(self, query: str) -> float:
        return sum(self._values(query).values())

    def _values(self, query: str) -> dict[str, float]:
        """Return the values of a query by their one label, or by "" where they have none."""
        series = self._ask("/api/v1/query", {"query": query}, Result).result
        return {_label(one.metric): float(one.value[1]) for one in series if one.value is not None}

    def _range(self, query: str, now: float) -> dict[float, float]:
        span = {"start": str(now - _SPAN_S), "end": str(now), "step": str(_STEP_S)}
        series = self._ask("/api/v1/query_range", {"query": query, **span}, Result).result
        return {at: float(value) for one in series for at, value in one.values}

    def _ask(self, path: str, query: dict[str, str], answer: type[Answer], timeout: httpx.Timeout = _TIMEOUT) -> Answer:
        try:
            response = self._http.get(self.url + path, params=query, timeout=timeout).raise_for_status()
            return msgspec.json.decode(msgspec.json.decode(response.content, type=Reply).data, type=answer)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise problems.no_prometheus(self.url, error) from error


def _label(metric: Mapping[str, str]) -> str:
    return "".join(metric.values())


def _aligned(values: Sequence[tuple[float, str]], moments: Sequence[int]) -> list[float | None]:
    """Return a value for each moment; Prometheus leaves out those at which there is none."""
    there = {round(at): float(value) for at, value in values}
    return [_finite(there.get(moment)) for moment in moments]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None  # NaN where no request came
