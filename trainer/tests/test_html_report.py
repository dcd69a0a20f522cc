"""The report folder, and the page in it."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest

from trainer.errors import RunError
from trainer.evaluation.evaluate import Examined, examine, of_run, of_version
from trainer.reporting.figures import to_png
from trainer.reporting.html_report import draw, page, write_report
from trainer.reporting.mistakes import place
from trainer.reporting.overlay import overlay
from trainer.tests.oracle import publish_oracle, wrong

PLOTS = {"training_history.png", "confusion_matrix.png", "roc.png", "reliability.png"}


class Page(HTMLParser):
    """What a browser would find: the addresses, the tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.alternatives: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}]
        self.alternatives += [value or "" for name, value in attrs if name == "alt"]

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def pictures(self) -> list[bytes]:
        """The files in the data URLs."""
        return [base64.b64decode(address.partition(",")[2]) for address in self.addresses]


@pytest.fixture(scope="module")
def examined(phantoms: Path, trained: tuple[Path, Path]) -> Examined:
    """The session's model on its training images, some of which it gets wrong after one epoch."""
    return examine(of_run(trained[0]), phantoms, "train")


@pytest.fixture(scope="module")
def drawn(examined: Examined) -> dict[str, bytes]:
    """The plots of that."""
    return draw(examined)


def test_the_report_is_a_folder_of_figures_plots_and_a_page(examined: Examined, tmp_path: Path) -> None:
    """
    The folder is made, and the JSON in it holds the evaluation, the figures of the scores on its first level.
    """
    write_report(tmp_path / "new" / "report", examined)
    written = tmp_path / "new" / "report"
    scores = json.loads((written / "scores.json").read_text())

    assert {path.name for path in written.iterdir()} == {*PLOTS, "scores.json", "report.html"}
    assert scores["accuracy"] == examined.evaluation.accuracy
    assert scores["twins"] == scores["images"] == 16


def test_the_page_asks_nobody(examined: Examined, drawn: dict[str, bytes]) -> None:
    """
    Every address on the page is a data URL, nothing on it runs, and the style names no address.
    """
    text = page(examined, drawn)
    found = Page(text)

    assert len(found.addresses) > len(PLOTS)
    assert all(address.startswith("data:image/png;base64,") for address in found.addresses)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert not re.search(r"url\(|@import|https?:", text)


def test_the_page_says_what_matters(examined: Examined, drawn: dict[str, bytes]) -> None:
    """
    The notice, the accuracy with its interval, the twins, the temperature, every class and the manifest are on it.
    """
    text, evaluation = Page(page(examined, drawn)).text, examined.evaluation
    interval = evaluation.intervals.accuracy

    assert "Pulmo is not a medical device." in text
    assert f"{evaluation.accuracy:.3f} ({interval.low:.3f} to {interval.high:.3f})" in text
    assert "16 of 16 images have a twin in the train split" in text
    assert f"temperature {evaluation.temperature:.2f}" in text
    assert all(one.label in text for one in evaluation.classes)
    assert examined.subject.manifest.data_digest in text


def test_the_mistakes_are_shown_with_their_images(examined: Examined, drawn: dict[str, bytes]) -> None:
    """
    There are two pictures and a file name for each of the worst mistakes, in their order: the image, and the image
    under its heat map. Both say in words what they show.
    """
    found = Page(page(examined, drawn))
    rows = examined.answers.worst(12)
    worst = [examined.read.paths[row].name for row in rows]
    alternatives = found.alternatives[len(PLOTS) :]

    assert 2 * len(worst) == len(found.addresses) - len(PLOTS) > 0
    assert re.findall(r"\d{4}\.png", found.text) == worst
    assert alternatives[::2] == [f"{name}, as the model saw it" for name in worst]
    assert all(
        text.startswith(f"{name}, with a heat map: ") for text, name in zip(alternatives[1::2], worst, strict=True)
    )
    assert found.pictures[-2] == to_png(examined.read.images[rows[-1]])
    assert found.pictures[-2] != found.pictures[-1]


def test_a_version_shows_the_heat_maps_that_it_serves(
    phantoms: Path, trained: tuple[Path, Path], examined: Examined
) -> None:
    """
    A published version is asked through its signature `explain`, and shows the maps of the run it was written from.
    """
    served, in_memory = of_version(trained[1], None).explain, examined.subject.explain
    images = examined.read.images[:3]

    assert served is not None
    assert in_memory is not None
    assert np.allclose(served(images), in_memory(images), atol=1e-3)
    assert "Grad-CAM" in Page(page(examine(of_version(trained[1], None), phantoms, "train"), {})).text


def test_an_older_version_has_no_heat_maps_and_the_page_says_so(
    phantoms: Path, examined: Examined, tmp_path: Path
) -> None:
    """
    A version from before there were heat maps is evaluated as ever; its mistakes are shown without them.
    """
    read = examined.read
    publish_oracle(tmp_path, examined.subject.manifest, read, wrong(read, 0, 5))
    found = Page(page(examine(of_version(tmp_path, None), phantoms, "train"), {}))

    assert found.alternatives == [f"{read.paths[row].name}, as the model saw it" for row in (0, 5)]
    assert "This version has no signature explain" in found.text
    assert "Grad-CAM" not in found.text


def test_the_overlay_hides_nothing_where_there_is_no_heat() -> None:
    """
    Cold places keep the image's own grey, hot ones turn yellow whatever lies below, and grey becomes red, green, blue.
    """
    image = np.array([[[0], [100], [255]], [[0], [100], [255]]], np.uint8)
    laid = overlay(image, np.array([[0, 0, 0], [1, 1, 1]], np.float32))

    assert laid.dtype == np.uint8
    assert laid.shape == (2, 3, 3)
    assert np.array_equal(laid[0], np.repeat(image[0], 3, axis=1))
    assert (laid[1, :, :2].min(axis=1) > laid[1, :, 2] + 80).all()


@pytest.mark.parametrize(
    ("spot", "words"),
    [
        ((0, 8), "the top right speaks most"),
        ((4, 4), "the middle centre speaks most"),
        ((8, 0), "the bottom left speaks most"),
        (None, "no place speaks"),
    ],
)
def test_the_heat_is_told_in_words(spot: tuple[int, int] | None, words: str) -> None:
    """
    Who does not see the picture hears where the heat is.
    """
    heat = np.zeros((9, 9), np.float32)
    if spot is not None:
        heat[spot] = 1

    assert place(heat) == words


def test_names_are_text_and_never_markup(examined: Examined, drawn: dict[str, bytes]) -> None:
    """
    A file, a class and a run that are named like HTML or like the template's own fields are shown as they are.
    """
    evil = "<script>alert(1)</script>$split&"
    labels = (evil, *examined.answers.labels[1:])
    classes = (msgspec.structs.replace(examined.evaluation.classes[0], label=evil), *examined.evaluation.classes[1:])
    named = replace(
        examined,
        answers=replace(examined.answers, labels=labels),
        read=replace(examined.read, paths=tuple(Path(f"{evil.replace('/', '')}{n}.png") for n in range(16))),
        evaluation=msgspec.structs.replace(examined.evaluation, subject=evil, classes=classes),
    )
    found = Page(page(named, drawn))

    assert "script" not in found.tags
    assert found.text.count(evil) > 3


def test_without_a_normal_class_the_page_says_so(examined: Examined) -> None:
    """
    A figure that the split cannot tell is named as such, not as a number.
    """
    evaluation = msgspec.structs.replace(examined.evaluation, specificity=None)

    assert "no such images" in Page(page(replace(examined, evaluation=evaluation), {})).text


def test_a_report_that_cannot_be_written_names_the_folder(examined: Examined, tmp_path: Path) -> None:
    """
    A file in the folder's place is an error with a remedy, not a traceback.
    """
    (tmp_path / "report").write_text("")

    with pytest.raises(RunError, match=r"report cannot be written: File exists; name another with --report"):
        write_report(tmp_path / "report", examined)
