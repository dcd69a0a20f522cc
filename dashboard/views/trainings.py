"""Trainings on the page that trains: the one that runs, or the last one, and those before."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboard import curves, phrases
from dashboard.client.messages import TrainingSession, TrainingStatus
from dashboard.client.training import TrainingClient
from dashboard.notices import away
from dashboard.training.log import Log, read_log

_LOG_PIXELS: Final = 260
_OUTCOMES: Final = {
    "running": "Running",
    "completed": "A version was published",
    "rejected": "Not good enough",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


@st.fragment(run_every="4s", parallel=True)
def show_last(training: TrainingClient) -> None:
    """Show how the training is doing that runs, and let it be cancelled; or how the last one ended."""
    with away("The last training"):
        status = training.status()
        if status.session_id is None:
            st.caption("There was no training yet.")
            return
        _show_status(status)
        if status.status == "running":
            _show_cancel(training, status.session_id)
        _show_log(_log("train.log.last", training, status.session_id, has_ended=status.status != "running"))


def _show_status(status: TrainingStatus) -> None:
    message = phrases.plain(status.message)
    if status.status == "running":
        st.progress(min(max(status.progress / 100, 0.0), 1.0), f"{status.progress:.0f} %: {message}")
    elif status.status == "completed":
        st.success(f"{message.capitalize()}.")
    elif status.status in {"rejected", "failed"}:
        st.warning(f"{_outcome(status.status)}: {message}.")
    else:
        st.info(f"{_outcome(status.status)}: {message}.")
    ended = f", ended {phrases.moment(status.ended)}" if status.ended else ""
    st.caption(f"Session {status.session_id}, started {phrases.moment(status.started or '')}{ended} (UTC)")


def _show_cancel(training: TrainingClient, session_id: str) -> None:
    with st.popover("Cancel the training"):
        st.write("What it has learned so far is lost. The versions stay as they are.")
        if st.button("Yes, cancel it", key=f"train.cancel.{session_id}"):
            training.cancel(session_id)
            st.info("The training was told to end; that may take some seconds.")


def _log(place: str, training: TrainingClient, session_id: str, *, has_ended: bool) -> Log:
    """Return the log of a training; that of one that has ended is asked for once, and kept in `place`."""
    kept: tuple[str, Log] | None = st.session_state.get(place)
    if kept is not None and kept[0] == session_id:
        return kept[1]
    log = read_log(training.log(session_id))
    if has_ended:
        st.session_state[place] = (session_id, log)
    return log


def _show_log(log: Log) -> None:
    """Draw the curves of a training, and show the end of what it has written."""
    if log.epochs:
        left, right = st.columns(2)
        with left:
            losses = {
                "training": [(one.epoch, one.loss) for one in log.epochs],
                "validation": [(one.epoch, one.val_loss) for one in log.epochs],
            }
            curves.lines("Epoch", "Loss", losses, "Line chart of the loss after each epoch")
        with right:
            accuracies = {
                "training": [(one.epoch, one.accuracy * 100) for one in log.epochs],
                "validation": [(one.epoch, one.val_accuracy * 100) for one in log.epochs],
            }
            curves.lines("Epoch", "Accuracy, %", accuracies, "Line chart of the accuracy after each epoch")
    with st.expander("Log"):
        st.code(log.end or "Nothing is written yet.", language=None, height=_LOG_PIXELS)


@st.fragment(run_every="10s", parallel=True)
def show_trainings(training: TrainingClient) -> None:
    """Show the last trainings in a table, and one of them in detail."""
    with away("Trainings so far"):
        sessions = training.sessions()
        if not sessions:
            st.caption("There was no training yet.")
            return
        _show_table(sessions)
        known = {one.session_id: one for one in sessions}
        identity = st.selectbox(
            "Show one of them in detail",
            list(known),
            index=None,
            format_func=lambda one: f"{phrases.moment(known[one].started)}  {_outcome(known[one].status)}",
            placeholder="Choose a training",
            key="train.detail",
        )
        if identity is not None:
            chosen = known[identity]
            _show_numbers("Parameters", chosen.parameters)
            _show_numbers("On the validation images", chosen.metrics)
            _show_log(_log("train.log.detail", training, identity, has_ended=chosen.status != "running"))


def _show_table(sessions: Sequence[TrainingSession]) -> None:
    st.dataframe(
        {
            "Started (UTC)": [phrases.moment(one.started) for one in sessions],
            "Ended (UTC)": [phrases.moment(one.ended or "") for one in sessions],
            "Outcome": [_outcome(one.status) for one in sessions],
            "Version": [one.model_version for one in sessions],
            "Accuracy, %": [_percent(one.metrics, "accuracy") for one in sessions],
            "Macro F1, %": [_percent(one.metrics, "macro_f1") for one in sessions],
            "What it said": [one.message for one in sessions],
        },
        hide_index=True,
        column_config=dict.fromkeys(("Accuracy, %", "Macro F1, %"), st.column_config.NumberColumn(format="%.1f")),
        placeholder="",
        alt="The last trainings, newest first",
    )


def _outcome(status: str) -> str:
    return _OUTCOMES.get(status, phrases.plain(status))


def _percent(metrics: Mapping[str, float], name: str) -> float | None:
    return metrics[name] * 100 if name in metrics else None


def _show_numbers(title: str, values: Mapping[str, Any]) -> None:
    if values:
        names = [phrases.plain(name.replace("_", " ")) for name in values]
        st.table({title: names, "Value": [phrases.plain(_written(value)) for value in values.values()]})


def _written(value: Any) -> str:  # noqa: ANN401 - JSON
    return f"{value:.4g}" if isinstance(value, float) else str(value)
