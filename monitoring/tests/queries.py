"""What a query asks for, what the gateway offers, and what a real Prometheus answers."""

import re

import httpx
from prometheus_client.parser import text_string_to_metric_families

SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "info": ("_info",)}
WORDS = {"or", "and", "unless", "sum", "min", "max", "rate", "by"}


def ask(prometheus_url: str, expr: str) -> list[float]:
    reply = httpx.get(f"{prometheus_url}/api/v1/query", params={"query": expr}).json()
    assert reply["status"] == "success", f"{expr}: {reply['error']}"
    return [float(sample["value"][1]) for sample in reply["data"]["result"]]


def names_in(expr: str) -> set[str]:
    """Return the metrics of a PromQL expression: its names that are no function, no operator and no label."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\bby \([^)]*\)", " ", expr)
    words = re.findall(r"[a-z_:][a-z0-9_:]*(?!\s*\()\b", bare)
    return set(words) - WORDS


def exposed(gateway_url: str) -> set[str]:
    """Return the names of all series that the gateway exposes, or will once there is something to count."""
    text = httpx.get(f"{gateway_url}/metrics", headers={"Accept": "text/plain"}).raise_for_status().text
    return {
        family.name + suffix
        for family in text_string_to_metric_families(text)
        for suffix in SUFFIXES.get(family.type, ("",))
    }
