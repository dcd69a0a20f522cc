"""The page that trains: labelled images go in, a training is started, followed, cancelled, and the last ones told."""

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboard import phrases
from dashboard.client.gateway import GatewayClient
from dashboard.client.training import TrainingClient
from dashboard.notices import away
from dashboard.training.parameters import Field, document, read_schema
from dashboard.views.trainings import show_last, show_trainings
from dashboard.views.uploads import show_uploads

_AS_BEFORE: Final = "as before"


def show(gateway: GatewayClient) -> None:
    """Draw the page; each part asks for itself, and says so where it gets no answer."""
    training = TrainingClient(gateway)
    st.title("Train")
    st.write(
        "A training goes on from the newest version, with all labelled images that were uploaded. The outcome is "
        "published as the next version where it is no worse, and rolls out by itself."
    )
    st.header("Labelled images")
    show_uploads(training)
    st.header("Start a training")
    _show_start(training)
    st.header("The last training")
    show_last(training)
    st.header("Trainings so far")
    show_trainings(training)


@st.fragment(parallel=True)
def _show_start(training: TrainingClient) -> None:
    with away("Start a training"):
        fields: Sequence[Field] = ()
        if st.toggle("Set parameters", key="train.set"):
            with st.spinner("Asking the trainer what may be set"):
                allowed = read_schema(training.parameters())
            fields = allowed.fields
            if not fields:
                st.caption("This trainer lets nothing be set here.")
            if allowed.others:
                st.caption(f"Set by programs only: {phrases.plain(', '.join(allowed.others))}.")
        with st.form("train.form", border=bool(fields)):
            values = _show_fields(fields)
            sent = st.form_submit_button("Start a training")
        if sent:
            with st.spinner("Starting"):
                reply = training.start(document(values))
            said = phrases.plain(reply.message.partition(";")[0]).capitalize()
            st.success(f"{said}; it is followed below. Session {phrases.plain(reply.session_id)}")


def _show_fields(fields: Sequence[Field]) -> dict[tuple[str, ...], Any]:
    """Ask for each parameter; what is left open is as the version was trained."""
    columns = st.columns(3) if fields else []
    values = {}
    for number, field in enumerate(fields):
        with columns[number % len(columns)]:
            values[field.path] = _ask_for(field)
    return values


def _ask_for(field: Field) -> bool | int | float | str | None:
    key, title, hint = f"train.parameter.{'.'.join(field.path)}", field.title, field.limits or None
    if field.kind == "boolean":
        return st.selectbox(
            title,
            [True, False],
            index=None,
            format_func=lambda value: "yes" if value else "no",
            placeholder=_AS_BEFORE,
            key=key,
        )
    if field.kind == "choice":
        return st.selectbox(title, field.choices, index=None, placeholder=_AS_BEFORE, key=key)
    if field.kind == "integer":
        low, high = (None if limit is None else int(limit) for limit in (field.minimum, field.maximum))
        return st.number_input(
            title, min_value=low, max_value=high, value=None, step=1, help=hint, placeholder=_AS_BEFORE, key=key
        )
    return st.number_input(
        title,
        min_value=field.minimum,
        max_value=field.maximum,
        value=None,
        format="%g",
        help=hint,
        placeholder=_AS_BEFORE,
        key=key,
    )
