"""An operator looks after the history from the command line."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, insert, text

from gateway.history.database import close_writer, open_writer
from gateway.history.schema import PREDICTIONS
from tests.processes import PYTHON, ROOT

ROWS = [
    {
        "id": f"{number:032x}",
        "timestamp_us": 1_790_000_000_000_000 + number,
        "filename": f"=slice {number}.png",
        "prediction": "normal" if number % 2 else "adenocarcinoma",
        "confidence": 0.5,
        "probabilities": {"normal": 0.5},
        "model_version": 1,
        "timings": {},
    }
    for number in range(1200)
]


def execute(url: str, statement: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text(statement))


@pytest.fixture
def filled(history_url: str) -> str:
    close_writer(open_writer(history_url, "normal"))
    with create_engine(history_url, poolclass=NullPool).begin() as connection:
        connection.execute(insert(PREDICTIONS), ROWS)
    return history_url


def command(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m gateway history`, as an operator does."""
    return subprocess.run(
        [PYTHON, "-m", "gateway", "history", *arguments],
        env={**os.environ, "PULMO_HISTORY": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_sound_history_verifies(filled: str) -> None:
    """It says how many there are, and shows no password."""
    done = command(filled, "verify")

    assert done.stdout.endswith(": 1200 predictions, no problems\n")
    assert "s3cret" not in done.stdout + done.stderr
    assert done.returncode == 0


def test_a_row_that_is_no_prediction_is_found(filled: str) -> None:
    """And where it is."""
    execute(filled, "UPDATE predictions SET timings = '7' WHERE sequence = 601")
    done = command(filled, "verify")

    assert "comes a row that is none: Expected `object`, got `int`" in done.stdout
    assert done.returncode == 1


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    """As SQLite tells it."""
    file = tmp_path / "history.db"
    url = f"sqlite:///{file}"
    close_writer(open_writer(url, "normal"))
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(insert(PREDICTIONS), ROWS)
    execute(url, "PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as raw:
        raw.seek(file.stat().st_size // 2)
        raw.write(bytes(range(256)) * 32)

    done = command(url, "verify")

    assert done.returncode == 1
    assert "no problems" not in done.stdout


def test_vacuum_gives_space_back(filled: str) -> None:
    """Of rows that were deleted; the others are all there."""
    execute(filled, "DELETE FROM predictions WHERE sequence > 100")
    done = command(filled, "vacuum")
    numbers = [int(word) for word in done.stdout.replace(":", " ").split() if word.isdigit()]

    assert done.returncode == 0, done.stderr
    assert numbers[-1] < numbers[-2]
    assert "100 predictions, no problems" in command(filled, "verify").stdout


def test_export_writes_what_the_filters_let_through(filled: str, tmp_path: Path) -> None:
    """To a file that was not there before."""
    file = tmp_path / "export.jsonl"
    arguments = ("export", "--format", "json", "--class", "normal", "--output", str(file))

    done, again = command(filled, *arguments), command(filled, *arguments)

    ids = [json.loads(line)["id"] for line in file.read_text().splitlines()]
    assert done.returncode == 0, done.stderr
    assert ids == [row["id"] for row in reversed(ROWS) if row["prediction"] == "normal"]
    assert again.returncode == 1
    assert "File exists" in again.stderr


def test_export_to_standard_output_is_csv(filled: str) -> None:
    """With names that are no formulas."""
    done = command(filled, "export", "--filename", "=slice 11*")

    assert done.stdout.startswith("id,timestamp,filename,")
    assert len(done.stdout.splitlines()) == 1 + 1 + 10 + 100
    assert done.stdout.count("'=slice 11") == 111


@pytest.mark.parametrize(
    ("url", "arguments", "message"),
    [
        ("sqlite:////nonexistent/history.db", ["verify"], "/nonexistent/history.db is not there"),
        ("postgresql+psycopg://u:s3cret@127.0.0.1:1/x", ["verify"], "the history cannot be read"),
        ("sqlite:////etc/hostname", ["export", "--min-confidence", "2"], "it lies between 0 and 1"),
    ],
)
def test_what_cannot_be_done_is_said(url: str, arguments: list[str], message: str) -> None:
    """In a sentence, without a traceback or a password."""
    done = command(url, *arguments)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
