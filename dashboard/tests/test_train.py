"""The page that trains, against a real gateway with a trainer that does as a test tells it."""

import json
from pathlib import Path

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.tests.trainings import Training
from dashboard.tests.visits import column, press, text, visit
from tests.gateways import serving_gateway
from tests.modelserver import ModelServer
from tests.processes import eventually, free_port
from tests.retraining import session, started, status
from trainer.parameters import parameters_schema

EPOCHS = b"".join(
    b'{"event":"epoch","epoch":%d,"epochs":4,"progress":%f,"loss":1.5,"accuracy":0.5,"val_loss":2,"val_accuracy":0.25}\n'
    % (epoch, epoch / 4)
    for epoch in (1, 2)
)
PUBLISHED = b'{"event":"published","version":9,"store":"s"}\n'


def test_a_training_is_started_followed_and_cancelled(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its progress, its curves and its log are shown while it runs; then that it was cancelled, also in the list.
    """
    (training.script / "says").write_bytes(EPOCHS)
    app = training.visit(monkeypatch)
    assert "There was no training yet" in text(app)

    press(app, "Start a training")
    assert "Retraining has started; it is followed below" in text(app)
    eventually(lambda: status(training.gateway)["message"].startswith("epoch 2"), within=60, what="two epochs are done")
    eventually(lambda: any("epoch 2 of 4" in bar.text for bar in app.run().progress), within=60, what="it shows")

    charts = [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]
    assert [chart["encoding"]["y"]["field"] for chart in charts] == ["Loss", "Accuracy, %"]
    assert any('"event":"epoch"' in block.value for block in app.code)

    press(app, "Yes, cancel it")
    assert "was told to end" in text(app)
    eventually(lambda: status(training.gateway)["status"] == "cancelled", within=60, what="it is cancelled")
    eventually(lambda: "Cancelled: cancelled at" in text(app.run()), within=60, what="that shows")

    eventually(lambda: outcomes(app.run()) == ["Cancelled"], within=60, what="it is in the list")
    assert not app.exception


def outcomes(app: AppTest) -> list[str]:
    """Return how the trainings of the list are said to have ended."""
    return [outcome for table in app.dataframe if "Outcome" in table.value for outcome in table.value["Outcome"]]


def test_a_second_training_is_not_started(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The visitor is told which one runs.
    """
    identity = started(training.gateway)
    app = training.visit(monkeypatch)

    press(app, "Start a training")

    assert f"A retraining runs already; it is followed below. Session {identity}" in text(app)


def test_parameters_are_set_as_the_trainer_has_them(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    There is a field for each, and what is left open is not sent; the session tells them in detail.
    """
    (training.script / "schema").write_text(json.dumps(parameters_schema()))
    (training.script / "says").write_bytes(PUBLISHED)
    (training.script / "end").touch()
    app = training.visit(monkeypatch)
    app.toggle(key="train.set").set_value(True).run()
    assert app.number_input(key="train.parameter.epochs").min == 1

    app.number_input(key="train.parameter.epochs").set_value(3)
    app.number_input(key="train.parameter.learning_rate").set_value(0.0005)
    app.selectbox(key="train.parameter.class_weights").set_value(False)
    app.selectbox(key="train.parameter.augmentation.flip").set_value("none")
    press(app, "Start a training")

    sessions = httpx.get(f"{training.gateway.url}/training-sessions").json()["sessions"]
    chosen = {"epochs": 3, "learning_rate": 0.0005, "class_weights": False, "augmentation": {"flip": "none"}}
    assert [each["parameters"] for each in sessions] == [chosen]
    identity = sessions[0]["session_id"]
    eventually(lambda: session(training.gateway, identity)["status"] == "completed", within=60, what="it is completed")
    eventually(lambda: outcomes(app.run()) == ["A version was published"], within=60, what="that shows")
    app.selectbox(key="train.detail").set_value(identity).run()
    assert column(app, "Parameters") == ["epochs", "learning rate", "class weights", "augmentation"]
    assert not app.exception


def test_parameters_that_the_trainer_refuses_are_told_in_its_words(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With the problem's title and a remedy; nothing is started.
    """
    (training.script / "schema").write_text(json.dumps(parameters_schema()))
    (training.script / "refuses").write_text("epochs=1 is refused")
    app = training.visit(monkeypatch)
    app.toggle(key="train.set").set_value(True).run()
    app.number_input(key="train.parameter.epochs").set_value(1)

    press(app, "Start a training")

    [warning] = [box.value for box in app.warning]
    assert "The parameters are not valid" in warning
    assert "epochs=1 is refused" in warning
    assert "Correct the value that is named" in warning
    assert httpx.get(f"{training.gateway.url}/training-sessions").json()["sessions"] == []


def test_where_there_is_no_trainer_the_page_says_so(
    model_server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Images can be uploaded all the same.
    """
    with serving_gateway(model_server.target, tmp_path, trainer=str(tmp_path / "none")) as gateway:
        app = press(visit(monkeypatch, gateway.url, "train"), "Start a training")

    assert any("Retraining is not available here" in box.value for box in app.warning)
    assert app.file_uploader(key="uploads.images") is not None
    assert not app.exception


def test_without_a_gateway_each_part_of_the_page_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The page is there, and shows no stack trace.
    """
    app = visit(monkeypatch, f"http://127.0.0.1:{free_port()}", "train")

    parts = [box.value.partition(":")[0] for box in app.warning]
    assert sorted(parts) == ["Labelled images", "The last training", "Trainings so far"]
    assert all("make run" in box.value for box in app.warning)
    assert not app.exception
