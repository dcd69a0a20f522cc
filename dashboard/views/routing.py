"""Where the route is changed: each change is proposed, shown with what it does, and confirmed with a name."""

from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import streamlit as st

from dashboard import changes, identity, live, phrases
from dashboard.changes import Change
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import ModelEntry, Route, RouteState
from dashboard.golden import GoldenSet
from dashboard.notices import away, show_problem
from dashboard.problems import GatewayProblem
from dashboard.views import comparison
from dashboard.visitors import Visitor

Mode = Literal["latest", "pinned", "canary", "shadow"]

_PROPOSED: Final = "routing.proposed"
_DONE: Final = "routing.done"
_NAME: Final = "routing.name"
_MODES: Final[dict[Mode, str]] = {
    "latest": "Newest version",
    "pinned": "One version",
    "canary": "Canary",
    "shadow": "Shadow",
}
_MEANINGS: Final[dict[Mode, str]] = {
    "latest": "The newest version that can answer does.",
    "pinned": "One version answers, whatever is published.",
    "canary": "The version on trial answers a part of the images, the stable one the others.",
    "shadow": "The stable version answers; the one on trial is asked about a part of the images too, to compare.",
}


def show_done() -> None:
    """Say what the visitor has just changed."""
    if said := st.session_state.pop(_DONE, ""):
        st.success(said)


def show(who: Visitor, models: Sequence[ModelEntry], state: RouteState, images: GoldenSet) -> None:
    """Offer the changes, and ask for confirmation of the one that is chosen.

    Args:
        who: the visitor.
        models: newest first, at least one.
        state: the route that is in force.
        images: what two versions are compared on before one takes the other's place.
    """
    numbers = changes.ready(models)
    if not numbers:
        st.caption("No version can answer now, so there is none to route to.")
        return
    row = st.container(horizontal=True)
    for change in (changes.promotion(state, models), changes.rollback(state, models)):
        if change is not None:
            row.button(change.label, on_click=partial(_propose, change))
    route = _choose(numbers, changes.answering(models))
    if route is not None and st.button("Review the change"):
        _propose(changes.planned(route, state, models))  # a callback would have what the fields held a moment ago
    proposed: Change | None = st.session_state.get(_PROPOSED)
    if proposed is not None:
        _confirm(who, proposed, {entry.version: entry for entry in models}, state, images)


def _choose(numbers: Sequence[int], now: int | None) -> Route | None:
    """Return the route that the visitor puts together; None where it is none yet."""
    mode = st.segmented_control(
        "Which version answers", list(_MODES), default="latest", format_func=_MODES.__getitem__, key="routing.mode"
    )
    if mode is None:
        return None
    st.caption(_MEANINGS[mode])
    if mode == "latest":
        return Route("latest")
    left, middle, right = st.columns(3)
    name = "Version" if mode == "pinned" else "Version on trial"
    version = left.selectbox(name, numbers, key=f"routing.version.{mode}")
    if mode == "pinned":
        return Route("pinned", version)
    percent = middle.number_input("Part of the images, %", 0.1, 100.0, 10.0, 1.0, format="%.1f", key="routing.percent")
    others = [number for number in numbers if number != version]
    if not others:
        st.info("A trial needs a second version that can answer.")
        return None
    index = others.index(now) if now in others else 0
    stable = right.selectbox("Stable version", others, index=index, key=f"routing.stable.{version}")
    return Route(mode, version, percent, stable)


def _propose(change: Change) -> None:
    st.session_state[_PROPOSED] = change


def _drop() -> None:
    st.session_state.pop(_PROPOSED, None)


@st.dialog("Confirm the change", width="medium", on_dismiss=_drop)
def _confirm(who: Visitor, change: Change, models: dict[int, ModelEntry], state: RouteState, images: GoldenSet) -> None:
    """Say what will happen and what is known of it, and do it once the visitor has said who they are and why."""
    st.write(f"**{change.label}.** {changes.sentence(change, state)}")
    if state.current.mode == "shadow":
        with away("Shadow"):
            st.write(live.shadowed(live.look(who.gateway)) or "No image was put to the shadow yet.")
    _show_evidence(who.gateway, change, models, images)
    signed = _sign(who)
    if st.button("Do not change anything"):
        _drop()
        st.rerun()
    if signed is not None:
        _make(who.gateway, change, signed)


def _sign(who: Visitor) -> str | None:
    """Return why the change is made, and by whom where no key tells that; None until it is confirmed."""
    with st.form("routing.confirm"):
        name = "" if who.signed_in else _ask_name().strip()
        why = st.text_input("Reason", max_chars=500, key="routing.why").strip()
        st.caption(
            "The reason is kept with the change, and so is the name of your API key."
            if who.signed_in
            else "Name and reason are kept with the change, for everybody who looks at the page."
        )
        sent = st.form_submit_button("Confirm")
    if not sent:
        return None
    if not why or not (who.signed_in or name):
        st.error("Say who you are and why, so that others can understand the change later.")
        return None
    st.session_state[_NAME] = name
    return changes.signed(name, why)


def _ask_name() -> str:
    """Return what the visitor calls themselves; where an identity provider says who they are, that is it."""
    known = identity.name()
    kept = str(st.session_state.get(_NAME, ""))
    return st.text_input("Your name", known or kept, max_chars=254, key="routing.who", disabled=bool(known))


def _show_evidence(gateway: GatewayClient, change: Change, models: dict[int, ModelEntry], images: GoldenSet) -> None:
    if change.pair is None:
        st.caption("The same version answers before and after.")
        return
    first, second = (models.get(number) for number in change.pair)
    if first is None or second is None:
        st.warning(f"One of versions {change.pair[0]} and {change.pair[1]} has left; they cannot be compared.")
        return
    comparison.show_disagreement(gateway, (first, second), images)


def _make(gateway: GatewayClient, change: Change, reason: str) -> None:
    """Change the route, unless somebody else has done so since it was looked at."""
    try:
        gateway.forget()
        found = gateway.route()
        if found.sequence != change.sequence:
            _drop()
            st.error(f"The route was changed meanwhile: {phrases.route(found.current)}. Look again, and decide anew.")
            return
        state = gateway.roll_back(reason) if change.back else gateway.set_route(change.route, reason)
    except GatewayProblem as problem:
        show_problem(problem)
        return
    _drop()
    st.session_state[_DONE] = f"Done: {phrases.route(state.current)}."
    st.rerun()
