"""The page that tries the service under load: one short scenario at a time, watched and stopped by whoever may."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from dashboard import curves, phrases
from dashboard.loads.command import LONGEST_S, MISSING, SCENARIOS, SHORTEST_S, LoadRefused
from dashboard.loads.figures import Moment, Result
from dashboard.loads.runs import Loads, Look
from dashboard.visitors import Visitor

_REFUSED: Final = "load.refused"
_SCENARIO: Final = "load.scenario"
_SECONDS: Final = "load.seconds"
_USUAL_S: Final = 15


def show(who: Visitor, loads: Loads) -> None:
    """Draw the page."""
    st.title("Load")
    st.write(
        "Users come as in a load test and ask the service for predictions, batches, its history and its health. Their "
        "requests are real: others wait longer meanwhile, and the answers are in the history. So short a load shows "
        "that everything works, and measures nothing; `make load` measures."
    )
    if loads.can_start:
        _show_load(who, loads)
    else:
        st.info(MISSING)


@st.fragment(run_every="2s")
def _show_load(who: Visitor, loads: Loads) -> None:
    look = loads.look()
    is_running = look is not None and look.state == "running"
    _show_start(who, loads, is_running=is_running)
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(phrases.plain(refused))
    if look is not None:
        _show_look(look)


def _show_start(who: Visitor, loads: Loads, *, is_running: bool) -> None:
    left, right = st.columns(2)
    left.selectbox(
        "Scenario",
        list(SCENARIOS),
        format_func=lambda name: f"{name}: {SCENARIOS[name]}",
        disabled=is_running,
        key=_SCENARIO,
    )
    right.slider("Time", SHORTEST_S, LONGEST_S, _USUAL_S, format="%d s", disabled=is_running, key=_SECONDS)
    row = st.container(horizontal=True)
    row.button(
        "Start the load",
        on_click=partial(_start, who, loads),
        disabled=is_running or who.access != "operate",
        key="load.start",
    )
    row.button("Stop it", on_click=loads.stop, disabled=not is_running, key="load.stop")
    if who.access != "operate":
        st.caption("A load can be started once the gateway says that you may.")


def _start(who: Visitor, loads: Loads) -> None:
    """Start what the fields hold at the click."""
    scenario, seconds = st.session_state[_SCENARIO], st.session_state[_SECONDS]
    try:
        loads.start(scenario, seconds, who.gateway.url, who.gateway.credentials(), os.environ)
    except LoadRefused as refusal:
        st.session_state[_REFUSED] = str(refusal)


def _show_look(look: Look) -> None:
    st.header(f"{look.scenario.capitalize()}, {look.seconds} s")
    if look.state == "running":
        st.info("It runs." if look.course else "It is being prepared.")
    elif look.state == "stopped":
        st.info("It was stopped; nothing is judged.")
    elif look.state == "failed" or look.result is None:
        st.error("**The load test ended without figures**\n\nWhat it said last stands below.")
        st.code(look.log, language=None)
    else:
        _show_verdict(look.result)
    if look.course:
        if look.state == "running":
            _show_now(look.course[-1])
        _show_course(look.course)
    if look.result is not None:
        _show_routes(look.result)


def _show_verdict(result: Result) -> None:
    if result.problems:
        st.warning("**Not good enough**\n\n" + "\n".join(f"- {phrases.plain(problem)}" for problem in result.problems))
    else:
        st.success("Good: no request failed, and the gateway counted all of them.")
    summary = result.summary
    requests = summary.answered + summary.refused + summary.failed
    st.write(
        f"{requests:,} requests of up to {result.users} users: {summary.answered:,} were answered "
        f"({summary.rate:.1f} a second), {summary.refused:,} refused as the service was at its limit, and "
        f"{summary.failed:,} failed. A single image took {summary.mean_ms:.0f} ms on average, and 99 % of them "
        f"{summary.p99_ms:.0f} ms at most."
    )
    for note in [*result.errors, *result.generator.warnings]:
        st.caption(phrases.plain(note))


def _show_now(now: Moment) -> None:
    boxes = st.container(horizontal=True)
    for label, value, meaning in (
        ("Users", str(now.users), "At this moment."),
        ("Requests per second", f"{now.per_s:.1f}", "Of the last ten seconds."),
        ("Failed per second", f"{now.failed_per_s:.1f}", "Refusals are no failures."),
        ("Median time", _milliseconds(now.p50_ms), "Half of all requests of the last ten seconds took less."),
        ("99 % took less than", _milliseconds(now.p99_ms), "Of all requests of the last ten seconds."),
        ("Requests so far", f"{now.requests:,}", f"{now.failed:,} of them failed."),
    ):
        boxes.metric(label, value, help=meaning, border=True, width=190)


def _show_course(course: Sequence[Moment]) -> None:
    start = course[0].at
    users = {"users": [(one.at - start, float(one.users)) for one in course]}
    rates = {"requests": [(one.at - start, one.per_s) for one in course]}
    times = {
        "half below": [(one.at - start, one.p50_ms) for one in course if one.p50_ms is not None],
        "99 % below": [(one.at - start, one.p99_ms) for one in course if one.p99_ms is not None],
    }
    columns = st.columns(3)
    with columns[0]:
        curves.lines("Seconds", "Users", users, "Line chart of the users over the seconds")
    with columns[1]:
        curves.lines("Seconds", "Requests per second", rates, "Line chart of the requests per second over the seconds")
    with columns[2]:
        curves.lines("Seconds", "Milliseconds", times, "Line chart of the time that requests took over the seconds")


def _show_routes(result: Result) -> None:
    st.table(
        {
            "Request": [f"{route.method} {route.name}" for route in result.routes],
            "Number": [f"{route.requests:,}" for route in result.routes],
            "Failed": [f"{route.failed:,}" for route in result.routes],
            "Average, ms": [f"{route.mean_ms:.0f}" for route in result.routes],
            "Half less than, ms": [f"{route.p50_ms:.0f}" for route in result.routes],
            "99 % less than, ms": [f"{route.p99_ms:.0f}" for route in result.routes],
        }
    )
    st.caption(f"Posted were {phrases.plain(result.images)}.")


def _milliseconds(value: float | None) -> str:
    return phrases.milliseconds(None if value is None else value / 1000)
