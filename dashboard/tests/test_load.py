"""The page that tries the service under load, with Locust itself against a real gateway."""

import shlex
from collections.abc import Iterator

import psutil
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dashboard.tests.visits import APP, go, press, text, visit
from tests.gateways import Gateway
from tests.processes import PYTHON, eventually, free_port
from tests.retraining import is_running

SECONDS = 15
"""Enough that it can be looked at between its beginning and its end."""


@pytest.fixture
def app(request: pytest.FixtureRequest, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """Open the page, of a console that has run no load yet; no load is left."""
    own = ("env", f"PULMO_TEST={request.node.name}", PYTHON, "-m", "loadtests.load")
    monkeypatch.setenv("PULMO_LOAD_COMMAND", shlex.join(own))
    app = visit(monkeypatch, gateway.url, "load")
    yield app
    if not button(app.run(), "Stop it").disabled:
        press(app, "Stop it")


def button(app: AppTest, label: str) -> Button:
    [found] = [one for one in app.button if one.label == label]
    return found


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def shows_users(shown: dict[str, str]) -> bool:
    return shown.get("Users") == "10" and float(shown["Requests per second"]) > 0


def test_a_load_is_watched_to_its_verdict(app: AppTest, gateway: Gateway) -> None:
    """
    Users and requests are shown while they come; at the end whether it was good, and a row for each kind of request.
    """
    before = gateway.total("gateway_requests_total", route="/predict", code="200")
    app.slider(key="load.seconds").set_value(SECONDS)

    press(app, "Start the load")

    assert button(app, "Start the load").disabled
    eventually(lambda: shows_users(figures(app.run())), within=120, what="all users and their requests are shown")
    eventually(lambda: not figures(app.run()), within=120, what="it has ended")
    assert [box.value for box in app.success if "Good: no request failed" in box.value], text(app)
    table = app.table[0].value
    posted = int(table["Number"][list(table["Request"]).index("POST /predict")].replace(",", ""))
    assert 0 < posted <= gateway.total("gateway_requests_total", route="/predict", code="200") - before
    assert len(app.get("vega_lite_chart")) == 3
    assert "drawn images" in text(app)
    assert not button(app, "Start the load").disabled
    assert not app.exception
    assert not app.error


def test_a_load_is_stopped_and_seen_by_all(app: AppTest) -> None:
    """
    Another visitor sees it run and may not start a second one; once stopped, no process is left and nothing is judged.
    """
    before = psutil.Process().children(recursive=True)
    app.slider(key="load.seconds").set_value(60)
    press(app, "Start the load")
    eventually(lambda: "Users" in figures(app.run()), within=120, what="it runs")
    family = [process for process in psutil.Process().children(recursive=True) if process not in before]
    other = go(AppTest.from_file(APP, default_timeout=60), "load")
    assert "It runs." in text(other)
    assert button(other, "Start the load").disabled

    press(other, "Stop it")

    assert [header.value.rpartition(", ")[2] for header in app.header] == ["60 s"]  # as set just before the click
    assert len(family) >= 3
    eventually(lambda: not any(map(is_running, family)), within=60, what="no process is left")
    assert "It was stopped; nothing is judged." in text(app.run())
    assert not app.exception


def test_a_gateway_that_does_not_answer_is_put_under_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nobody knows then whether the visitor may; the page says so.
    """
    monkeypatch.setenv("PULMO_LOAD_COMMAND", "/nonexistent/load")
    away = visit(monkeypatch, f"http://127.0.0.1:{free_port()}", "load")

    assert button(away, "Start the load").disabled
    assert "once the gateway says that you may" in text(away)
    assert not away.exception


def test_a_command_that_cannot_be_started_is_shown(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With what the system said.
    """
    monkeypatch.setenv("PULMO_LOAD_COMMAND", "/nonexistent/load")
    app = press(visit(monkeypatch, gateway_url, "load"), "Start the load")

    eventually(lambda: "ended without figures" in text(app.run()), within=60, what="that it has failed is shown")

    assert ["/nonexistent/load cannot be started" in block.value for block in app.code] == [True]
    assert not app.exception


def test_where_nothing_starts_load_tests_the_page_says_what_to_install() -> None:
    """
    And offers no button that could not keep its word.
    """
    script = """
import httpx
from dashboard.client.gateway import GatewayClient
from dashboard.loads.runs import Loads
from dashboard.views import load
from dashboard.visitors import Visitor

with httpx.Client() as http:
    load.show(Visitor(GatewayClient(http, "http://127.0.0.1:9"), "operate", signed_in=False), Loads(()))
"""

    app = AppTest.from_string(script, default_timeout=60).run()

    assert ["extra `loadtests`" in box.value and "PULMO_LOAD_COMMAND" in box.value for box in app.info] == [True]
    assert not app.button
    assert not app.exception
