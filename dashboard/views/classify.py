"""The page that classifies one image."""

import base64
import html
from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import charts
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import Prediction, Timings
from dashboard.notices import show_problem
from dashboard.problems import GatewayProblem

_ANSWER: Final = "classify.answer"
_PNG_MAGIC: Final = b"\x89PNG"
_STAGES: Final = {
    "read": "Receive the image",
    "decode": "Decode",
    "queue": "Wait for a batch",
    "backend": "Model",
    "persist": "Write the history",
    "total": "Total",
}


def show(gateway: GatewayClient) -> None:
    """Take one image, have it classified and show the answer."""
    st.title("Classify an image")
    st.write("Upload one axial CT slice of the lungs as PNG or JPEG.")
    image = st.file_uploader("CT image", type=["png", "jpg", "jpeg"], key="classify.image")
    if image is None:
        st.session_state.pop(_ANSWER, None)
        return
    body = image.getvalue()
    _show_picture(image.name, body)
    try:
        prediction = _answer(gateway, image, body)
    except GatewayProblem as problem:
        show_problem(problem)
        st.button("Try again")
        return
    _show_prediction(prediction)


def _answer(gateway: GatewayClient, image: UploadedFile, body: bytes) -> Prediction:
    """Ask once for each upload: Streamlit runs the page again at every click, and each question is a history entry."""
    asked, prediction = st.session_state.get(_ANSWER, (None, None))
    if asked != image.file_id or not isinstance(prediction, Prediction):
        prediction = gateway.predict(image.name, body)
        st.session_state[_ANSWER] = (image.file_id, prediction)
    return prediction


def _show_picture(name: str, body: bytes) -> None:
    """Let the browser decode the picture: this process never opens what was uploaded."""
    kind = "png" if body.startswith(_PNG_MAGIC) else "jpeg"
    data = base64.b64encode(body).decode("ascii")
    st.html(
        f'<img src="data:image/{kind};base64,{data}" alt="{html.escape(name)}" style="max-width:100%;max-height:24rem">'
    )


def _show_prediction(prediction: Prediction) -> None:
    """Show the class, how sure the model is, and what the answer cost."""
    label, confidence, version = st.columns(3)
    label.metric("Class", prediction.prediction)
    confidence.metric("Confidence", f"{prediction.confidence:.1%}")
    version.metric("Model version", str(prediction.model_version))
    st.subheader("Probabilities")
    charts.probabilities(prediction.probabilities)
    st.subheader("Time per stage")
    st.table(_rows(prediction.timings))
    st.caption(f"Prediction {prediction.id}")


def _rows(timings: Timings) -> dict[str, list[str]]:
    return {
        "Stage": list(_STAGES.values()),
        "Milliseconds": [f"{getattr(timings, stage):.2f}" for stage in _STAGES],
    }
