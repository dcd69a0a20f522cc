"""The dashboards against the gateway's real metrics, and against a real Prometheus that scrapes them."""

import json
import math
from dataclasses import dataclass

import httpx
import imagecodecs
import numpy as np
import pytest

from monitoring.dashboards import dashboards, panels
from monitoring.generate import DASHBOARDS, RULES, render
from monitoring.panels import GRID_WIDTH, WINDOW, Panel
from monitoring.tests.queries import ask, exposed, names_in
from tests.processes import eventually

PANELS = panels()
BY_TITLE = [pytest.param(panel, id=panel.title) for panel in PANELS]
PNG = bytes(imagecodecs.png_encode(np.arange(96 * 96, dtype=np.uint8).reshape(96, 96)))


def test_the_files_are_what_the_generator_writes() -> None:
    """
    No dashboard and no rule was edited by hand, forgotten or left over: run `python -m monitoring.generate`.
    """
    assert {path: path.read_text() for folder in (DASHBOARDS, RULES) for path in folder.iterdir()} == render()


def test_a_panel_overlaps_no_other() -> None:
    """
    Every panel has a number and a place of its own, inside the grid.
    """
    for dashboard in dashboards().values():
        placed = json.loads(json.dumps(dashboard["panels"]))
        grid = [panel["gridPos"] for panel in placed]
        cells = [
            (x, y) for at in grid for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        ]
        assert len({panel["id"] for panel in placed}) == len(placed)
        assert len(set(cells)) == len(cells)
        assert {x for x, _ in cells} == set(range(GRID_WIDTH))


@pytest.mark.parametrize("panel", BY_TITLE)
def test_a_panel_names_what_it_queries(panel: Panel) -> None:
    """
    The description names exactly the metrics that are queried; every line has a name, every value a unit.
    """
    assert {name for query in panel.queries for name in names_in(query.expr)} == set(panel.metrics)
    assert all(f"`{name}`" in str(panel.to_json(1, 0, 0)["description"]) for name in panel.metrics)
    assert all(query.legend for query in panel.queries)
    assert panel.unit


def test_every_queried_metric_is_exposed(gateway_url: str) -> None:
    """
    No panel asks for a metric that the gateway does not have.
    """
    queried = {name for panel in PANELS for name in panel.metrics}

    assert queried - exposed(gateway_url) == set()


@dataclass(frozen=True)
class Traffic:
    """Clients of the gateway, and the Prometheus that watches it."""

    gateway_url: str
    prometheus_url: str

    def answers(self, expr: str) -> bool:
        """Post one image and something that is none; tell whether Prometheus then has a number for `expr`."""
        httpx.post(f"{self.gateway_url}/predict", files={"file": ("slice.png", PNG)}).raise_for_status()
        assert httpx.post(f"{self.gateway_url}/predict", files={"file": ("slice.png", b"none")}).is_client_error
        return any(not math.isnan(value) for value in ask(self.prometheus_url, expr))


@pytest.fixture
def traffic(gateway_url: str, prometheus_url: str) -> Traffic:
    return Traffic(gateway_url, prometheus_url)


def test_prometheus_reads_the_gateway(traffic: Traffic) -> None:
    """
    A scrape of the real gateway by the real Prometheus, with our configuration, succeeds.
    """
    eventually(lambda: ask(traffic.prometheus_url, 'up{job="gateway"}') == [1], within=20, what="the gateway is up")


@pytest.mark.parametrize("panel", BY_TITLE)
def test_no_panel_is_empty(panel: Panel, traffic: Traffic) -> None:
    """
    Under a little traffic, right and wrong, every query of the panel has at least one number.
    """
    for query in panel.queries:
        expr = query.expr.replace(WINDOW, "5s")
        eventually(lambda expr=expr: traffic.answers(expr), within=20, what=f"{expr} has a number")  # type: ignore[misc]
