"""The page that says what is wrong, how much may still go wrong, and how the service was over time."""

from collections.abc import Sequence
from typing import Final, Literal

import streamlit as st

from dashboard import alerts, charts, phrases
from dashboard.budgets import Budget, seconds
from dashboard.client.alerting import Alert
from dashboard.notices import away, in_words
from dashboard.panels import PANELS
from dashboard.problems import GatewayProblem
from dashboard.readings import SPANS, Readings, Span, own_readings
from dashboard.recorded import Recorded
from dashboard.traffic import OWN, OwnTraffic

_HOUR: Final = SPANS[1]
_COLOURS: Final[dict[str, Literal["red", "orange"]]] = {"critical": "red", "warning": "orange"}
_NO_PROMETHEUS: Final = (
    "Alerts and error budgets need Prometheus, which this console knows none of. `make watch` starts one; set "
    "PULMO_PROMETHEUS_URL to its address and start the console again."
)
_NO_RULES: Final = (
    "This Prometheus has no rules of ours, so no alert can fire. Have it read `monitoring/rules`, as the one that "
    "`make watch` starts does."
)


def show(own: OwnTraffic, recorded: Recorded | None) -> None:
    """Draw the page; each part asks for itself, beside the others, and says so where it gets no answer."""
    st.title("Monitoring")
    if recorded is None:
        st.info(_NO_PROMETHEUS)
    else:
        st.header("Alerts")
        _show_alerts(recorded)
        st.header("Error budgets")
        _show_budgets(recorded)
    st.header("Figures")
    span = _HOUR if recorded is None else _choose_span()
    _show_panels(own, recorded, span)


@st.fragment(run_every="5s", parallel=True)
def _show_alerts(recorded: Recorded) -> None:
    with away("Alerts"):
        found = recorded.alerts()
        shown = alerts.urgent_first(found)
        if not alerts.is_alive(found):
            st.warning(_NO_RULES)
        elif not shown:
            st.success("No alert fires.")
        for alert in shown:
            _show_alert(alert)


def _show_alert(alert: Alert) -> None:
    name, severity = alert.labels.get("alertname", ""), alert.labels.get("severity", "")
    with st.container(border=True):
        if alert.state == "firing":
            st.badge(phrases.plain(severity.capitalize() or "Firing"), color=_COLOURS.get(severity, "gray"))
        else:
            st.badge("About to fire", color="gray")
        st.write(f"**{phrases.plain(alert.annotations.get('summary', name))}**")
        st.write(phrases.plain(alert.annotations.get("description", "")))
        st.caption(f"{phrases.plain(name)}, since {phrases.moment(alert.since)} UTC")
        if page := alerts.page(alert.annotations):
            with st.expander(f"What to do about {phrases.plain(name)}"):
                st.markdown(page)
        if url := alerts.link(alert.annotations):
            st.link_button(f"What to do about {phrases.plain(name)}", url)


@st.fragment(run_every="30s", parallel=True)
def _show_budgets(recorded: Recorded) -> None:
    with away("Error budgets"):
        found = recorded.budgets()
        if not found:
            st.caption("This Prometheus records no objectives.")
            return
        row = st.container(horizontal=True)
        for budget in found:
            allowed, period = f"{budget.allowed * 100:.3g} %", phrases.span(seconds(budget.period))
            row.metric(
                f"{_name(budget)} budget left",
                phrases.percent(budget.left),
                help=f"Of the {allowed} of the requests that may be bad in {period}, as far back as Prometheus knows.",
                border=True,
                width=230,
            )
            if budget.left is not None and budget.left <= 0:
                st.warning(f"{_name(budget)}: the budget of {period} is spent.")
        _show_burns(found)


def _show_burns(found: Sequence[Budget]) -> None:
    windows = sorted({window for budget in found for window in budget.burns}, key=seconds)
    if not windows:
        st.caption("No request has come yet that a budget could be spent on.")
        return
    st.table(
        {
            "In the last": [phrases.span(seconds(window)) for window in windows],
            **{f"{_name(one)}, times": [_times(one.burns.get(window)) for window in windows] for one in found},
        }
    )
    st.caption("How many times too fast each budget is spent: at 1 it lasts exactly as long as it has to.")


def _name(budget: Budget) -> str:
    return phrases.plain(budget.objective.capitalize())


def _times(burn: float | None) -> str:
    return phrases.NONE if burn is None else f"{burn:.2f}"


def _choose_span() -> Span:
    return st.segmented_control(
        "Look back",
        SPANS,
        default=_HOUR,
        required=True,
        format_func=lambda span: span.name,
        key="monitoring.span",
    )


@st.fragment(run_every="10s", parallel=True)
def _show_panels(own: OwnTraffic, recorded: Recorded | None, span: Span) -> None:
    with away("Figures"):
        readings, source = _readings(own, recorded, span)
        if readings.moments:
            for first in range(0, len(PANELS), 2):
                for panel, column in zip(PANELS[first : first + 2], st.columns(2), strict=False):
                    with column:
                        st.subheader(panel.title)
                        charts.panel_over_time(panel, readings.moments, readings.curves[panel.title])
                        st.caption(panel.meaning)
        else:
            st.caption("The first figures come in a few seconds.")
        st.caption(f"From {source}.")


def _readings(own: OwnTraffic, recorded: Recorded | None, span: Span) -> tuple[Readings, str]:
    """Return what Prometheus has, or the gateway's own where there is none or it is away; and which of them it is."""
    if recorded is not None:
        try:
            return recorded.readings(span), recorded.source
        except GatewayProblem as problem:
            st.warning(in_words(problem))
    return own_readings(own.looks()), f"{OWN}, as far back as the console has looked"
