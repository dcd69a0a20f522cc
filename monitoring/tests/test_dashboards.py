"""The dashboards as Grafana reads them: complete, unambiguous, and no more coloured than is meant."""

import json
import re
from typing import Any

import pytest

from monitoring.dashboards.catalogue import catalogue, panels
from monitoring.dashboards.dashboard import GRID_WIDTH, TAG, Dashboard
from monitoring.dashboards.panel import INSTANT, Panel, Row
from monitoring.dashboards.promql import names_in, substituted
from monitoring.generate import DASHBOARDS, RULES, render

BOARDS = [pytest.param(board, id=board.name) for board in catalogue()]
PANELS = [pytest.param(board, panel, id=f"{board.name}: {panel.title}") for board, panel in panels()]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
KINDS = {"timeseries", "stat", "heatmap", "bargauge", "state-timeline", "table", "row"}
BUILT_IN = {"__rate_interval"}


def read(board: Dashboard) -> Any:  # noqa: ANN401 - a JSON document
    return json.loads(json.dumps(board.to_json()))


def drawn(board: Dashboard) -> list[dict[str, Any]]:
    """Return the panels of a dashboard that are no headings."""
    return [panel for panel in read(board)["panels"] if panel["type"] != "row"]


def test_the_files_are_what_the_generator_writes() -> None:
    """
    No dashboard and no rule was edited by hand, forgotten or left over: run `python -m monitoring.generate`.
    """
    assert {path: path.read_text() for folder in (DASHBOARDS, RULES) for path in folder.iterdir()} == render()


def test_dashboards_are_told_apart_and_lead_to_each_other() -> None:
    """
    Names and addresses are their own; each links to all that have the tag, and keeps the time and what was chosen.
    """
    boards = [read(board) for board in catalogue()]

    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards) == 5
    assert all(re.fullmatch(r"[a-z-]{1,40}", board["uid"]) for board in boards)
    for board in boards:
        [link] = board["links"]
        assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == ("dashboards", [TAG], True, True)
        assert board["tags"] == [TAG]
        assert (board["schemaVersion"], board["timezone"], board["editable"]) == (39, "browser", False)


@pytest.mark.parametrize("board", BOARDS)
def test_a_panel_overlaps_no_other(board: Dashboard) -> None:
    """
    Every panel has a number and a place of its own, inside the grid.
    """
    placed = read(board)["panels"]
    grid = [panel["gridPos"] for panel in placed]
    cells = [
        (x, y) for at in grid for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len({panel["id"] for panel in placed}) == len(placed)
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(GRID_WIDTH))


@pytest.mark.parametrize("board", BOARDS)
def test_grafana_knows_what_it_is_told(board: Dashboard) -> None:
    """
    Kinds, data sources and letters of queries are such as it has; what shows a state asks for one, not for a series.
    """
    for panel in drawn(board):
        letters = [target["refId"] for target in panel["targets"]]
        assert panel["type"] in KINDS
        assert panel["datasource"] == SOURCE
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["noValue"]
        assert len(set(letters)) == len(letters) == len(panel["targets"]) > 0
        for target in panel["targets"]:
            assert target["datasource"] == SOURCE
            assert target["instant"] is not target["range"]
            assert target["instant"] is (panel["type"] in INSTANT)


@pytest.mark.parametrize("board", BOARDS)
def test_a_query_uses_only_variables_that_can_be_chosen(board: Dashboard) -> None:
    """
    Every variable in a query or an annotation is on the dashboard, and every one that is there is used.
    """
    document = read(board)
    texts = [target["expr"] for panel in drawn(board) for target in panel["targets"]]
    asked = {name for text in texts for name in re.findall(r"\$\{?(\w+)", text)}
    marked = {name for each in document["annotations"]["list"] for name in re.findall(r"\$\{?(\w+)", each["expr"])}
    offered = {variable["name"] for variable in document["templating"]["list"]} - {"datasource"}

    assert asked - BUILT_IN == offered
    assert marked <= offered


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_panel_names_what_it_asks_for(board: Dashboard, panel: Panel) -> None:
    """
    The description names exactly the metrics that are queried, after a sentence; every line has a name.
    """
    [shown] = [each for each in drawn(board) if each["title"] == panel.title]
    sentence, _, named = shown["description"].partition("\n\nMetrics: ")

    assert set(re.findall(r"`([^`]+)`", named)) == {name for query in panel.queries for name in names_in(query.expr)}
    assert named
    assert sentence.endswith(".")
    assert all(query.legend for query in panel.queries)


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_only_what_is_judged_is_coloured(board: Dashboard, panel: Panel) -> None:
    """
    A tile without thresholds or states has no colour; on the wall board everything is judged, or it would not be there.
    """
    [shown] = [each for each in drawn(board) if each["title"] == panel.title]

    if panel.kind == "stat":
        assert shown["options"]["colorMode"] == ("background" if panel.judged else "none")
    if board.name == "status":
        assert panel.kind == "stat"
        assert panel.judged


def test_panels_that_do_not_fill_their_row_are_refused() -> None:
    """
    A gap in the grid is a mistake of whoever wrote the row.
    """
    narrow = Panel(title="t", describe="d.", queries=(), unit="s", width=8)

    with pytest.raises(ValueError, match="row 'Here' is 8 wide; make its panels 24 wide in all"):
        Dashboard(name="n", title="t", describe="d.", rows=[Row("Here", [narrow])]).to_json()


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ('sum by (le) (rate(a_bucket{route="/predict", le="0.5"}[$__rate_interval]))', {"a_bucket"}),
        (
            ":a:serving:request_count / on (version) group_left () (b_total > 0)",
            {":a:serving:request_count", "b_total"},
        ),
        ('count (ALERTS{severity="critical"}) or vector(0)', {"ALERTS"}),
        ("max (a{b=~'c'}) unless max by (d) (e offset 1m)", {"a", "e"}),
        ("sum (up == bool 0) + 1e-9", {"up"}),
        ("time() - max by (job, instance) (gateway:x:rate5m)", {"gateway:x:rate5m"}),
    ],
)
def test_metrics_are_found_in_an_expression(expr: str, names: set[str]) -> None:
    """
    Functions, operators, labels and their values, windows and numbers are none.
    """
    assert names_in(expr) == names


def test_variables_are_what_grafana_puts_in_where_nothing_was_chosen() -> None:
    """
    All gateways and versions, and a window for the rates.
    """
    expr = 'rate(a{instance=~"$instance", version=~"$version"}[$__rate_interval])'

    assert substituted(expr, "20s") == 'rate(a{instance=~".*", version=~".*"}[20s])'
