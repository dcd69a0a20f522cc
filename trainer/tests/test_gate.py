"""The promotion gate: a run that is worse than what is served does not replace it."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from trainer.data.dataset import Split, load_split
from trainer.data.phantoms import KINDS
from trainer.errors import PromotionError
from trainer.evaluation.gate import check_promotion
from trainer.store.versions import versions
from trainer.tests.oracle import oracle_run, publish_oracle, wrong
from trainer.tests.test_command_line import run_here
from trainer.training.runs import Run

MARGIN = 0.02


@pytest.fixture(scope="module")
def valid(phantoms: Path, run: Run) -> Split:
    """Four images, one of each class."""
    return load_split(phantoms, "valid", tuple(sorted(KINDS)), run.manifest.image)


@pytest.fixture(scope="module")
def best(run: Run, valid: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose version 1 is always right."""
    store = tmp_path_factory.mktemp("best") / "lung"
    publish_oracle(store, run.manifest, valid, wrong(valid))
    return store


def test_the_first_version_needs_no_gate(run: Run, tmp_path: Path) -> None:
    """
    Into an empty store, and into none, everything may go, whether its data set is still there or not.
    """
    lost = replace(run, manifest=msgspec.structs.replace(run.manifest, config=elsewhere(run, tmp_path / "gone")))

    assert check_promotion(lost, tmp_path, MARGIN) is None
    assert check_promotion(lost, tmp_path / "lung", MARGIN) is None


def test_an_equal_run_passes(run: Run, valid: Split, best: Path) -> None:
    """
    The verdict holds what both scored on the run's own validation images.
    """
    verdict = check_promotion(oracle_run(run, valid, wrong(valid)), best, MARGIN)

    assert verdict is not None
    assert (verdict.version, verdict.images, verdict.current, verdict.run) == (1, 4, 1.0, 1.0)


def test_a_better_run_passes(run: Run, valid: Split, tmp_path: Path) -> None:
    """
    However much better it is, and whatever the margin.
    """
    publish_oracle(tmp_path, run.manifest, valid, wrong(valid, 0, 1, 2, 3))

    verdict = check_promotion(oracle_run(run, valid, wrong(valid, 3)), tmp_path, 0)
    assert verdict is not None
    assert verdict.current < verdict.run < 1


def test_a_worse_run_is_refused(run: Run, valid: Split, best: Path) -> None:
    """
    One wrong image of four is macro F1 (1 + 1 + 2/3 + 0) / 4 = 0.667; the message names that, the margin and remedies.
    """
    with pytest.raises(
        PromotionError,
        match=r"worse than .*/lung/1, .*: macro F1 0\.667 against 1\.000 on the same 4 images; the margin is 0\.02\. "
        r"Nothing was published; train a better one, or raise --margin, or say --force",
    ):
        check_promotion(oracle_run(run, valid, wrong(valid, 0)), best, MARGIN)


@pytest.mark.parametrize(("margin", "passes"), [(0.3334, True), (0.3333, False)])
def test_the_margin_is_what_a_run_may_lose(run: Run, valid: Split, best: Path, margin: float, passes: bool) -> None:  # noqa: FBT001
    """
    A run that is worse by a third passes with a margin just above a third, and with none below.
    """
    worse = oracle_run(run, valid, wrong(valid, 0))

    if passes:
        assert check_promotion(worse, best, margin) is not None
    else:
        with pytest.raises(PromotionError):
            check_promotion(worse, best, margin)


def test_the_newest_version_is_the_one_to_beat(run: Run, valid: Split, tmp_path: Path) -> None:
    """
    What is served is the newest; how good the versions before it were does not matter.
    """
    publish_oracle(tmp_path, run.manifest, valid, wrong(valid))
    publish_oracle(tmp_path, run.manifest, valid, wrong(valid, 0, 1))

    verdict = check_promotion(oracle_run(run, valid, wrong(valid, 0)), tmp_path, MARGIN)
    assert verdict is not None
    assert verdict.version == 2


def test_other_classes_are_refused(run: Run, valid: Split, tmp_path: Path) -> None:
    """
    A run that knows other classes cannot be compared, and clients would not know its answers.
    """
    labels = ("benign", *run.manifest.labels[1:])
    publish_oracle(tmp_path, msgspec.structs.replace(run.manifest, labels=labels), valid, wrong(valid))

    with pytest.raises(
        PromotionError, match=r"the run knows the classes adenocarcinoma, .*, but .*/1 benign, .*--force"
    ):
        check_promotion(run, tmp_path, MARGIN)


def test_a_lost_data_set_is_refused(run: Run, valid: Split, best: Path, phantoms: Path, tmp_path: Path) -> None:
    """
    Without the run's images nothing can be compared; another data set may be named.
    """
    right = oracle_run(run, valid, wrong(valid))
    lost = replace(right, manifest=msgspec.structs.replace(run.manifest, config=elsewhere(run, tmp_path / "gone")))

    with pytest.raises(PromotionError, match=r"gone/valid is missing; .*Name a data set with --data, or say --force"):
        check_promotion(lost, best, MARGIN)
    assert check_promotion(lost, best, MARGIN, phantoms) is not None


def test_a_version_that_cannot_be_asked_is_refused(run: Run, tmp_path: Path) -> None:
    """
    A folder with a number that holds no model is named, with what to do about it.
    """
    (tmp_path / "4").mkdir()

    with pytest.raises(PromotionError, match=r"/4, which the run would replace, cannot be asked: .*retire it, or say"):
        check_promotion(run, tmp_path, MARGIN)


def test_the_command_refuses_and_can_be_forced(
    trained: tuple[Path, Path],
    best: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    `trainer publish` leaves the store alone when the run is worse; `--force`, or a margin of 1, publishes it.
    """
    store, folder = Path(shutil.copytree(best, tmp_path / "lung")), trained[0]

    assert run_here(monkeypatch, "publish", "--run", folder, "--store", store) == 2
    assert f"Error: the run is worse than {store}/1, which it would replace: macro F1 " in capsys.readouterr().err
    assert [path.name for path in store.iterdir()] == ["1"]
    assert run_here(monkeypatch, "publish", "--run", folder, "--store", store, "--force") == 0
    assert run_here(monkeypatch, "publish", "--run", folder, "--store", store, "--margin", "1") == 0
    assert " of version 2, on the same 4 images\npublished version 3 in " in capsys.readouterr().out
    assert versions(store) == (1, 2, 3)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras, when it saves a model
def test_training_goes_through_the_gate(
    phantoms: Path, best: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    `trainer train --publish` keeps the run, publishes nothing that is worse, and can be forced.
    """
    store = Path(shutil.copytree(best, tmp_path / "lung"))
    train = ("train", "--data", phantoms, "--epochs", "1", "--image-size", "32", "--run", tmp_path / "run")

    assert run_here(monkeypatch, *train, "--publish", store) == 2
    assert "the run is worse than" in capsys.readouterr().err
    assert (tmp_path / "run" / "manifest.json").is_file()
    forced = (*train[:-1], tmp_path / "forced", "--publish", store, "--force")
    assert run_here(monkeypatch, *forced) == 0
    assert versions(store) == (1, 2)


def elsewhere(run: Run, data: Path) -> object:
    return msgspec.structs.replace(run.manifest.config, data=str(data))
