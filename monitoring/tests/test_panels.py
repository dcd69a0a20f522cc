"""The panels against what real processes expose, and against a real Prometheus that watched them under load."""

import math
from collections.abc import Mapping

import httpx
import pytest

from monitoring import objectives
from monitoring.dashboards.catalogue import catalogue, panels
from monitoring.dashboards.dashboard import Annotation
from monitoring.dashboards.panel import Panel
from monitoring.dashboards.promql import substituted
from monitoring.rules import Windows
from monitoring.tests.mixedload import Watched
from monitoring.tests.queries import ask, families, names_in

pytestmark = pytest.mark.timeout(900)  # the load takes a minute, more on a machine that is busy

WINDOW = "15m"  # from the end of the load to before its beginning
PROMETHEUS_OWN = {"ALERTS", "up"}
HOST = {
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
}
UNSHOWN = {
    "decoder_info": "it changes with the build alone, and that is shown",
    "process_virtual_memory_bytes": "what is reserved says little; what is resident is shown",
    ":tensorflow:serving:request_example_counts": "it has no data: Classify and Regress are not offered",
}
"""Metrics without a panel, each with the reason."""
HAPPENED = (
    *("Refused, 5 min", "Versions that failed, 1 h", "Abstentions, 10 min", "Warnings"),
    *("Offered, good and refused", "Problems by reason", "Rejected images"),
    *("Hit share", "Calls answered", "Load ratio", "Failing versions"),
    *("Shadow comparisons", "Shadow difference", "Changes of the route", "Taken back", "Accuracy by feedback", "Drift"),
    *("Rows", "Reads, exports and feedback", "Retrainings ended", "Uploads", "Processors"),
)
"""Panels that would not be empty, but flat, had the load not done what they show."""
PANELS = [pytest.param(panel, id=f"{board.name}: {panel.title}") for board, panel in panels()]
ANNOTATIONS = [
    pytest.param(annotation, id=annotation.name) for board in catalogue() for annotation in board.annotations
]


def told(watched: Watched) -> Mapping[str, set[str]]:
    """Return the metrics of our processes."""
    deployment = watched.deployment
    return {**families(f"{deployment.gateway.url}/metrics"), **families(deployment.server_url)}


def test_every_queried_metric_is_exposed(watched: Watched) -> None:
    """
    No panel and no annotation asks for a metric that nobody has: no process, no rule, and not Prometheus itself.
    """
    marked = {name for board in catalogue() for each in board.annotations for name in names_in(each.expr)}
    queried = {name for _, panel in panels() for name in panel.metrics} | marked
    recorded = {each.record for group in objectives.groups(Windows()) for each in group.recordings}
    ours = {name for names in told(watched).values() for name in names}

    assert queried - ours - recorded - PROMETHEUS_OWN == HOST


def test_every_metric_is_on_a_panel(watched: Watched) -> None:
    """
    What a process tells is seen somewhere, or there is a reason why not.
    """
    queried = {name for _, panel in panels() for name in panel.metrics}

    assert {name for name, series in told(watched).items() if not series & queried} == set(UNSHOWN)


@pytest.mark.parametrize("panel", PANELS)
def test_no_panel_is_empty(panel: Panel, watched: Watched) -> None:
    """
    After a mixed load every query of the panel has numbers, and nothing else.
    """
    answers = {
        query.expr: ask(watched.deployment.prometheus_url, substituted(query.expr, WINDOW), watched.end)
        for query in panel.queries
    }

    assert [expr for expr, values in answers.items() if not values or not all(map(math.isfinite, values))] == []


@pytest.mark.parametrize("title", HAPPENED)
def test_what_happened_is_seen(title: str, watched: Watched) -> None:
    """
    The load did this, and the panel says so: it has a number above 0.
    """
    url = watched.deployment.prometheus_url
    queries = [query for _, panel in panels() if panel.title == title for query in panel.queries]
    values = [value for query in queries for value in ask(url, substituted(query.expr, WINDOW), watched.end)]

    assert max(values) > 0


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_every_annotation_marks_a_moment(annotation: Annotation, watched: Watched) -> None:
    """
    During the load versions came, the route changed, the guard took one back, and one could not be loaded.
    """
    expr = substituted(annotation.expr, WINDOW)
    span: dict[str, str | float] = {"query": expr, "start": watched.begin, "end": watched.end, "step": 1}
    url = f"{watched.deployment.prometheus_url}/api/v1/query_range"
    lines = httpx.get(url, params=span, timeout=30).raise_for_status().json()["data"]["result"]

    assert any(float(value) > 0 for line in lines for _, value in line["values"])
