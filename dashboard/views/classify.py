"""The page that classifies images."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard import batches, phrases, pictures, problems
from dashboard.batches import Answered, Image
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import Prediction, Refusal
from dashboard.notices import show_problem
from dashboard.problems import GatewayProblem
from dashboard.views import answer

_ANSWERS: Final = "classify.answers"
_MOST: Final = 500
"""Images at a time; a folder with more is the business of `python -m gateway.client`."""


def show(gateway: GatewayClient) -> None:
    """Take images, have them classified and show the answers."""
    st.title("Classify images")
    st.write("Upload axial CT slices of the lungs as PNG, JPEG or DICOM: one, or many at once.")
    uploads = st.file_uploader(
        "CT images", accept_multiple_files=True, max_upload_size=batches.IMAGE_MB, key="classify.images"
    )
    if len(uploads) > _MOST:
        st.warning(
            f"These are {len(uploads)} images; the first {_MOST} are classified. "
            "`python -m gateway.client` has no such limit."
        )
    images = [Image(upload.file_id, upload.name, upload.getvalue()) for upload in uploads[:_MOST]]
    answers: dict[str, Answered] = st.session_state.setdefault(_ANSWERS, {})
    for gone in answers.keys() - {image.key for image in images}:
        del answers[gone]
    _ask(gateway, images, answers)
    known = [answers[image.key] for image in images if image.key in answers]
    if len(images) == 1:
        _show_one(gateway, images[0], answers.get(images[0].key))
    elif known:
        _show_many(gateway, known)


def _ask(gateway: GatewayClient, images: Sequence[Image], answers: dict[str, Answered]) -> None:
    """Ask once for each upload: Streamlit runs the page again at every click, and each question is a history entry."""
    new = [image for image in images if image.key not in answers]
    if not new:
        return
    bar = st.progress(0.0, "Asking the model") if len(images) > 1 else None
    try:
        for portion in batches.portions(new):
            for image, outcome in zip(portion, _outcomes(gateway, portion), strict=True):
                answers[image.key] = Answered(image, outcome)
            if bar is not None:
                bar.progress(len(answers) / len(images), f"{len(answers)} of {len(images)} images are classified")
    except GatewayProblem as problem:
        show_problem(problem)
        st.button("Try again")
    else:
        if bar is not None:
            bar.empty()


def _outcomes(gateway: GatewayClient, portion: Sequence[Image]) -> Sequence[Prediction | Refusal]:
    """Ask for a portion; a single image goes the way of single images, which wait for nobody."""
    if len(portion) > 1:
        return gateway.predict_batch([(image.name, image.body) for image in portion])
    try:
        return [gateway.predict(portion[0].name, portion[0].body)]
    except GatewayProblem as problem:
        if problem.status not in problems.OF_THE_IMAGE:
            raise
        return [Refusal(problem.title, problem.status or 0, problem.detail)]


def _show_one(gateway: GatewayClient, image: Image, answered: Answered | None) -> None:
    outcome = None if answered is None else answered.outcome
    left, right = st.columns([2, 3], gap="large")
    prediction = outcome if isinstance(outcome, Prediction) else None
    with left:
        answer.show_picture(gateway, image, prediction)
    with right:
        if isinstance(outcome, Refusal):
            _show_refusal(outcome)
        elif outcome is not None:
            answer.show_prediction(outcome)
    if prediction is not None:
        answer.show_feedback(gateway, prediction)
        answer.show_timings(prediction.timings)
        answer.show_snippets(gateway, image.name)
        st.caption(f"Prediction {prediction.id}")


def _show_refusal(refusal: Refusal) -> None:
    remedy = problems.remedy_for("/predict", refusal.status)
    st.error(f"**{phrases.plain(refusal.title)}**\n\n{phrases.plain(refusal.detail)}\n\n{remedy}")


def _show_many(gateway: GatewayClient, answers: Sequence[Answered]) -> None:
    st.write(batches.summary(answers))
    st.dataframe(
        _columns(answers),
        hide_index=True,
        column_config={
            "Picture": st.column_config.ImageColumn(width="small"),
            "Confidence, %": st.column_config.NumberColumn(format="%.1f"),
            "Time, ms": st.column_config.NumberColumn(format="%.1f"),
        },
        row_height=56,
        placeholder="",
        alt="The images that were uploaded, with the class, confidence and problem of each",
    )
    st.download_button("Download as CSV", batches.to_csv(answers), "pulmo-answers.csv", "text/csv", on_click="ignore")
    chosen = st.selectbox(
        "Show one of them in detail",
        range(len(answers)),
        index=None,
        format_func=lambda index: answers[index].image.name,
        placeholder="Choose an image",
        key="classify.detail",
    )
    if chosen is not None:
        _show_one(gateway, answers[chosen].image, answers[chosen])


def _columns(answers: Sequence[Answered]) -> dict[str, list[object]]:
    """Return the table of a batch. (Cells of a dataframe are text; nothing of a file's name is markup in them.)."""
    found = [one.outcome if isinstance(one.outcome, Prediction) else None for one in answers]
    refused = [one.outcome if isinstance(one.outcome, Refusal) else None for one in answers]
    columns: dict[str, list[object]] = {
        "Picture": list(pictures.thumbnails([one.image.body for one in answers])),
        "File": [one.image.name for one in answers],
        "Class": [one and one.prediction for one in found],
        "Confidence, %": [one and one.confidence * 100 for one in found],
        "To rely on": [one and ("no" if one.abstain else "yes") for one in found],
        "Version": [one and one.model_version for one in found],
        "Time, ms": [one and one.timings.total for one in found],
    }
    if any(refused):
        columns["Problem"] = [one and f"{one.title}: {one.detail}" for one in refused]
    return columns
