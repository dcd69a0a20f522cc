"""What the processes offer, and what a real Prometheus answers."""

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from monitoring.dashboards.promql import names_in

__all__ = ["ask", "exposed", "families", "names_in"]

SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total", ""), "info": ("_info",)}


def ask(prometheus_url: str, expr: str, at: float | None = None) -> list[float]:
    """Return the values of an expression, now or at a moment in seconds since 1970."""
    moment = {} if at is None else {"time": at}
    reply = httpx.get(f"{prometheus_url}/api/v1/query", params={"query": expr, **moment}, timeout=30).json()
    assert reply["status"] == "success", f"{expr}: {reply['error']}"
    return [float(sample["value"][1]) for sample in reply["data"]["result"]]


def families(address: str) -> Mapping[str, set[str]]:
    """Return the metrics at an address, each with the names of its series, also of those that have no samples yet."""
    text = httpx.get(address, headers={"Accept": "text/plain"}).raise_for_status().text
    return {
        family.name: {family.name + suffix for suffix in SUFFIXES.get(family.type, ("",))}
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    }


def exposed(gateway_url: str) -> set[str]:
    """Return the names of all series that the gateway exposes, or will once there is something to count."""
    return {name for names in families(f"{gateway_url}/metrics").values() for name in names}
