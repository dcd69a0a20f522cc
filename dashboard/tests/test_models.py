"""The page of the versions, against a real gateway in front of several versions."""

from pathlib import Path

import httpx
import pytest

from dashboard.tests.visits import press, put, text, visit
from tests.gateways import Gateway
from tests.images import pixels, png
from tests.processes import free_port
from tests.scripted import ScriptedServer
from tests.toymodel import LABELS

pytestmark = pytest.mark.usefixtures("golden")


def test_every_version_is_shown_with_its_state_and_what_is_known_of_it(
    routed: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    State by TensorFlow Serving's name, traffic, measures, and what is wrong.
    """
    app = visit(monkeypatch, routed.url, "models")

    table = app.dataframe[0].value
    assert list(table["Version"]) == [4, 3, 2, 1]
    assert list(table["State"]) == ["End", "Available", "Available", "Available"]
    assert list(table["Traffic"]) == ["none", "100 % (stable)", "none", "none"]
    assert table["Accuracy"][2] == "92.5 %"
    assert table["Problem"][0] == "it is no model"
    assert "Route: the newest version answers." in text(app)
    assert not app.exception
    assert not app.error


def test_feedback_is_shown_beside_the_version_that_it_is_about(
    routed: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(routed.url, mode="pinned", version=1)
    for _ in range(2):
        prediction = httpx.post(f"{routed.url}/predict", content=png(pixels(2))).json()
        document = {"prediction_id": prediction["id"], "label": prediction["prediction"]}
        httpx.post(f"{routed.url}/feedback", json=document).raise_for_status()

    table = visit(monkeypatch, routed.url, "models").dataframe[0].value

    assert list(table["Right by feedback"]) == ["no data", "no data", "no data", "100.0 % of 2 images"]


def test_two_versions_stand_side_by_side(routed: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What both trainings measured, and the difference; the curves of the one that tells them.
    """
    app = visit(monkeypatch, routed.url, "models")

    app.selectbox(key="models.first").set_value(1).run()
    app.selectbox(key="models.second").set_value(2).run()

    measured = app.table[0].value.set_index("Measure")
    assert list(measured.loc["Accuracy"]) == ["90.0 %", "92.5 %", "+2.5 points"]
    assert list(measured.loc["Cross-entropy, nats"]) == ["no data", "0.250", "no data"]
    assert len(app.get("vega_lite_chart")) == 3
    assert "Version 1 does not tell its curves" in text(app)
    assert not app.exception


def test_a_version_on_trial_is_compared_with_the_one_that_answers(
    routed: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Before the visitor has chosen anything.
    """
    put(routed.url, mode="canary", version=2, percent=10, stable=1)

    app = visit(monkeypatch, routed.url, "models")

    assert (app.selectbox(key="models.first").value, app.selectbox(key="models.second").value) == (1, 2)


def test_both_are_asked_about_the_same_images_once(
    routed: Gateway, versions: ScriptedServer, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where they differ comes first, what is no image is told in its place, and a click elsewhere asks for nothing.
    """
    (golden / "broken.png").write_bytes(b"no image")
    app = visit(monkeypatch, routed.url, "models")
    app.selectbox(key="models.first").set_value(1).run()
    app.selectbox(key="models.second").set_value(2).run()
    versions.calls.clear()

    press(app, "Ask both about the same images")
    app.run()

    table = app.dataframe[1].value.set_index("File")
    assert sorted(versions.calls) == [(1, 1), (2, 1)]
    assert list(table.loc["slice.png"][["Same class", "Version 1", "Version 2"]]) == ["no", LABELS[0], LABELS[1]]
    assert "not supported" in table.loc["broken.png"]["Problem"]
    assert "the same class for 0 of 1 images; they differ on 1. 1 could not be asked about." in text(app)
    assert not app.exception


def test_images_that_are_uploaded_take_the_place_of_the_folder(
    routed: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit(monkeypatch, routed.url, "models")
    app.file_uploader(key="models.golden").set_value([("mine.png", png(pixels(3)), "image/png")]).run()

    press(app, "Ask both about the same images")

    assert list(app.dataframe[1].value["File"]) == ["mine.png"]
    assert "the image that you uploaded" in text(app)


def test_a_folder_without_images_is_named(routed: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With the setting that names it; the rest of the page is there.
    """
    monkeypatch.setenv("PULMO_GOLDEN_SET", str(tmp_path / "nowhere"))
    app = visit(monkeypatch, routed.url, "models")

    press(app, "Ask both about the same images")

    assert any("nowhere" in box.value and "PULMO_GOLDEN_SET" in box.value for box in app.warning)
    assert not app.exception


def test_without_a_gateway_the_page_says_what_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(monkeypatch, f"http://127.0.0.1:{free_port()}", "models")

    assert [box.value.startswith("Models: ") and "make run" in box.value for box in app.warning] == [True]
    assert not app.exception


def test_without_a_model_server_there_is_nothing_to_compare(
    gateway_without_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit(monkeypatch, gateway_without_model, "models")

    assert any("has no version" in box.value for box in app.info)
    assert not app.exception
