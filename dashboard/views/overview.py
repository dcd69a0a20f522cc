"""The page that says whether the service is well, how much it does, and what happened last. It draws itself again."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard import charts, events, phrases
from dashboard.client.gateway import GatewayClient
from dashboard.figures import Figures
from dashboard.notices import away, in_words
from dashboard.problems import GatewayProblem
from dashboard.traffic import OwnTraffic, PrometheusTraffic, Report
from dashboard.views.parts import show_parts
from dashboard.visitors import Visitor

_EVENTS: Final = 12
_NO_FIGURES: Final = Figures(0.0, 0.0, None, None, None, None)


def show(who: Visitor, own: OwnTraffic, prometheus: PrometheusTraffic | None) -> None:
    """Draw the page; each part asks for itself, beside the others, and says so where it gets no answer."""
    st.title("Overview")
    show_parts(who, own, prometheus)
    st.header("Traffic")
    _show_traffic(own, prometheus)
    st.header("Versions")
    _show_versions(who)
    if who.may_operate:
        st.header("Last events")
        _show_events(who.gateway)


@st.fragment(run_every="5s", parallel=True)
def _show_traffic(own: OwnTraffic, prometheus: PrometheusTraffic | None) -> None:
    with away("Traffic"):
        report = _report(own, prometheus)
        _show_figures(report)
        if report.course:
            left, right = st.columns(2)
            with left:
                charts.rate_over_time(report.course)
            with right:
                charts.latency_over_time(report.course)


def _report(own: OwnTraffic, prometheus: PrometheusTraffic | None) -> Report:
    """Return the figures of Prometheus, or the gateway's own where there is none or it is away."""
    if prometheus is not None:
        try:
            return prometheus.report()
        except GatewayProblem as problem:
            st.warning(in_words(problem))
    return own.report()


def _show_figures(report: Report) -> None:
    figures, now = report.figures or _NO_FIGURES, report.now
    values = [
        ("Images per second", f"{figures.images_per_s:.3g}", "Images that were answered."),
        ("Median time", phrases.milliseconds(figures.p50_s), "Half of the single images took less (p50)."),
        ("99 % took less than", phrases.milliseconds(figures.p99_s), "Of the single images (p99)."),
        ("Refused", phrases.percent(figures.refused), "Of the requests: the service was at its limit, or not ready."),
        ("Failed", phrases.percent(figures.failed), "Of the requests: the service was at fault."),
        (
            "Images waiting",
            f"{now.waiting:.0f}",
            f"For the model, now. Inside are {now.inside:.0f} of {now.limit:.0f}.",
        ),
    ]
    for row in (values[:3], values[3:]):
        boxes = st.container(horizontal=True)
        for label, value, meaning in row:
            boxes.metric(label, value, help=meaning, border=True, width="stretch")
    window = f"Last {phrases.span(figures.seconds)}" if report.figures else "The first figures come in a few seconds"
    st.caption(f"{window}; from {report.source}.")


@st.fragment(run_every="10s", parallel=True)
def _show_versions(who: Visitor) -> None:
    with away("Versions"):
        if who.may_operate:
            state = who.gateway.route()
            st.write(f"Route: {phrases.route(state.current)}.")
            if state.why:
                st.write(f"At the moment: {phrases.plain(state.why)}.")
        models = who.gateway.models().models
        rows = {
            "Version": [str(entry.version) for entry in models],
            "State": [phrases.plain(entry.error) or entry.state.capitalize() for entry in models],
            "Traffic": [f"{entry.percent:g} % ({entry.role})" if entry.role else phrases.NONE for entry in models],
            "Network": [entry.architecture or phrases.NONE for entry in models],
            "Since (UTC)": [phrases.moment(entry.since) for entry in models],
        }
        _table(rows, "The model server has no version.")


@st.fragment(run_every="10s", parallel=True)
def _show_events(gateway: GatewayClient) -> None:
    with away("Last events"):
        happened = [
            *events.of_route(gateway.route_changes().history),
            *events.of_trainings(gateway.trainings().sessions),
            *events.of_models(gateway.models().models),
        ]
        last = events.newest(happened, _EVENTS)
        rows = {
            "When (UTC)": [phrases.moment(event.at) for event in last],
            "What": [event.what for event in last],
            "Details": [phrases.plain(event.detail) for event in last],
        }
        _table(rows, "Nothing has happened yet.")


def _table(columns: dict[str, list[str]], otherwise: str) -> None:
    rows: Sequence[str] = next(iter(columns.values()))
    if rows:
        st.table(columns)
    else:
        st.caption(otherwise)
