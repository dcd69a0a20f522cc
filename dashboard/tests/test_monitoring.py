"""The page that says what is wrong and how the service was over time, against a real Prometheus and without one."""

from typing import Any

import httpx
import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.elements.vega_charts import arrow_buffers
from streamlit.testing.v1 import AppTest

from dashboard.client.prometheus import PrometheusClient
from dashboard.panels import PANELS
from dashboard.phrases import host
from dashboard.readings import SPANS
from dashboard.recorded import Recorded
from dashboard.tests.recording import AWAY, has
from dashboard.tests.visits import text, visit
from monitoring.objectives import OBJECTIVES
from tests.clients import posting
from tests.gateways import Gateway
from tests.images import pixels, png
from tests.processes import ROOT, eventually, free_port

IMAGE = png(pixels(4))
RECENT, HOUR = SPANS[:2]
RATIO = 'gateway:bad_requests:ratio_rate5s{objective="latency"}'


@pytest.fixture(scope="module")
def judged(gateway: Gateway, judging_url: str) -> str:
    """Return the address of a Prometheus that has seen images answered, and a host that has been away for a while."""
    firing = f'ALERTS{{alertname="{AWAY}", alertstate="firing"}}'
    eventually(lambda: has(judging_url, firing), within=60, what=f"{AWAY} fires")
    with posting(gateway.url, IMAGE, clients=1), httpx.Client() as http:
        eventually(lambda: has(judging_url, RATIO), within=60, what="the share of bad requests is recorded")
        eventually(lambda: drawn(http, judging_url) == titles(), within=60, what="every panel has a number")
    return judging_url


def titles() -> set[str]:
    return {panel.title for panel in PANELS}


def drawn(http: httpx.Client, url: str) -> set[str]:
    """Return the panels of which a curve has a number in the last hour."""
    curves = Recorded(PrometheusClient(http, url)).readings(HOUR).curves
    return {title for title, lines in curves.items() if any(value for line in lines for value in line.values)}


def charts(app: AppTest) -> list[dict[str, list[Any]]]:
    """Return the columns of what each chart of the page draws."""
    buffers = [buffer for each in app.get("vega_lite_chart") for buffer in arrow_buffers(each.proto)]
    drawings = [convert_arrow_bytes_to_pandas_df(buffer) for buffer in buffers]
    return [{str(name): list(column) for name, column in drawing.items()} for drawing in drawings]


def test_every_panel_is_drawn_from_prometheus(gateway_url: str, judged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each has its heading, its curves by name and what it means; below stands where they are from.
    """
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", judged)

    app = visit(monkeypatch, gateway_url, "monitoring")

    assert [heading.value for heading in app.subheader] == [panel.title for panel in PANELS]
    assert len(charts(app)) == len(PANELS)
    assert {"answered", "refused"} <= set(charts(app)[0]["Curve"])
    assert all(panel.meaning in text(app) for panel in PANELS)
    assert f"From Prometheus at {host(judged)}." in text(app)
    assert not app.exception


def test_another_span_is_looked_back_at(gateway_url: str, judged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The page shows as many moments as the chosen span has.
    """
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", judged)
    app = visit(monkeypatch, gateway_url, "monitoring")

    app.segmented_control(key="monitoring.span").set_value(RECENT).run()

    assert len(set(charts(app)[0]["Time"])) == RECENT.seconds / RECENT.step
    assert not app.exception


def test_an_alert_that_fires_is_shown_with_what_to_do(
    gateway_url: str, judged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    How severe it is, what is wrong, since when, and the page for whoever is on duty; the watchdog is for machines.
    """
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", judged)
    alerts = httpx.get(f"{judged}/api/v1/alerts").json()["data"]["alerts"]
    [alert] = [alert for alert in alerts if alert["labels"]["alertname"] == AWAY]

    app = visit(monkeypatch, gateway_url, "monitoring")

    assert alert["annotations"]["description"] in text(app)
    assert f"{AWAY}, since {alert['activeAt'][:19].replace('T', ' ')} UTC" in text(app)
    assert any("Critical" in element.value for element in app.markdown)
    [page] = [box for box in app.expander if box.label == f"What to do about {AWAY}"]
    assert "### What helps" in page.markdown[0].value
    assert "Watchdog" not in text(app)


def test_budgets_are_those_of_the_rules(gateway_url: str, judged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What may be bad is what the objectives say, though the console knows none of them; each has what is left.
    """
    with httpx.Client() as http:
        budgets = {one.objective: one for one in Recorded(PrometheusClient(http, judged)).budgets()}
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", judged)

    app = visit(monkeypatch, gateway_url, "monitoring")

    assert {name: budget.allowed for name, budget in budgets.items()} == {
        objective.name: pytest.approx(1 - objective.target) for objective in OBJECTIVES
    }
    assert all(budget.left is not None and budget.burns for budget in budgets.values())
    assert [metric.label for metric in app.metric] == [
        f"{objective.name.capitalize()} budget left" for objective in OBJECTIVES
    ]
    assert list(app.table[0].value.columns) == ["In the last", *(f"{o.name.capitalize()}, times" for o in OBJECTIVES)]


def test_without_our_rules_nobody_is_told_that_all_is_well(
    gateway_url: str, prometheus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A Prometheus with other rules has no alert that fires, which says nothing.
    """
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", prometheus_url)

    app = visit(monkeypatch, gateway_url, "monitoring")

    assert any("no alert can fire" in box.value for box in app.warning)
    assert not app.main.success
    assert "records no objectives" in text(app)
    assert not app.exception


def test_without_prometheus_the_page_says_what_it_would_show(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And where it is set; figures are the gateway's own.
    """
    app = visit(monkeypatch, gateway_url, "monitoring")

    assert any("PULMO_PROMETHEUS_URL" in box.value for box in app.info)
    assert "the gateway's own metrics" in text(app)
    assert not app.segmented_control
    assert not app.exception


@pytest.mark.parametrize("silent", [False, True], ids=["away", "hangs"])
def test_a_prometheus_without_answers_is_named_and_not_waited_for(
    gateway_url: str, hanging_url: str, monkeypatch: pytest.MonkeyPatch, *, silent: bool
) -> None:
    """
    Each part says so, and the figures are the gateway's own.
    """
    url = hanging_url if silent else f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", url)

    app = visit(monkeypatch, gateway_url, "monitoring")

    assert [box.value.partition(": ")[0] for box in app.warning[:2]] == ["Alerts", "Error budgets"]
    assert all(url in box.value for box in app.warning)
    assert "the gateway's own metrics" in text(app)
    assert not app.exception


def test_without_a_gateway_and_prometheus_the_page_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(monkeypatch, f"http://127.0.0.1:{free_port()}", "monitoring")

    assert [title.value for title in app.title] == ["Monitoring"]
    assert any(box.value.startswith("Figures: ") and "make run" in box.value for box in app.warning)
    assert not app.exception


def test_every_alert_of_ours_has_its_page_in_the_console(judged: str) -> None:
    """
    Prometheus names a file, and the console has it.
    """
    groups = httpx.get(f"{judged}/api/v1/rules", params={"type": "alert"}).json()["data"]["groups"]
    named = {rule["annotations"]["runbook"] for group in groups for rule in group["rules"]}

    assert named == {f"monitoring/runbooks/{file.name}" for file in (ROOT / "monitoring" / "runbooks").iterdir()}
