"""`trainer data fetch`, as far as it goes here: without kagglehub, which is none of our dependencies."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from trainer.__main__ import main
from trainer.data.dataset import digest
from trainer.data.fetch import place
from trainer.errors import RunError


def fetch(monkeypatch: pytest.MonkeyPatch, out: Path) -> int:
    """Run `trainer data fetch` in this process and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["trainer", "data", "fetch", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.skipif(importlib.util.find_spec("kagglehub") is not None, reason="kagglehub is installed here")
def test_without_kagglehub_the_error_says_where_to_put_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    One line: what is missing, where the files are to be had, and where they belong; nothing is left behind.
    """
    out = tmp_path / "data"

    assert fetch(monkeypatch, out) == 2
    assert capsys.readouterr().err == (
        "Error: kagglehub is not installed; pip install kagglehub, or fetch "
        "https://www.kaggle.com/datasets/mohamedhanyyy/chest-ctscan-images by hand and put its images into "
        f"{out}/{{train,valid,test}}/<class>/ (see data/README.md)\n"
    )
    assert not out.exists()


def test_what_was_fetched_before_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A split that is there already is neither overwritten nor mixed with another.
    """
    (tmp_path / "valid").mkdir()

    assert fetch(monkeypatch, tmp_path) == 2
    assert capsys.readouterr().err == f"Error: {tmp_path}/valid exists already; name another folder, or remove it\n"


def test_the_archives_outer_folder_is_dropped(phantoms: Path, tmp_path: Path) -> None:
    """
    The published archive has its splits in `Data/`; they are copied without it, and nothing else is left in the folder.
    """
    download, out = tmp_path / "download", tmp_path / "deep" / "data"
    shutil.copytree(phantoms, download / "Data")

    assert place(download, out) == 24
    assert digest(out) == digest(phantoms)
    assert sorted(path.name for path in out.iterdir()) == ["test", "train", "valid"]


def test_an_archive_of_another_shape_is_refused(phantoms: Path, tmp_path: Path) -> None:
    """
    When the publisher moves the folders, nothing is copied and the error says what to do by hand.
    """
    download = Path(shutil.copytree(phantoms, tmp_path / "download"))
    shutil.rmtree(download / "test")

    with pytest.raises(RunError, match=r"download holds no folder with train, valid, test; fetch https://www\.kaggle"):
        place(download, tmp_path / "data")
    assert not (tmp_path / "data").exists()
