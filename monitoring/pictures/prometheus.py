"""Prometheus over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from monitoring.dashboards.promql import substituted
from monitoring.pictures.series import Series
from monitoring.pictures.span import Span

_TIMEOUT_S: Final = 60


class QueryError(Exception):
    """Prometheus did not answer a query; the message says which, and why."""


class Prometheus:
    """A Prometheus, asked for a span as Grafana would ask."""

    def __init__(self, client: httpx.Client, span: Span) -> None:
        """Take a client whose `base_url` is that of Prometheus."""
        self._client = client
        self.span = span

    def range(self, expr: str) -> Sequence[Series]:
        """Return the series of an expression over the span.

        Raises:
            QueryError: there is no answer, or it is an error.
        """
        moments = self.span.times
        steps = {"start": float(moments[0]), "end": float(moments[-1]), "step": self.span.step_s}
        found: Sequence[Series] = self._ask("query_range", expr, steps)
        return found

    def instant(self, expr: str) -> Sequence[tuple[Mapping[str, str], float]]:
        """Return the labels and values of an expression at the end of the span.

        Raises:
            QueryError: as above.
        """
        found = self._ask("query", expr, {"time": self.span.end})
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def _ask(self, path: str, expr: str, when: Mapping[str, float]) -> Any:  # noqa: ANN401 - a JSON document
        query = substituted(expr, self.span.window)
        try:
            reply = self._client.post(f"/api/v1/{path}", data={"query": query, **when}, timeout=_TIMEOUT_S)
            document = reply.json()
        except (httpx.TransportError, ValueError) as error:
            raise QueryError(f"{self._client.base_url} does not answer as Prometheus does: {error}") from error
        if not isinstance(document, dict) or document.get("status") != "success":
            reason = document.get("error", reply.status_code) if isinstance(document, dict) else reply.status_code
            raise QueryError(f"{self._client.base_url} refuses {query}: {reason}")
        return document["data"]["result"]
