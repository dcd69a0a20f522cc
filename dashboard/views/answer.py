"""What the service says about one image, wherever it is shown."""

from typing import Final

import streamlit as st

from dashboard import charts, phrases, pictures, snippets
from dashboard.batches import Image
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import Explanation, FeedbackReply, Prediction, Timings
from dashboard.notices import show_problem
from dashboard.problems import GatewayProblem

_HEAT_KEPT: Final = 8  # explanations in a session


def show_prediction(prediction: Prediction) -> None:
    """Show the class, how sure the model is, and whether it would rely on that."""
    st.metric("Class", prediction.prediction)
    confidence, version = st.columns(2)
    confidence.metric(
        "Confidence",
        phrases.percent(prediction.confidence),
        help="Calibrated: of many answers with 90 % about nine in ten are right, if the images are like those of the "
        "training.",
    )
    version.metric("Model version", str(prediction.model_version))
    if prediction.abstain:
        detail = f" {phrases.plain(prediction.abstain_detail)}." if prediction.abstain_detail else ""
        st.warning(f"**Do not rely on this answer.** The model abstains.{detail}")
    if not prediction.recorded:
        st.warning("This answer is not in the history, which is away.")
    charts.probabilities(prediction.probabilities)


@st.fragment
def show_picture(gateway: GatewayClient, image: Image, prediction: Prediction | None) -> None:
    """Show the picture, and over it where the model looked, if the visitor wants to see that."""
    url = pictures.data_url(image.body)
    wanted = prediction is not None and st.toggle("Show where the model looked", key=f"heat.{image.key}")
    heat = _explain(gateway, image) if wanted else None
    if heat is None:
        if url is None:
            st.caption("A browser cannot show this file, as is the rule with DICOM.")
        else:
            st.html(pictures.picture(url, image.name))
        return
    overlay = pictures.data_url(heat.png) or ""
    if url is None:
        st.html(pictures.picture(overlay, f"Heat map over {image.name}"))
    else:
        strength = st.slider("Strength of the heat map", 0, 100, 70, format="%d %%", key=f"strength.{image.key}")
        st.html(pictures.overlaid(url, f"Heat map over {image.name}", overlay, strength / 100))
    st.caption(
        f"Yellow is where version {heat.model_version} found what speaks for {phrases.plain(heat.prediction)}. "
        "It does not say that the answer is right, nor where a tumour is."
    )


def _explain(gateway: GatewayClient, image: Image) -> Explanation | None:
    """Ask once for each image; None where the reason why not has been shown."""
    kept: dict[str, Explanation] = st.session_state.setdefault("answer.heat", {})
    if image.key not in kept:
        try:
            with st.spinner("Asking the model where it looked"):
                explanation = gateway.explain(image.name, image.body)
        except GatewayProblem as problem:
            show_problem(problem)
            return None
        while len(kept) >= _HEAT_KEPT:
            del kept[next(iter(kept))]
        kept[image.key] = explanation
    return kept[image.key]


@st.fragment
def show_feedback(gateway: GatewayClient, prediction: Prediction) -> None:
    """Ask what is true, one button for each class; the last answer counts."""
    st.header("Do you know what it is?")
    st.caption("Your answer is kept beside the prediction; it tells how often the model is right.")
    given: dict[str, FeedbackReply] = st.session_state.setdefault("answer.feedback", {})
    row = st.container(horizontal=True)
    for label in prediction.probabilities:
        if row.button(label, key=f"feedback.{prediction.id}.{label}"):
            try:
                given[prediction.id] = gateway.give_feedback(prediction.id, label)
            except GatewayProblem as problem:
                show_problem(problem)
                return
    if reply := given.get(prediction.id):
        verdict = "right" if reply.correct else f"wrong: it said {prediction.prediction}"
        st.write(f"Noted: {reply.label}. The model was {verdict}.")


def show_timings(timings: Timings) -> None:
    """Show what the answer cost, stage by stage."""
    st.header("Time per stage")
    st.table(
        {
            "Stage": [*phrases.STAGES.values(), "Total"],
            "Milliseconds": [f"{getattr(timings, stage):.2f}" for stage in (*phrases.STAGES, "total")],
        }
    )


def show_snippets(gateway: GatewayClient, filename: str) -> None:
    """Show how a program asks the same."""
    with st.expander("Ask the same from a program"):
        st.code(snippets.curl(gateway.url, filename, with_key=gateway.has_key), language="bash", wrap_lines=True)
        st.code(snippets.python(gateway.url, filename, with_key=gateway.has_key), language="python", wrap_lines=True)
