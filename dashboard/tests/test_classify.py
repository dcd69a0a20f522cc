"""The page that classifies, driven by Streamlit's own test harness against a real gateway."""

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import phrases
from dashboard.tests.visits import press, text, visit
from tests.dicoms import dicom
from tests.gateways import Gateway
from tests.images import jpeg, pixels, png
from tests.processes import free_port

IMAGE = png(pixels(1))
NO_IMAGE = b"no image"


def console(monkeypatch: pytest.MonkeyPatch, gateway_url: str) -> AppTest:
    return visit(monkeypatch, gateway_url, "classify")


def upload(app: AppTest, *bodies: bytes) -> AppTest:
    files = [(f"slice {number}.png", body, "image/png") for number, body in enumerate(bodies)]
    return app.file_uploader(key="classify.images").set_value(files).run()


def shown(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_shown_answer_is_the_answer_of_the_api(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An uploaded image is shown with the class, confidence and version that the API gives for the same bytes.
    """
    answer = httpx.post(f"{gateway_url}/predict", files={"file": ("slice.png", IMAGE)}).raise_for_status().json()

    app = upload(console(monkeypatch, gateway_url), IMAGE)

    assert shown(app) == {
        "Class": answer["prediction"],
        "Confidence": phrases.percent(answer["confidence"]),
        "Model version": str(answer["model_version"]),
    }
    assert not app.exception
    assert not app.error


def test_an_answer_is_shown_with_its_stages(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Every stage that the gateway times has its row, in milliseconds.
    """
    app = upload(console(monkeypatch, gateway_url), IMAGE)

    table = app.table[0].value
    stages = ["Receive the image", "Decode", "Wait for a batch", "Model", "Write the history", "Total"]
    assert list(table["Stage"]) == stages
    assert all(float(value) >= 0 for value in table["Milliseconds"])
    assert float(table["Milliseconds"].iloc[-1]) > 0


def test_a_click_elsewhere_does_not_ask_again(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The same upload keeps its prediction when the page is drawn again: one upload is one history entry.
    """
    app = upload(console(monkeypatch, gateway_url), IMAGE)
    first = [caption.value for caption in app.caption if caption.value.startswith("Prediction ")]

    app.run()

    assert len(first) == 1
    assert [caption.value for caption in app.caption if caption.value.startswith("Prediction ")] == first


def test_what_is_no_image_is_refused_in_words(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A refusal of the gateway is shown with its own title and a remedy, not as a stack trace.
    """
    answer = httpx.post(f"{gateway_url}/predict", files={"file": ("slice.png", NO_IMAGE)})

    app = upload(console(monkeypatch, gateway_url), NO_IMAGE)

    assert answer.is_client_error
    assert len(app.error) == 1
    assert answer.json()["title"] in app.error[0].value
    assert "Upload a PNG or JPEG image" in app.error[0].value
    assert not app.exception
    assert not app.metric


def test_a_gateway_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without a gateway the console still opens, and says what is missing and how to start it.
    """
    url = f"http://127.0.0.1:{free_port()}"

    app = upload(console(monkeypatch, url), IMAGE)

    assert len(app.error) == 2
    assert all(url in error.value and "make run" in error.value for error in app.error)
    assert not app.exception
    assert not app.metric


def test_a_server_that_is_no_gateway_is_recognised(monkeypatch: pytest.MonkeyPatch, other_server: str) -> None:
    """
    An address where something else answers is told apart from a gateway that is away.
    """
    app = upload(console(monkeypatch, other_server), IMAGE)

    assert any("501" in error.value for error in app.error)
    assert any("not that of a gateway" in error.value for error in app.sidebar.error)
    assert not app.exception


def test_several_images_are_a_table_in_their_order(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each image has its row, with the answer of the API or the problem; what is no image leaves its neighbours alone.
    """
    bodies = [png(pixels(seed)) for seed in range(1, 10)]
    classes = [httpx.post(f"{gateway_url}/predict", content=body).json()["prediction"] for body in bodies]

    app = upload(console(monkeypatch, gateway_url), *bodies, NO_IMAGE)

    table = app.dataframe[0].value
    assert list(table["File"]) == [f"slice {number}.png" for number in range(10)]
    assert list(table["Class"][:9]) == classes
    assert table["Problem"][9].startswith("The image format is not supported")
    assert all(url.startswith("data:image/png;base64,") for url in table["Picture"][:9])
    assert table["Picture"].isna().tolist() == [False] * 9 + [True]
    assert "10 images" in text(app)
    assert "1 refused" in text(app)
    assert not app.exception
    assert not app.error


def test_a_batch_is_asked_for_once(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A click elsewhere asks for nothing, and one more image asks for that one alone.
    """
    app = upload(console(monkeypatch, gateway.url), IMAGE, IMAGE)
    before = gateway.total("gateway_predictions_total")

    app.run()

    assert gateway.total("gateway_predictions_total") == before


def test_one_of_a_batch_is_shown_in_detail(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The visitor chooses it by its name.
    """
    app = upload(console(monkeypatch, gateway_url), IMAGE, png(pixels(2)))

    app.selectbox(key="classify.detail").set_value(1).run()

    assert shown(app)["Class"] == app.dataframe[0].value["Class"][1]
    assert not app.exception


def test_the_heat_map_is_laid_over_the_picture(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Only when the visitor wants it; it is as strong as they want it, and both have an alternative text.
    """
    app = upload(console(monkeypatch, gateway_url), IMAGE)
    assert not app.slider

    app.toggle[0].set_value(True).run()
    app.slider[0].set_value(30).run()

    [page] = [element.proto.body for element in app.get("html")]
    assert page.count("<img") == 2
    assert "opacity:0.30" in page
    assert 'alt="Heat map over slice 0.png"' in page
    assert "nor where a tumour is" in text(app)
    assert not app.exception


def test_a_dicom_slice_is_classified(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A browser cannot show it, and is told so; the heat map shows the picture.
    """
    body = dicom(pixels(1)[..., 0])
    expected = httpx.post(f"{gateway_url}/predict", content=body).json()["prediction"]

    app = upload(console(monkeypatch, gateway_url), body)

    assert shown(app)["Class"] == expected
    assert "A browser cannot show this file" in text(app)

    app.toggle[0].set_value(True).run()

    assert [element.proto.body.count("<img") for element in app.get("html")] == [1]
    assert not app.exception


def test_feedback_is_kept_with_the_prediction(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A click on a class says that it is true, and the page says whether the model was right.
    """
    app = upload(console(monkeypatch, gateway_url), jpeg(pixels(1)))
    label = shown(app)["Class"]
    before = httpx.get(f"{gateway_url}/feedback/accuracy").json()["versions"]

    press(app, label)

    after = httpx.get(f"{gateway_url}/feedback/accuracy").json()["versions"]
    assert sum(one["images"] for one in after) == sum(one["images"] for one in before) + 1
    assert f"Noted: {label}. The model was right." in text(app)


def test_a_model_that_abstains_is_not_to_be_relied_on(
    doubtful_gateway_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    That stands beside the class, with the reason that the gateway gives.
    """
    app = upload(console(monkeypatch, doubtful_gateway_url), IMAGE)

    assert any("Do not rely on this answer" in box.value for box in app.warning)
    assert not app.exception


def test_the_page_shows_how_a_program_asks(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Once for a shell and once for Python, with this gateway's address.
    """
    app = upload(console(monkeypatch, gateway_url), IMAGE)

    assert [block.language for block in app.code] == ["bash", "python"]
    assert all(f"{gateway_url}/predict" in block.value for block in app.code)


def test_a_name_is_never_markup(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whatever a file is called, the page asks no other host for a picture.
    """
    app = console(monkeypatch, gateway_url)
    name = '![a](http://elsewhere/x)"><img src=http://elsewhere/y>.png'

    app.file_uploader(key="classify.images").set_value([(name, IMAGE, "image/png")]).run()

    assert "](http://elsewhere" not in text(app)
    assert all("<img src=http" not in element.proto.body for element in app.get("html"))
    assert "Class" in shown(app)
