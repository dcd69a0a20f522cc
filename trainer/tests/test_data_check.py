"""`trainer data check`: what is printed, what is written, and the exit status."""

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from gateway.imaging import inspect
from trainer.__main__ import main
from trainer.data.audit import Audit, audit
from trainer.data.phantoms import KINDS
from trainer.data.survey import survey
from trainer.reporting.audit_files import write
from trainer.reporting.audit_lines import show


def check(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run `trainer data check` in this process and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["trainer", "data", "check", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def judge(root: Path) -> Audit:
    return audit(survey(root))


@pytest.fixture
def root(phantoms: Path, tmp_path: Path) -> Path:
    """A data set that a test may spoil."""
    return Path(shutil.copytree(phantoms, tmp_path / "data"))


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def leave_one_class(root: Path) -> None:
    for split in ("train", "valid", "test"):
        for kind in KINDS[1:]:
            shutil.rmtree(root / split / kind)


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "train missing": (lambda root: shutil.rmtree(root / "train"), "/train is missing; put a folder for each class"),
    "valid missing": (lambda root: shutil.rmtree(root / "valid"), "/valid is missing; put a folder for each class"),
    "valid empty": (lambda root: empty(root / "valid"), "/valid is empty; put a folder for each class"),
    "class empty": (lambda root: empty(root / "train" / "normal"), "/train/normal holds no readable image; put PNG"),
    "one class": (leave_one_class, "/train holds one class, adenocarcinoma; put at least 2"),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILED.values(), ids=SPOILED.keys())
def test_a_set_that_cannot_be_trained_on_ends_with_status_2(
    spoil: Callable[[Path], None],
    message: str,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    The report is printed all the same; the first problem and its remedy are the error.
    """
    spoil(root)

    assert check(monkeypatch, root) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"Error: {root}{message}")
    assert printed.err.count("\n") == 1
    assert f"Problem: {root}{message}" in printed.out


def test_the_report_on_an_unusable_set_is_written(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Even where there is not one image, all files are there for whoever mends the set.
    """
    for split in ("train", "valid", "test"):
        empty(root / split)

    assert check(monkeypatch, root, "--out", tmp_path / "out") == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.json", "classes.png", "contact_sheet.png"}


def test_a_missing_test_split_is_a_warning(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    One can train without `test`; the check says that it is missing and ends with status 0.
    """
    shutil.rmtree(root / "test")

    assert check(monkeypatch, root) == 0
    assert capsys.readouterr().out.startswith(f"Warning: {root}/test is missing; ")


def test_what_is_no_data_set_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A missing folder, one without splits, and the folder above the right one each get their remedy.
    """
    (tmp_path / "void").mkdir()

    assert [check(monkeypatch, folder) for folder in (tmp_path / "none", tmp_path / "void", tmp_path)] == [2, 2, 2]
    none, void, above = capsys.readouterr().err.splitlines()
    assert none.startswith(f"Error: {tmp_path}/none is not a folder; ")
    assert void == f"Error: {tmp_path}/void holds none of train, valid, test; see data/README.md for what belongs there"
    assert above == f"Error: {tmp_path} holds none of train, valid, test; {root} does, so name that"


def test_the_report_says_what_was_printed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Printed plainly outside a terminal, paths unbroken; report.json has the same, and the pictures are pictures.
    """
    copy = "a copy with a name that is longer than a line of the console.png"
    shutil.copy(
        root / "train" / "normal" / "0001.png",
        root / "valid" / "normal" / copy,
    )
    out = tmp_path / "deep" / "out"

    assert check(monkeypatch, root, "--out", out) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Warning: leakage: 1 of 5 images in valid have a twin in train")
    assert "\nnormal: train 4, valid 2, test 1\n" in printed
    assert f"\n  [train and valid] train/normal/0001.png = valid/normal/{copy}\n" in printed
    assert msgspec.json.decode((out / "report.json").read_bytes(), type=Audit) == judge(root)
    assert inspect((out / "classes.png").read_bytes()) == ("PNG", 900, 470)
    assert inspect((out / "contact_sheet.png").read_bytes()) == ("PNG", 1280, 920)


def test_names_are_not_taken_for_formulas(root: Path, tmp_path: Path) -> None:
    """
    Dollars in a class or a file name are drawn as they are; matplotlib would fail on them as mathematics.
    """
    for split in ("train", "valid", "test"):
        (root / split / "normal").rename(root / split / r"$\1$")
        (root / split / r"$\1$" / "0001.png").rename(root / split / r"$\1$" / r"$\1$.png")
    found = survey(root)

    write(tmp_path / "out", found, audit(found))

    assert inspect((tmp_path / "out" / "contact_sheet.png").read_bytes()).format == "PNG"


def test_a_terminal_gets_a_table(phantoms: Path) -> None:
    """
    On a terminal the counts are a table, a row for each class and one for all.
    """
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)

    show(terminal, judge(phantoms))

    assert isinstance(terminal.file, io.StringIO)
    lines = [line.split() for line in terminal.file.getvalue().splitlines()]
    assert ["class", "train", "valid", "test"] in lines
    assert ["squamous.cell.carcinoma", "4", "1", "1"] in lines
    assert ["all", "16", "4", "4"] in lines


def test_a_report_that_cannot_be_written_is_one_line(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A file where the folder should be is named.
    """
    (tmp_path / "out").write_text("")

    assert check(monkeypatch, phantoms, "--out", tmp_path / "out") == 2
    assert capsys.readouterr().err.startswith(f"Error: the report cannot be written into {tmp_path}/out: File exists; ")
