"""The page that trains, against a real gateway with a trainer that does as a test tells it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.__main__ import command
from dashboard.tests.visits import press, text, visit
from dashboard.tests.zips import packed
from tests.gateways import Gateway, serving_gateway
from tests.images import jpeg, pixels, png
from tests.modelserver import ModelServer
from tests.processes import PYTHON, eventually, free_port
from tests.retraining import end_all, session, started, status
from trainer.parameters import parameters_schema

NORMAL, SQUAMOUS = "normal", "squamous.cell.carcinoma"
EPOCHS = b"".join(
    b'{"event":"epoch","epoch":%d,"epochs":4,"progress":%f,"loss":1.5,"accuracy":0.5,"val_loss":2,"val_accuracy":0.25}\n'
    % (epoch, epoch / 4)
    for epoch in (1, 2)
)
PUBLISHED = b'{"event":"published","version":9,"store":"s"}\n'


@dataclass(frozen=True)
class Training:
    """A gateway of its own, and what its trainer does; see `tests.scriptedtrainer`."""

    gateway: Gateway
    script: Path

    def visit(self, monkeypatch: pytest.MonkeyPatch) -> AppTest:
        return visit(monkeypatch, self.gateway.url, "train")


@pytest.fixture
def training(model_server: ModelServer, tmp_path: Path) -> Iterator[Training]:
    script = tmp_path / "script"
    script.mkdir()
    (script / "says").write_bytes(b"")
    command = f"{PYTHON} -m tests.scriptedtrainer {script}"
    with serving_gateway(model_server.target, tmp_path, trainer=command, trainer_nice="0") as gateway:
        yield Training(gateway, script)
    end_all(tmp_path / "sessions")


def choose(app: AppTest, kind: str) -> AppTest:
    return app.segmented_control(key="uploads.kind").set_value(kind).run()


def kept(gateway: Gateway, app: AppTest) -> list[dict[str, Any]]:
    """Return what the gateway says was kept of the uploads that the page names."""
    [caption] = [caption.value for caption in app.caption if caption.value.startswith("Upload ")]
    sessions = caption.removeprefix("Upload ").split(", ")
    return [
        file
        for identity in sessions
        for file in httpx.get(f"{gateway.url}/uploaded-data/{identity}").raise_for_status().json()["files"]
    ]


def column(app: AppTest, title: str) -> list[str]:
    """Return the cells of the column that is called so, of whichever table has it."""
    [cells] = [list(table.value[title]) for table in app.table if title in table.value]
    return cells


def test_images_of_a_class_are_counted_and_uploaded(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The visitor sees how many there are and which are copies, and then what the gateway has kept, under that class.
    """
    app = training.visit(monkeypatch)
    app.selectbox(key="uploads.class").set_value(SQUAMOUS)
    one, other = png(pixels(1)), jpeg(pixels(2))
    files = [("a.png", one, "image/png"), ("b.jpg", other, "image/jpeg"), ("copy of a.png", one, "image/png")]
    app.file_uploader(key="uploads.images").set_value(files).run()

    assert (column(app, "Class"), column(app, "Images"), column(app, "Exact copies")) == ([SQUAMOUS], ["3"], ["1"])

    press(app, "Upload 3 images")

    assert (column(app, "Kept"), column(app, "Known before"), column(app, "Refused")) == (["2"], ["1"], ["0"])
    assert [(file["filename"], file["label"]) for file in kept(training.gateway, app)] == [
        ("a.png", SQUAMOUS),
        ("b.jpg", SQUAMOUS),
        ("copy of a.png", SQUAMOUS),
    ]
    assert not app.exception
    assert not app.error
    assert not [button for button in app.run().button if button.label.startswith("Upload")]
    assert training.gateway.total("gateway_uploads_total") == 3


@pytest.mark.parametrize("kind", ["A folder of classes", "A zip of classes"])
def test_folders_name_the_classes(kind: str, training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With or without a suffix; what lies in no such folder is told, and left out.
    """
    one, other = png(pixels(1)), png(pixels(2))
    files = {f"set/{NORMAL}/a.png": one, f"set/{SQUAMOUS}_left/b.png": other, "set/notes/c.png": one}
    app = choose(training.visit(monkeypatch), kind)
    if kind.startswith("A zip"):
        app.file_uploader(key="uploads.zip").set_value(("set.zip", packed(files), "application/zip")).run()
    else:
        chosen = [(path, body, "image/png") for path, body in files.items()]
        app.file_uploader(key="uploads.folder").set_value(chosen).run()

    assert any(box.value.startswith("1 of 3 files are left out") for box in app.warning)

    press(app, "Upload 2 images")

    assert [file["label"] for file in kept(training.gateway, app)] == [NORMAL, SQUAMOUS]
    assert column(app, "Kept") == ["1", "1"]
    assert not app.exception


def test_the_console_takes_the_largest_file_that_a_page_asks_for(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Streamlit refuses what is larger than the limit of its server, whatever an uploader says.
    """
    app = choose(training.visit(monkeypatch), "A zip of classes")

    [limit] = [int(word.rpartition("=")[2]) for word in command(8501, "::1") if "maxUploadSize" in word]
    assert app.file_uploader(key="uploads.zip").proto.max_upload_size_mb < limit


def test_a_zip_that_is_not_to_be_opened_is_refused_in_words(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nothing of it is uploaded, and its name is no markup.
    """
    app = choose(training.visit(monkeypatch), "A zip of classes")
    bomb = packed({"normal/![a](http://elsewhere/x).png": bytes(1_000_000)})

    app.file_uploader(key="uploads.zip").set_value(("set.zip", bomb, "application/zip")).run()

    assert ["The zip is not opened" in box.value for box in app.error] == [True]
    assert "[a](" not in text(app)
    assert not [button for button in app.button if button.label.startswith("Upload")]
    assert not app.exception


def test_what_the_gateway_does_not_keep_is_told_with_the_reason(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An image that is known under another class, and a file that is no image; those beside them are kept.
    """
    one = png(pixels(1))
    form = {"files": ("first.png", one, "image/png")}
    httpx.post(f"{training.gateway.url}/upload-data", files=form, data={"label": NORMAL}).raise_for_status()
    app = choose(training.visit(monkeypatch), "A zip of classes")
    files = {f"{SQUAMOUS}/a.png": one, f"{SQUAMOUS}/b.png": b"no image", f"{SQUAMOUS}/c.png": png(pixels(3))}
    app.file_uploader(key="uploads.zip").set_value(("set.zip", packed(files), "application/zip")).run()

    press(app, "Upload 3 images")

    assert (column(app, "Kept"), column(app, "Refused")) == (["1"], ["2"])
    [problems] = [table.value for table in app.dataframe if "Problem" in table.value]
    assert list(problems["File"]) == [f"{SQUAMOUS}/a.png", f"{SQUAMOUS}/b.png"]
    assert problems["Problem"][0].startswith("The image has another label")
    assert problems["Problem"][1].startswith("The image format is not supported")
    assert not app.exception


def test_one_image_of_two_classes_is_told_before_it_is_uploaded(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With the names of both.
    """
    app = choose(training.visit(monkeypatch), "A zip of classes")
    files = {f"{NORMAL}/a.png": png(pixels(1)), f"{SQUAMOUS}/b.png": png(pixels(1))}

    app.file_uploader(key="uploads.zip").set_value(("set.zip", packed(files), "application/zip")).run()

    [warning] = [box.value for box in app.warning]
    assert f"{NORMAL}/a.png and {SQUAMOUS}/b.png are the same image with different classes" in warning


def test_an_earlier_upload_is_looked_at_by_its_identity(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As the gateway tells it; one that is not known is said to be so.
    """
    form = {"files": ("first.png", png(pixels(1)), "image/png")}
    reply = httpx.post(f"{training.gateway.url}/upload-data", files=form, data={"label": NORMAL}).raise_for_status()
    app = training.visit(monkeypatch)

    app.text_input(key="uploads.earlier").input(reply.json()["session_id"]).run()

    assert [list(table.value["Class"]) for table in app.dataframe if "Class" in table.value] == [[NORMAL]]

    app.text_input(key="uploads.earlier").input("none").run()

    assert any("There is no such session" in box.value for box in app.warning)
    assert not app.exception


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
