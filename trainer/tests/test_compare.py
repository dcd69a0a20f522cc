"""Comparing two versions: what each is right on, and whether that could be chance."""

import json
from pathlib import Path

import msgspec
import pytest

from trainer.data.dataset import Split, load_split
from trainer.data.phantoms import KINDS
from trainer.errors import RunError
from trainer.evaluation.compare import compare, mcnemar
from trainer.tests.oracle import publish_oracle, wrong
from trainer.tests.test_command_line import run_here
from trainer.training.runs import Run


@pytest.fixture(scope="module")
def images(phantoms: Path, run: Run) -> Split:
    """Sixteen images."""
    return load_split(phantoms, "train", tuple(sorted(KINDS)), run.manifest.image)


@pytest.fixture(scope="module")
def store(run: Run, images: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 is wrong on image 2; version 2 on the images 2, 5, 6 and 7; version 3 knows other classes."""
    store = tmp_path_factory.mktemp("compare") / "lung"
    publish_oracle(store, run.manifest, images, wrong(images, 2))
    publish_oracle(store, run.manifest, images, wrong(images, 2, 5, 6, 7))
    other = msgspec.structs.replace(run.manifest, labels=("benign", *run.manifest.labels[1:]))
    publish_oracle(store, other, images, wrong(images))
    return store


def test_both_answer_the_same_images(store: Path, images: Split, phantoms: Path) -> None:
    """
    An image that both get wrong in the same way is no disagreement; the rest is counted and named.
    """
    found, _ = compare(store, (1, 2), phantoms, "train")

    assert (found.images, found.accuracy) == (16, (15 / 16, 12 / 16))
    assert (found.only_first_right, found.only_second_right) == (3, 0)
    assert found.p_value == pytest.approx(2 / 2**3)
    assert [each.file for each in found.disagreements] == [str(images.paths[place]) for place in (5, 6, 7)]
    assert all(each.first == each.truth != each.second for each in found.disagreements)


def test_a_version_agrees_with_itself(store: Path, phantoms: Path) -> None:
    """
    There is nothing to name, and no evidence of a difference.
    """
    found, _ = compare(store, (1, 1), phantoms, "train")

    assert (found.disagreements, found.p_value) == ((), 1.0)


def test_other_classes_are_refused(store: Path, phantoms: Path) -> None:
    """
    The message names both versions and their classes.
    """
    with pytest.raises(RunError, match=r"versions 1 and 3 know different classes, adenocarcinoma, .* against benign, "):
        compare(store, (1, 3), phantoms, "train")


@pytest.mark.parametrize(
    ("only_first", "only_second", "expected"),
    [
        pytest.param(0, 0, 1.0, id="no image tells them apart"),
        pytest.param(5, 5, 1.0, id="evenly split"),
        pytest.param(1, 9, 2 * (1 + 10) / 2**10, id="one against nine: twice the binomial tail"),
        pytest.param(9, 1, 2 * (1 + 10) / 2**10, id="the order does not matter"),
        pytest.param(0, 6, 2 / 2**6, id="six against none: below 0.05"),
    ],
)
def test_mcnemars_exact_test(only_first: int, only_second: int, expected: float) -> None:
    """
    The p-value is that of as many throws of a fair coin as there are images that only one gets right.
    """
    assert mcnemar(only_first, only_second) == pytest.approx(expected)


def test_the_command_names_some_and_counts_all(
    store: Path,
    images: Split,
    phantoms: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    `trainer compare` prints the figures and the first disagreements; the JSON file holds all of them.
    """
    out = tmp_path / "compare.json"
    arguments = ("--store", store, "--data", phantoms, "--split", "train", "--limit", "2", "--json", out)

    assert run_here(monkeypatch, "compare", "1", "2", *arguments) == 0
    first, right, count, *named = capsys.readouterr().out.splitlines()
    assert first == "train, 16 images: accuracy 0.938 of version 1 and 0.750 of version 2"
    assert right == "only version 1 is right on 3, only version 2 on 0; McNemar's exact test: p = 0.25"
    assert count == "3 are answered differently, the first 2:"
    assert named[0] == f"  {images.paths[5]}: large.cell.carcinoma (1), normal (2); it is large.cell.carcinoma"
    assert len(named) == 2
    assert len(json.loads(out.read_text())["disagreements"]) == 3


def test_an_unknown_version_is_one_line(
    store: Path, phantoms: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The versions that are there are named.
    """
    assert run_here(monkeypatch, "compare", "1", "9", "--store", store, "--data", phantoms) == 2
    assert capsys.readouterr().err == f"Error: {store} holds no version 9; there are 1, 2, 3\n"
