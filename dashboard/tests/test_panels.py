"""What the page Monitoring is made of: panels, budgets, alerts, and answers that many want."""

import itertools

import httpx
import pytest

from dashboard.alerts import is_alive, link, page, urgent_first
from dashboard.budgets import RATIO, budgets, over, seconds
from dashboard.client.alerting import Alert, Rule
from dashboard.client.gateway import GatewayClient
from dashboard.client.prometheus import PrometheusClient
from dashboard.figures import Counts, figures
from dashboard.kept import Kept
from dashboard.panels import OUTCOMES, PANELS, Panel
from dashboard.problems import GatewayProblem
from dashboard.readings import SPANS, Readings, Span, own_readings
from dashboard.recorded import Recorded
from dashboard.traffic import OwnTraffic
from monitoring.dashboards.promql import names_in
from monitoring.tests.queries import exposed
from tests.clients import posting
from tests.gateways import Gateway
from tests.images import pixels, png
from tests.processes import eventually

TITLES = {panel.title for panel in PANELS}
CODES = [str(code) for code in (200, 202, 400, 401, 404, 413, 415, 422, 429, 499, 500, 501, 502, 503, 504, 507, 511)]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_every_metric_that_a_panel_asks_for_is_exposed(panel: Panel, gateway_url: str) -> None:
    asked = {name for query in panel.queries for name in names_in(query.expr.replace("{window}", "1m"))}

    assert asked
    assert asked - exposed(gateway_url) == set()


def test_prometheus_and_the_gateway_itself_have_the_same_curves(gateway: Gateway, prometheus_url: str) -> None:
    """
    Whoever has no Prometheus sees the same panels, with the same names.
    """
    moments = itertools.count(1000.0, 10.0)
    with httpx.Client() as http, posting(gateway.url, png(pixels(5)), clients=1):
        own = OwnTraffic(GatewayClient(http, gateway.url), clock=moments.__next__, wall=lambda: 0.0)

        def told() -> dict[str, set[str]]:
            return drawn(own_readings(own.looks()))

        def recorded() -> dict[str, set[str]]:
            return drawn(Recorded(PrometheusClient(http, prometheus_url)).readings(SPANS[0]))

        eventually(lambda: told().keys() == recorded().keys() == TITLES, within=60, what="both have seen images")
        assert told() == recorded()


def drawn(readings: Readings) -> dict[str, set[str]]:
    """Return the names of the curves that have a number, by panel."""
    found = {
        title: {curve.name for curve in curves if any(value is not None for value in curve.values)}
        for title, curves in readings.curves.items()
    }
    return {title: names for title, names in found.items() if names}


@pytest.mark.parametrize("code", CODES)
def test_a_request_has_one_outcome_and_it_is_that_of_the_overview(code: str) -> None:
    """
    Refused and failed are the same on both pages.
    """
    earlier, later = Counts(at=0), Counts(at=1, codes={code: 1})
    [(outcome, _)] = [(name, value) for name, value in PANELS[0].own(earlier, later).items() if value]
    found = figures(earlier, later)

    assert outcome in OUTCOMES
    assert (outcome == "refused", outcome == "failed") == (found.refused == 1, found.failed == 1)


def test_nothing_is_told_of_a_time_in_which_nothing_came() -> None:
    """
    No traffic is no latency, and a rate of 0.
    """
    look = Counts(at=0, codes={"200": 7}, stages={"decode": 3.0}, staged={"decode": 7}, versions={"1": 7})
    readings = own_readings([look, Counts(4, 0, look.codes, stages=look.stages, staged=look.staged, versions={"1": 7})])
    values = {title: [value for curve in curves for value in curve.values] for title, curves in readings.curves.items()}

    assert values["Requests"] == [0, 0, 0, 0]
    assert values["Predictions by version"] == [0]
    assert values["Time per stage"] == [None]
    assert values["Images per call to the model"] == [None]


def test_the_moments_of_a_span_lead_up_to_now() -> None:
    """
    They are as far apart as the span says, and move every few seconds.
    """
    span = Span("a minute", 60, 15)

    assert span.moments(1004.9) == [955, 970, 985, 1000]
    assert span.moments(1005.0) == [960, 975, 990, 1005]


@pytest.mark.parametrize(("bad", "left"), [(0.0, 1.0), (0.005, 0.5), (0.01, 0.0), (0.03, -2.0), (None, None)], ids=str)
def test_a_budget_says_what_is_left_of_it(bad: float | None, left: float | None) -> None:
    """
    All, a part, nothing, less than nothing; and nothing is told where no request came.
    """
    asked: list[str] = []

    def ask(query: str) -> list[tuple[dict[str, str], float]]:
        asked.append(query)
        return [] if bad is None else [({}, bad)]

    [budget] = budgets(
        [({"objective": "latency", "period": "30d"}, 0.01)],
        [
            ({"__name__": f"{RATIO}1h", "objective": "latency"}, 0.02),
            ({"__name__": f"{RATIO}5m", "objective": "latency"}, 0.144),
            ({"__name__": f"{RATIO}5m", "objective": "availability"}, 0.5),
        ],
        [Rule(f"{RATIO}1h", "rate(bad[1h]) / rate(all[1h])", {"objective": "latency"}), Rule("another", "up")],
        ask,
    )

    assert asked == ["rate(bad[30d]) / rate(all[30d])"]
    assert budget.left == (None if left is None else pytest.approx(left))
    assert list(budget.burns) == ["5m", "1h"]
    assert budget.burns == pytest.approx({"5m": 14.4, "1h": 2})


def test_windows_are_read_as_prometheus_writes_them() -> None:
    assert [seconds(text) for text in ("250ms", "5m", "1h12m", "3d")] == [0.25, 300, 4320, 259_200]
    assert over("sum(rate(a[1h12m])) - sum(rate(b[1h12m]))", "30d") == "sum(rate(a[30d])) - sum(rate(b[30d]))"


def alert(name: str, severity: str, since: str, state: str = "firing") -> Alert:
    return Alert({"alertname": name, "severity": severity}, {}, "firing" if state == "firing" else "pending", since)


def test_the_most_urgent_alert_is_first() -> None:
    """
    What fires before what may, critical before warning, old before new; the watchdog is not for people.
    """
    found = [
        alert("may", "critical", "2026-11-29T10:00:00Z", "pending"),
        alert("young", "warning", "2026-11-29T10:02:00Z"),
        alert("old", "warning", "2026-11-29T10:01:00Z"),
        alert("worst", "critical", "2026-11-29T10:03:00Z"),
        alert("other", "", "2026-11-29T10:00:00Z"),
        alert("Watchdog", "none", "2026-11-29T09:00:00Z"),
    ]

    assert [one.labels["alertname"] for one in urgent_first(found)] == ["worst", "old", "young", "other", "may"]
    assert is_alive(found)
    assert not is_alive(found[:-1])


@pytest.mark.parametrize(
    "named",
    ["", "README.md", "monitoring/runbooks/../../README.md", "/etc/passwd", "monitoring/runbooks/Nothing.md"],
)
def test_only_pages_of_ours_are_shown(named: str) -> None:
    """
    Whoever can write rules cannot read files with them.
    """
    assert page({"runbook": named}) is None


def test_a_page_stands_below_the_headings_of_the_console() -> None:
    shown = page({"runbook": "monitoring/runbooks/Watchdog.md"})

    assert shown is not None
    assert shown.startswith("### What it means")
    assert "\n# " not in shown


def test_only_addresses_of_the_web_are_linked_to() -> None:
    assert link({"runbook_url": "https://wiki/alert"}) == "https://wiki/alert"
    assert link({"runbook_url": "javascript:alert(1)"}) is None
    assert link({}) is None


def test_an_answer_that_many_want_is_asked_for_once() -> None:
    """
    And so is a problem: nobody waits for it again before it is old.
    """
    moment, asked = 0.0, 0

    def ask() -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise GatewayProblem("away", "", "")
        return asked

    kept = Kept(ask, 5, clock=lambda: moment)
    for _ in range(3):
        with pytest.raises(GatewayProblem, match="away"):
            kept.get()
    moment = 5.0

    assert [kept.get() for _ in range(3)] == [2, 2, 2]
    assert asked == 2
