"""What every page says in the same way: problems, the state of the service, and what Pulmo is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

from dashboard import phrases, problems
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import Health
from dashboard.problems import GatewayProblem

NOT_A_MEDICAL_DEVICE = "Pulmo is for research and teaching. It is not a medical device and gives no diagnosis."

_FOUND: Final = "service.problem"


def show_problem(problem: GatewayProblem) -> None:
    """Say what is wrong and what to do about it."""
    st.error(in_words(problem))


def in_words(problem: GatewayProblem) -> str:
    """Return a problem as Markdown."""
    return f"**{phrases.plain(problem.title)}**\n\n{phrases.plain(problem.detail)}\n\n{problem.remedy}"


@contextmanager
def away(part: str) -> Iterator[None]:
    """Show in the place of a part of a page why it is not there; the other parts are drawn nevertheless."""
    try:
        yield
    except GatewayProblem as problem:
        st.warning(f"{part}: {in_words(problem)}")


def show_service(gateway: GatewayClient, problem: GatewayProblem | None) -> None:
    """Say in the sidebar whether the service can predict, and with which model version.

    Args:
        gateway: which is asked now and then.
        problem: what it was found to have a moment ago: it is not asked again before the page is drawn.
    """
    st.session_state[_FOUND] = problem
    with st.sidebar:
        _show_health(gateway)
        st.caption(f"Gateway: {phrases.host(gateway.url)}")
        st.caption(NOT_A_MEDICAL_DEVICE)


@st.fragment(run_every="10s")
def _show_health(gateway: GatewayClient) -> None:
    st.write("**Service**")
    try:
        if found := st.session_state.pop(_FOUND, None):
            raise found
        health = gateway.health()
    except GatewayProblem as problem:
        show_problem(problem)
        return
    if ailment := _ailment(gateway, health):
        st.warning(f"Degraded: {phrases.plain(ailment)}")
    else:
        st.success("Healthy")
    version = "none" if health.model_version is None else str(health.model_version)
    st.write(f"Model version: {version}")


def _ailment(gateway: GatewayClient, health: Health) -> str:
    """Say what keeps the service from being healthy; empty where nothing does."""
    if health.status != "ok":
        return health.reason or "images may be refused at the moment"
    try:
        gateway.training()  # it stands in the history's database
    except GatewayProblem as problem:
        if problem.status not in problems.OF_THE_KEY:
            return problem.title
    return ""
