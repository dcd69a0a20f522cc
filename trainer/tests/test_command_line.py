"""The command line, as an operator or the gateway's retraining job runs it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.__main__ import main
from trainer.tests.conftest import trainer


def run_here(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command line in this process, which has paid for TensorFlow already, and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["trainer", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_help_does_without_tensorflow() -> None:
    """
    The help and the phantoms do not wait for TensorFlow.
    """
    probe = (
        "import sys, trainer.__main__, trainer.data.phantoms, trainer.reporting.console;"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_the_version_evaluated_is_the_run_published(
    phantoms: Path, trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Train, publish, evaluate: the store's version and the run's model score the same on the same images.
    """
    run, store = trained
    served, in_memory = tmp_path / "served.json", tmp_path / "memory.json"
    done = trainer("evaluate", "--data", phantoms, "--split", "train", "--store", store, "--json", served)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(f"{store}/1, train: accuracy ")
    assert run_here(
        monkeypatch, "evaluate", "--data", phantoms, "--split", "train", "--run", run, "--json", in_memory
    ) == 0  # fmt: skip
    scores, expected = json.loads(served.read_text()), json.loads(in_memory.read_text())
    assert scores["confusion"] == expected["confusion"]
    assert scores["loss"] == pytest.approx(expected["loss"], abs=1e-4)
    assert scores["images"] == sum(map(sum, scores["confusion"])) == 16


def test_a_run_can_be_published_later(
    trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    `trainer publish --force` makes the next version from the run alone; its data set may be gone.
    """
    store = tmp_path / "lung"
    store.mkdir()
    (store / "4").mkdir()

    assert run_here(monkeypatch, "publish", "--run", trained[0], "--store", store, "--force") == 0
    first, exact, rough = capsys.readouterr().out.splitlines()
    assert first == f"published version 5 in {store}"
    assert exact.startswith("float32: it answers 4 images as the model does; probabilities differ by up to ")
    assert rough.startswith(("bfloat16: it may be served so; ", "bfloat16: it must not be served so; not measured: "))
    assert (store / "5" / "saved_model.pb").is_file()


def test_an_export_does_not_overwrite(
    trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    `trainer export` writes into an empty folder or not at all.
    """
    assert run_here(monkeypatch, "export", "--run", trained[0], tmp_path / "out") == 0
    assert run_here(monkeypatch, "export", "--run", trained[0], tmp_path / "out") == 2
    assert "out exists and is not an empty folder" in capsys.readouterr().err


def test_what_the_operator_can_mend_is_one_line(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A data set without a split ends with status 2 and one line that names the folder; no traceback.
    """
    root = Path(shutil.copytree(phantoms, tmp_path / "data"))
    shutil.rmtree(root / "valid")

    assert run_here(monkeypatch, "train", "--data", root, "--image-size", "32", "--run", tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {root}/valid is missing; ")
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_corrupt_image_is_a_warning(
    phantoms: Path,
    trained: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    An unreadable image is named and counted, and the rest is evaluated.
    """
    root = Path(shutil.copytree(phantoms, tmp_path / "data"))
    broken = root / "train" / "normal" / "0002.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")

    assert run_here(monkeypatch, "evaluate", "--data", root, "--split", "train", "--store", trained[1]) == 0
    printed = capsys.readouterr().out
    assert f"Warning: skipped {broken}: PNG ends after 8 bytes" in printed
    assert "Warning: 1 of 16 files were skipped" in printed
    assert "on 15 images" in printed


def test_evaluation_wants_one_subject(
    phantoms: Path, trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A run and a store at once, or neither, is a usage error.
    """
    run, store = trained

    assert run_here(monkeypatch, "evaluate", "--data", phantoms) == 2
    assert run_here(monkeypatch, "evaluate", "--data", phantoms, "--run", run, "--store", store) == 2
    assert "give either --run or --store" in capsys.readouterr().err
