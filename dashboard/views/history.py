"""The page that shows what was answered: filtered, in pages, as charts, and as a file."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts, phrases
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import Prediction
from dashboard.filters import Place, confidences, day, from_day, last_day, until_day
from dashboard.notices import away, show_problem
from dashboard.problems import GatewayProblem
from dashboard.views import answer

_ROWS: Final = 100
_EXPORT_BYTES: Final = 50_000_000
_ABSTAIN: Final = {"": "all answers", "false": "answers to rely on", "true": "abstentions"}
_NAMES: Final = {
    "class": "Class",
    "version": "Model version",
    "since": "From, UTC",
    "until": "Until the end of, UTC",
    "min_confidence": "Lowest confidence",
    "max_confidence": "Highest confidence",
    "abstain": "Reliance",
    "filename": "File name",
    "caller": "Asked by",
}
_HELP: Final = {"filename": "`slice_*` for all that begin with `slice_`", "caller": "The name of the API key"}
_KINDS: Final = {
    "CSV": ("csv", "history.csv", "text/csv"),
    "JSON lines": ("json", "history.jsonl", "application/jsonl"),
}


def show(gateway: GatewayClient) -> None:
    """Show the part of the history that the page's address names."""
    st.title("History")
    place = Place.of(st.query_params.to_dict())
    _show_filters(gateway, place)
    with away("History"):
        with st.spinner("Reading the history"):
            page = gateway.history(place.filters, _ROWS, place.after)
        _show_pages(place, page.next)
        if page.history:
            _show_rows(gateway, page.history)
        elif page.next is None:
            st.info("No prediction is like that. Change the filters, or classify an image.")
        else:
            st.info("Nothing was found so far; older predictions are on the next page.")
        _show_export(gateway, place.filters)


def _show_filters(gateway: GatewayClient, place: Place) -> None:
    """Ask what to look at; the answer goes into the address, and the page is drawn by that."""
    given = place.filters
    title = f"Filters: {', '.join(_NAMES[name].lower() for name in given)}" if given else "Filters"
    with st.expander(title, expanded=bool(given)):
        with st.form("history.filters"):
            columns = st.columns(3)
            values = {**_choices(gateway, given, columns[0]), **_texts(given, columns[1]), **_days(given, columns[2])}
            chosen = st.form_submit_button("Show")
        if chosen:
            _go(Place({name: value for name, value in values.items() if value}))
            st.rerun()
        if given:
            st.button("Remove all filters", on_click=partial(_go, Place({})))


def _choices(gateway: GatewayClient, given: Mapping[str, str], column: DeltaGenerator) -> dict[str, str]:
    labels = ["", *_labels(gateway, given.get("class", ""))]
    label = column.selectbox(
        _NAMES["class"],
        labels,
        index=labels.index(given.get("class", "")),
        format_func=lambda value: value or "all classes",
        key=_key("class", given),
    )
    asked = given.get("abstain", "")
    abstain = column.selectbox(
        _NAMES["abstain"],
        list(_ABSTAIN),
        index=list(_ABSTAIN).index(asked) if asked in _ABSTAIN else 0,
        format_func=_ABSTAIN.__getitem__,
        key=_key("abstain", given),
    )
    return {"class": label, "abstain": abstain}


def _texts(given: Mapping[str, str], column: DeltaGenerator) -> dict[str, str]:
    return {
        name: column.text_input(_NAMES[name], given.get(name, ""), help=_HELP.get(name), key=_key(name, given)).strip()
        for name in ("version", "filename", "caller")
    }


def _days(given: Mapping[str, str], column: DeltaGenerator) -> dict[str, str]:
    first = column.date_input(_NAMES["since"], day(given.get("since", "")), key=_key("since", given))
    last = column.date_input(_NAMES["until"], last_day(given.get("until", "")), key=_key("until", given))
    lowest, highest = column.slider("Confidence, %", 0, 100, confidences(given), key=_key("confidence", given))
    return {
        "since": from_day(first) if first else "",
        "until": until_day(last) if last else "",
        "min_confidence": f"{lowest / 100:g}" if lowest > 0 else "",
        "max_confidence": f"{highest / 100:g}" if highest < 100 else "",
    }


def _key(name: str, given: Mapping[str, str]) -> str:
    """Return a key that is another one where the address is: what stands there is what the widget begins with."""
    return f"history.{name}.{given}"


def _labels(gateway: GatewayClient, chosen: str) -> list[str]:
    """Return the classes of all versions there are, and the one that is asked for."""
    try:
        models = gateway.models().models
    except GatewayProblem:
        models = []
    return sorted({label for entry in models for label in entry.labels} | ({chosen} if chosen else set()))


def _go(place: Place) -> None:
    st.query_params.from_dict(place.query())


def _show_pages(place: Place, following: int | None) -> None:
    row = st.container(horizontal=True)
    row.button("Newest", on_click=partial(_go, Place(place.filters)), disabled=place.after is None)
    older = partial(_go, Place(place.filters, following))
    row.button("Older", on_click=older, disabled=following is None)


def _show_rows(gateway: GatewayClient, rows: Sequence[Prediction]) -> None:
    left, right = st.columns(2)
    with left:
        charts.classes_over_time(rows)
    with right:
        charts.confidence_over_time(rows)
    _show_table(rows)
    st.caption(f"{len(rows)} predictions; the charts show the same ones.")
    chosen = st.selectbox(
        "Show one of them in detail",
        rows,
        index=None,
        format_func=lambda row: f"{phrases.moment(row.timestamp)}  {row.prediction}  {row.filename or ''}",
        placeholder="Choose a prediction",
        key=f"history.detail.{rows[0].id}",
    )
    if chosen is not None:
        answer.show_prediction(chosen)
        answer.show_feedback(gateway, chosen)
        answer.show_timings(chosen.timings)
        st.caption(f"Prediction {chosen.id}")


def _show_table(rows: Sequence[Prediction]) -> None:
    st.dataframe(
        {
            "Time (UTC)": [phrases.moment(row.timestamp) for row in rows],
            "Class": [row.prediction for row in rows],
            "Confidence, %": [row.confidence * 100 for row in rows],
            "To rely on": ["no" if row.abstain else "yes" for row in rows],
            "Version": [row.model_version for row in rows],
            "Time, ms": [row.timings.total for row in rows],
            "File": [row.filename for row in rows],
            "Asked by": [row.caller for row in rows],
        },
        hide_index=True,
        column_config=dict.fromkeys(("Confidence, %", "Time, ms"), st.column_config.NumberColumn(format="%.1f")),
        placeholder="",
        alt="The predictions of this page, newest first",
    )


@st.fragment
def _show_export(gateway: GatewayClient, filters: Mapping[str, str]) -> None:
    """Offer all that the filters let through, beyond this page; the gateway writes the file."""
    st.header("Download")
    kind = st.segmented_control("Format", list(_KINDS), default="CSV", required=True, key="history.kind")
    if not st.button("Prepare the file"):
        return
    name, filename, media_type = _KINDS[kind]
    try:
        with st.spinner("The gateway writes the file"):
            content = gateway.export(filters, name, _EXPORT_BYTES)
    except GatewayProblem as problem:
        show_problem(problem)
        return
    st.download_button(f"Save {filename}", content, filename, media_type, on_click="ignore")
    st.caption(f"{len(content) / 1000:.1f} kB")
