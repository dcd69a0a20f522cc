"""Labelled images on the page that trains: chosen, looked at, and handed to the gateway, which decodes them."""

from collections.abc import Sequence
from typing import Final

import msgspec
import streamlit as st

from dashboard import batches, phrases
from dashboard.client.messages import UploadedFile
from dashboard.client.training import TrainingClient
from dashboard.notices import away, show_problem
from dashboard.problems import GatewayProblem
from dashboard.training import archives
from dashboard.training.archives import ArchiveRefused
from dashboard.training.examples import (
    Example,
    balance,
    class_of,
    classes_of,
    contradictions,
    example,
    outcomes,
)

_ONE_CLASS: Final = "Images of one class"
_FOLDER: Final = "A folder of classes"
_ZIP: Final = "A zip of classes"
_PORTION: Final = 32  # images of a request; the gateway takes 128 by default
_KEPT: Final = "uploads.kept"
_SESSIONS: Final = "uploads.sessions"
_OPENED: Final = "uploads.opened"
_AGAIN: Final = "uploads.again"
_NAMED: Final = 5  # contradictions


class _Opened(msgspec.Struct, frozen=True):
    """What was in a zip."""

    key: tuple[str, ...]
    """The upload, and the classes that there were."""
    examples: list[Example]


@st.fragment(parallel=True)
def show_uploads(training: TrainingClient) -> None:
    """Let a visitor choose images, show how many there are of each class, and upload them on request."""
    with away("Labelled images"):
        classes = classes_of(training.gateway.models().models)
        if not classes:
            st.info("No version tells its classes at the moment, so images cannot be labelled. Start the model server.")
            return
        try:
            examples = _choose(classes)
        except ArchiveRefused as refusal:
            st.error(f"**The zip is not opened**\n\n{phrases.plain(str(refusal))}")
            return
        labelled = [one for one in examples if one.label][: archives.MAX_FILES]
        _show_balance(labelled)
        _show_left_out(examples, labelled, classes)
        _show_upload(training, labelled)
    _show_earlier(training)


def _choose(classes: Sequence[str]) -> list[Example]:
    kind = st.segmented_control(
        "What to upload", [_ONE_CLASS, _FOLDER, _ZIP], default=_ONE_CLASS, required=True, key="uploads.kind"
    )
    if kind != _ZIP:
        st.session_state.pop(_OPENED, None)
    if kind == _ONE_CLASS:
        label = st.selectbox("Class", classes, key="uploads.class")
        files = st.file_uploader(
            "PNG or JPEG images", accept_multiple_files=True, max_upload_size=batches.IMAGE_MB, key="uploads.images"
        )
        return [example(f"{file.file_id}.{label}", file.name, file.getvalue(), label) for file in files]
    st.caption(f"Folders are named after the classes: {', '.join(map(phrases.plain, classes))}.")
    if kind == _ZIP:
        return _open(classes)
    files = st.file_uploader(
        "Folder", accept_multiple_files="directory", max_upload_size=batches.IMAGE_MB, key="uploads.folder"
    )
    return [example(file.file_id, file.name, file.getvalue(), class_of(file.name, classes)) for file in files]


def _open(classes: Sequence[str]) -> list[Example]:
    """Return what is in the zip of the visitor, which is opened once and not at every click."""
    file = st.file_uploader("Zip", type="zip", max_upload_size=archives.MAX_MB, key="uploads.zip")
    opened: _Opened | None = st.session_state.pop(_OPENED, None)
    if file is None:
        return []
    if opened is None or opened.key != (file.file_id, *classes):
        with st.spinner("Opening the zip"):
            members = archives.open_archive(file.getvalue())
        examples = [
            example(f"{file.file_id}.{number}", member.path, member.body, class_of(member.path, classes))
            for number, member in enumerate(members)
        ]
        opened = _Opened((file.file_id, *classes), examples)
    st.session_state[_OPENED] = opened
    return opened.examples


def _show_balance(examples: Sequence[Example]) -> None:
    if not examples:
        return
    classes = balance(examples)
    st.table(
        {
            "Class": [phrases.plain(one.label) for one in classes],
            "Images": [str(one.images) for one in classes],
            "Share": [phrases.percent(one.images / len(examples)) for one in classes],
            "Exact copies": [str(one.twice) for one in classes],
        }
    )
    for one, other in contradictions(examples)[:_NAMED]:
        st.warning(
            f"{phrases.plain(one)} and {phrases.plain(other)} are the same image with different classes. The gateway "
            "keeps the first one; see which class is right."
        )


def _show_left_out(examples: Sequence[Example], labelled: Sequence[Example], classes: Sequence[str]) -> None:
    unlabelled = sum(not one.label for one in examples)
    if unlabelled:
        st.warning(
            f"{unlabelled} of {len(examples)} files are left out: none of their folders is named after a class "
            f"({', '.join(map(phrases.plain, classes))})."
        )
    if len(labelled) + unlabelled < len(examples):
        st.warning(f"Only the first {archives.MAX_FILES:,} images are uploaded at a time.")


def _show_upload(training: TrainingClient, examples: Sequence[Example]) -> None:
    kept: dict[str, UploadedFile] = st.session_state.setdefault(_KEPT, {})
    for gone in kept.keys() - {one.key for one in examples}:
        del kept[gone]
    waiting = [one for one in examples if one.key not in kept]
    place = st.empty()
    count = f"{len(waiting)} image{'' if len(waiting) == 1 else 's'}"
    again = st.session_state.get(_AGAIN, False)
    if waiting and (again or place.button(f"Upload {count}", key="uploads.send")):
        st.session_state.setdefault(_SESSIONS, [])
        try:
            for portion in batches.portions(waiting, _PORTION):
                _send(training, portion, kept)
                place.progress(len(kept) / len(examples), f"{len(kept)} of {len(examples)} images are uploaded")
            place.empty()
        except GatewayProblem as problem:
            show_problem(problem)
            place.button("Go on with the upload", key=_AGAIN)
    if kept:
        _show_outcomes(examples, kept)


def _send(training: TrainingClient, portion: Sequence[Example], kept: dict[str, UploadedFile]) -> None:
    reply = training.upload([(one.name, one.body, one.label) for one in portion])
    kept.update(zip((one.key for one in portion), reply.files, strict=False))
    st.session_state[_SESSIONS].append(reply.session_id)


def _show_outcomes(examples: Sequence[Example], kept: dict[str, UploadedFile]) -> None:
    """Say of each class what was kept, and of each image that was not, why."""
    classes = outcomes(examples, kept)
    st.table(
        {
            "Class": [phrases.plain(one.label) for one in classes],
            "Kept": [str(one.new) for one in classes],
            "Known before": [str(one.known) for one in classes],
            "Refused": [str(one.refused) for one in classes],
        }
    )
    refused = [(one.name, kept[one.key].error) for one in examples if one.key in kept and kept[one.key].error]
    if refused:
        columns = {
            "File": [name for name, _ in refused],
            "Problem": [f"{error.title}: {error.detail}" if error else "" for _, error in refused],
        }
        st.dataframe(columns, hide_index=True, placeholder="", alt="The images that were refused, and why")
    st.caption(f"Upload {', '.join(st.session_state.get(_SESSIONS, [])[-_NAMED:])}")


def _show_earlier(training: TrainingClient) -> None:
    with st.expander("Look at an earlier upload"):
        session = st.text_input("Upload", max_chars=64, placeholder="Its identity", key="uploads.earlier").strip()
        if not session:
            return
        with away("The upload"):
            files = training.uploaded(session).files
            columns = {
                "File": [file.filename for file in files],
                "Class": [file.label for file in files],
                "Known before": ["yes" if file.duplicate else "no" for file in files],
                "kB": [file.size / 1000 for file in files],
            }
            st.dataframe(columns, hide_index=True, placeholder="", alt="The images of an earlier upload")
