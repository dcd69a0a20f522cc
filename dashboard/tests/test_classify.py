"""The page that classifies, driven by Streamlit's own test harness against a real gateway."""

import httpx
import imagecodecs
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.tests.visits import visit
from tests.processes import free_port


@pytest.fixture
def png() -> bytes:
    ramp = np.arange(96 * 96, dtype=np.uint32).reshape(96, 96)
    return bytes(imagecodecs.png_encode((ramp % 251).astype(np.uint8)))


def console(monkeypatch: pytest.MonkeyPatch, gateway_url: str) -> AppTest:
    return visit(monkeypatch, gateway_url, "classify")


def upload(app: AppTest, body: bytes) -> AppTest:
    return app.file_uploader(key="classify.image").set_value(("slice.png", body, "image/png")).run()


def shown(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_shown_answer_is_the_answer_of_the_api(
    gateway_url: str, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An uploaded image is shown with the class, confidence and version that the API gives for the same bytes.
    """
    answer = httpx.post(f"{gateway_url}/predict", files={"file": ("slice.png", png)}).raise_for_status().json()

    app = upload(console(monkeypatch, gateway_url), png)

    assert shown(app) == {
        "Class": answer["prediction"],
        "Confidence": f"{answer['confidence']:.1%}",
        "Model version": str(answer["model_version"]),
    }
    assert not app.exception
    assert not app.error


def test_an_answer_is_shown_with_its_stages(gateway_url: str, png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Every stage that the gateway times has its row, in milliseconds.
    """
    app = upload(console(monkeypatch, gateway_url), png)

    table = app.table[0].value
    stages = ["Receive the image", "Decode", "Wait for a batch", "Model", "Write the history", "Total"]
    assert list(table["Stage"]) == stages
    assert all(float(value) >= 0 for value in table["Milliseconds"])
    assert float(table["Milliseconds"].iloc[-1]) > 0


def test_a_click_elsewhere_does_not_ask_again(gateway_url: str, png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The same upload keeps its prediction when the page is drawn again: one upload is one history entry.
    """
    app = upload(console(monkeypatch, gateway_url), png)
    first = [caption.value for caption in app.caption if caption.value.startswith("Prediction ")]

    app.run()

    assert len(first) == 1
    assert [caption.value for caption in app.caption if caption.value.startswith("Prediction ")] == first


def test_what_is_no_image_is_refused_in_words(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A refusal of the gateway is shown with its own title and a remedy, not as a stack trace.
    """
    answer = httpx.post(f"{gateway_url}/predict", files={"file": ("slice.png", b"no image")})

    app = upload(console(monkeypatch, gateway_url), b"no image")

    assert answer.is_client_error
    assert len(app.error) == 1
    assert answer.json()["title"] in app.error[0].value
    assert "PNG or JPEG" in app.error[0].value
    assert not app.exception
    assert not app.metric


def test_a_gateway_that_is_away_is_named(png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without a gateway the console still opens, and says what is missing and how to start it.
    """
    url = f"http://127.0.0.1:{free_port()}"

    app = upload(console(monkeypatch, url), png)

    assert len(app.error) == 2
    assert all(url in error.value and "make run" in error.value for error in app.error)
    assert not app.exception
    assert not app.metric


def test_a_server_that_is_no_gateway_is_recognised(
    png: bytes, monkeypatch: pytest.MonkeyPatch, other_server: str
) -> None:
    """
    An address where something else answers is told apart from a gateway that is away.
    """
    app = upload(console(monkeypatch, other_server), png)

    assert any("501" in error.value for error in app.error)
    assert any("not that of a gateway" in error.value for error in app.sidebar.error)
    assert not app.exception
