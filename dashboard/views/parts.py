"""The parts of the service, one beside the other, and how each is."""

from collections.abc import Callable
from typing import Final, Literal

import msgspec
import streamlit as st

from dashboard import phrases
from dashboard.problems import GatewayProblem
from dashboard.traffic import OwnTraffic, PrometheusTraffic
from dashboard.visitors import Visitor

State = Literal["Healthy", "Degraded", "Away", "Not known"]
_COLOURS: Final[dict[State, Literal["green", "orange", "red", "gray"]]] = {
    "Healthy": "green",
    "Degraded": "orange",
    "Away": "red",
    "Not known": "gray",
}


class Part(msgspec.Struct, frozen=True):
    """One part, and how it is."""

    name: str
    state: State
    detail: str


@st.fragment(run_every="5s", parallel=True)
def show_parts(who: Visitor, own: OwnTraffic, prometheus: PrometheusTraffic | None) -> None:
    """Say in a sentence whether the service is well, and of each part how it is."""
    parts = look(who, own, prometheus)
    worst = [part for part in parts if part.state in {"Away", "Degraded"}]
    if worst:
        st.warning("Needs attention: " + "; ".join(f"{part.name} {part.state.lower()}" for part in worst) + ".")
    else:
        st.success(f"The service is healthy. {parts[1].detail}")
    row = st.container(horizontal=True)
    for part in parts:
        with row.container(border=True, width=148, height="stretch"):
            st.write(f"**{part.name}**")
            st.badge(part.state, color=_COLOURS[part.state])
            st.caption(phrases.plain(part.detail))


def look(who: Visitor, own: OwnTraffic, prometheus: PrometheusTraffic | None) -> list[Part]:
    """Ask each part how it is. Behind a gateway that does not answer nothing is asked: nobody waits twice."""
    console = Part("Console", "Healthy", "It draws this page.")
    try:
        health = who.gateway.health()
    except GatewayProblem as problem:
        away = Part("Gateway", "Away", f"{problem.title}. {problem.remedy}")
        return [away, *map(_unknown, ("Model server", "History")), *_prometheus(prometheus), console]
    answers = f"Version {health.model_version} answers."
    model = (
        Part("Model server", "Healthy", answers)
        if health.model_loaded
        else Part("Model server", "Away", health.reason or "No version can answer.")
    )
    return [
        Part("Gateway", "Healthy", f"At {phrases.host(who.gateway.url)}."),
        _servers(model, own),
        _asked("History", lambda: f"It can be read. {_training(who)}"),
        *_prometheus(prometheus),
        console,
    ]


def _unknown(name: str) -> Part:
    return Part(name, "Not known", "The gateway tells, once it answers.")


def _servers(model: Part, own: OwnTraffic) -> Part:
    """Name the model servers that are away while others answer."""
    try:
        servers = own.report().now.servers
    except GatewayProblem:
        return model
    missing = [server for server, ready in servers.items() if not ready]
    if model.state == "Healthy" and missing:
        return Part(model.name, "Degraded", f"{model.detail} Away: {', '.join(missing)}.")
    return model


def _training(who: Visitor) -> str:
    status = who.gateway.training()
    return f"A retraining runs: {status.progress:.0f} %." if status.status == "running" else "No retraining runs."


def _prometheus(prometheus: PrometheusTraffic | None) -> list[Part]:
    if prometheus is None:
        return []
    return [_asked("Prometheus", lambda: _recording(prometheus))]


def _recording(prometheus: PrometheusTraffic) -> str:
    prometheus.report()
    return f"At {prometheus.host}."


def _asked(name: str, ask: Callable[[], str]) -> Part:
    try:
        return Part(name, "Healthy", ask())
    except GatewayProblem as problem:
        return Part(name, "Away", f"{problem.title}. {problem.detail}")
