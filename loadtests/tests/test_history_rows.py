"""The measurement of large histories asks what it says."""

import json
from pathlib import Path

import pytest

from loadtests.history_rows import main


def test_every_question_is_asked_of_both_histories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Small ones here; each answer is timed, and the table compares them."""
    figures = tmp_path / "figures.json"

    status = main(["--rows", "40", "400", "--repeats", "2", "--folder", str(tmp_path), "--output", str(figures)])

    taken = json.loads(figures.read_text())
    table = capsys.readouterr().out
    assert status == 0
    assert len(taken) == 20
    assert all(list(sizes) == ["40", "400"] for sizes in taken.values())
    assert all(len(times) == 2 for sizes in taken.values() for times in sizes.values())
    assert all(f"| {question} |" in table for question in taken)
