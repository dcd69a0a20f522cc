"""The evaluation of a model on a split."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.data.dataset import load_split
from trainer.evaluation.evaluate import Subject, examine, find_twins, of_run, of_version
from trainer.measures.calibration import calibration_error, fit_temperature, reliability
from trainer.measures.findings import Answers, find, find_without
from trainer.measures.scores import score
from trainer.networks.predict import predict_model
from trainer.tests.test_command_line import run_here
from trainer.training.manifest import Manifest
from trainer.training.runs import load_run

LABELS = ("a", "b", "normal")


@pytest.fixture(scope="module")
def run(trained: tuple[Path, Path]) -> Subject:
    """The session's model, in memory."""
    return of_run(trained[0])


def answers(count: int = 60) -> Answers:
    """Return answers of which some are wrong."""
    generator = np.random.default_rng(4)
    targets = np.arange(count) % 3
    weights = generator.random((count, 3)) + np.eye(3)[targets] * 0.4
    return Answers(targets, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32), LABELS, 1.5)


def test_findings_without_twins_are_those_of_the_rest() -> None:
    """
    Leaving out the marked images gives, to the last digit, the findings on the images that are left.
    """
    seen = answers()
    twins = np.arange(60) % 4 == 0
    rest = Answers(seen.targets[~twins], seen.probabilities[~twins], LABELS, 1.5)

    assert find_without(seen, twins) == find(rest)
    assert find(rest).images == 45
    assert find_without(seen, twins) != find(seen)


@pytest.mark.parametrize("marked", [True, False])
def test_without_a_rest_or_without_twins_there_is_no_second_figure(marked: bool) -> None:  # noqa: FBT001
    """
    Where all images are twins, or none is, the findings are not given twice.
    """
    assert find_without(answers(), np.full(60, marked)) is None


def test_the_worst_mistakes_are_the_surest() -> None:
    """
    Of two wrong answers the more confident comes first; right ones never come.
    """
    targets = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.4, 0.6], [0.9, 0.1], [0.1, 0.9], [0.3, 0.7]], np.float32)
    worst = Answers(targets, probabilities, ("a", "b"), 1).worst

    assert worst(5).tolist() == [2, 0]
    assert worst(1).tolist() == [2]


def test_a_planted_copy_is_counted_and_left_out(phantoms: Path, run: Subject, tmp_path: Path) -> None:
    """
    An image of `train` that is copied into `test` under another name is the one twin, and its answer does not count.
    """
    root = Path(shutil.copytree(phantoms, tmp_path / "data"))
    shutil.copy(root / "train" / "normal" / "0001.png", root / "test" / "normal" / "renamed.png")
    clean, leaky = examine(run, phantoms, "test").evaluation, examine(run, root, "test").evaluation

    assert (clean.twins, clean.without_twins) == (0, None)
    assert (leaky.twins, leaky.images) == (1, clean.images + 1)
    assert leaky.without_twins is not None
    assert leaky.without_twins.confusion == clean.confusion
    assert leaky.without_twins.loss == pytest.approx(clean.loss, rel=1e-4)


def test_without_a_train_split_nothing_is_said_of_twins(phantoms: Path, run: Subject, tmp_path: Path) -> None:
    """
    A folder that holds nothing but the evaluated split can be evaluated; twins are unknown, not 0.
    """
    shutil.copytree(phantoms / "test", tmp_path / "test")
    evaluation = examine(run, tmp_path, "test").evaluation

    assert evaluation.twins is None
    assert evaluation.without_twins is None


def test_an_unreadable_image_of_train_is_no_twin(phantoms: Path, tmp_path: Path) -> None:
    """
    What could not be trained on, and what is no image, is passed over.
    """
    root = Path(shutil.copytree(phantoms / "train", tmp_path / "train"))
    image = root / "normal" / "0001.png"
    body = image.read_bytes()
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    (root / "normal" / ".hidden.png").write_bytes(body)
    (root / "notes.txt").write_text("")
    again = tmp_path / "again.png"
    again.write_bytes(body)

    found = find_twins((again, root / "normal" / "0002.png"), root)

    assert found is not None
    assert found.tolist() == [False, True]


def test_training_ends_with_a_temperature(phantoms: Path, trained: tuple[Path, Path]) -> None:
    """
    The manifest holds the temperature that fits the validation split, and the calibration error before and after it.
    """
    read = load_run(trained[0])
    valid = load_split(phantoms, "valid", read.manifest.labels, read.manifest.image)
    raw = predict_model(read.model, valid.images)
    metrics = read.manifest.metrics

    assert read.manifest.temperature == fit_temperature(valid.targets, raw) != 1
    assert metrics["ece_uncalibrated"] == pytest.approx(calibration_error(reliability(valid.targets, raw)), abs=1e-5)
    assert metrics["accuracy"] == score(valid.targets, raw, read.manifest.labels).accuracy


def test_a_run_answers_as_its_version_does(phantoms: Path, trained: tuple[Path, Path], run: Subject) -> None:
    """
    The temperature that is inside the published graph is applied to the run's model too, in the same way.
    """
    published = of_version(trained[1], None)
    images = load_split(phantoms, "train", run.manifest.labels, run.manifest.image).images
    raw: NDArray[np.float32] = predict_model(load_run(trained[0]).model, images)

    assert np.abs(run.predict(images) - published.predict(images)).max() < 1e-3
    assert np.abs(run.predict(images) - raw).max() > 1e-3


def test_the_figures_of_the_manifest_are_those_of_evaluate(phantoms: Path, run: Subject) -> None:
    """
    Evaluated on the validation split, a run gets the figures that training wrote into its manifest.
    """
    evaluation = examine(run, phantoms, "valid").evaluation
    expected = run.manifest.metrics

    assert evaluation.metrics() == pytest.approx({key: expected[key] for key in evaluation.metrics()}, abs=1e-4)
    assert evaluation.ece_uncalibrated == pytest.approx(expected["ece_uncalibrated"], abs=1e-4)


def test_a_manifest_may_lack_the_newer_figures(trained: tuple[Path, Path]) -> None:
    """
    A manifest that was written before there were areas and calibration errors is read as ever.
    """
    older = json.loads((trained[0] / "manifest.json").read_text())
    older["metrics"] = {"accuracy": 0.5, "macro_f1": 0.4, "loss": 1.0}
    del older["temperature"]

    assert Manifest.from_json(json.dumps(older).encode()).temperature == 1


def test_the_command_says_what_it_found_and_where_it_wrote_it(
    phantoms: Path,
    trained: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    `trainer evaluate --report` prints intervals, calibration and twins, and writes a folder; a version has no history.
    """
    report, scores = tmp_path / "report", tmp_path / "scores.json"
    options = ("--store", trained[1], "--report", report, "--json", scores)

    assert run_here(monkeypatch, "evaluate", "--data", phantoms, *options) == 0
    printed = capsys.readouterr().out
    assert "accuracy: 0." in printed
    assert "95% interval" in printed
    assert "expected calibration error: 0." in printed
    assert "0 of 4 images have a twin in the train split" in printed
    assert f"the report is in {report / 'report.html'}" in printed
    assert "training_history.png" not in {path.name for path in report.iterdir()}
    assert scores.read_bytes() == (report / "scores.json").read_bytes()
