"""The measurement of durability loads what it says."""

from pathlib import Path

import pytest

from loadtests.durability import MODES, main


def test_each_durability_is_loaded_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Shortly here; every request is answered with a prediction."""
    status = main(["--rounds", "1", "--seconds", "0.3", "--connections", "4", "--folder", str(tmp_path)])

    table = capsys.readouterr().out
    assert status == 0
    assert all(f"| {mode} |" in table for mode in MODES)
