"""Labelled images on the page that trains, against a real gateway."""

from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.__main__ import command
from dashboard.tests.trainings import Training
from dashboard.tests.visits import column, press, text
from dashboard.tests.zips import packed
from tests.gateways import Gateway
from tests.images import jpeg, pixels, png

NORMAL, SQUAMOUS = "normal", "squamous.cell.carcinoma"


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
