"""How fast the architectures answer."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from rich.console import Console

from trainer.commands.speed import architectures
from trainer.config import Architecture
from trainer.evaluation.speed import contestants, measure, rate, take_turns
from trainer.processor import Processor, read_processor
from trainer.reporting.speed_table import report, show
from trainer.tests.test_command_line import run_here

HERE = read_processor()
OLD = Processor(name="An Old One", cores=2, flags=frozenset())
IMAGES = np.zeros((4, 8, 8, 1), np.uint8)
needs_bfloat16 = pytest.mark.skipif(HERE.without_bfloat16 is not None, reason=str(HERE.without_bfloat16))


def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.zeros((len(images), 4), np.float32)


def test_a_rate_counts_whole_calls_over_the_time_they_took() -> None:
    """
    The call during which the time runs out counts with all of its images and all of its time.
    """
    times = iter([10.0, 10.4, 10.8, 11.2, 99.0])

    assert rate(answer, IMAGES, 1, lambda: next(times)) == pytest.approx(12 / 1.2)


def test_contestants_take_turns() -> None:
    """
    Every round measures each of them once, after all are warm; so a busy minute falls on all alike.
    """
    asked: list[str] = []

    def ask(name: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        asked.append(name)
        return answer(images)

    entries = [(lambda images: ask("a", images), IMAGES), (lambda images: ask("b", images), IMAGES)]
    rates = take_turns(entries, 3, 0, lambda number: asked.append(f"round {number}"))

    assert asked == [*"aaabbb", "a", "b", "round 1", "a", "b", "round 2", "a", "b", "round 3"]
    assert [len(one) for one in rates] == [3, 3]


def test_every_architecture_is_measured_unless_some_are_named() -> None:
    """
    A new network shows up in the table by itself.
    """
    known = get_args(Architecture)

    assert tuple(architectures(None)) == known
    assert architectures([known[1], known[1]]) == [known[1]]


@needs_bfloat16
def test_the_two_precisions_are_two_computations(tmp_path: Path) -> None:
    """
    The same frozen version answers a little otherwise in bfloat16; else the table would compare float32 with itself.
    """
    with contestants("compact", tmp_path / "version", HERE) as (found, missing):
        exact, rough = found
        difference = np.abs(exact.ask(exact.images(2)) - rough.ask(rough.images(2))).max()

    assert (exact.precision, rough.precision, missing) == ("float32", "bfloat16", [])
    assert 1e-6 < difference < 0.05


def test_what_the_processor_lacks_is_named() -> None:
    """
    Without bfloat16 there are no figures of it, and the reason; oneDNN would only emulate it.
    """
    speeds = measure(["compact"], [1, 2], OLD, 1, 0, lambda _: None)

    assert {(one.precision, one.batch) for one in speeds.speeds} == {("float32", 1), ("float32", 2)}
    assert speeds.missing == (f"compact in bfloat16: {OLD.without_bfloat16}",)


def test_the_command_prints_lines_and_writes_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A figure without its machine, its method and its date tells nothing: all of them are in both.
    """
    path = tmp_path / "speed.json"
    options = ("--arch", "compact", "--batch", "2", "--batch", "1", "--rounds", "2", "--seconds", "0", "--json", path)

    assert run_here(monkeypatch, "speed", *options) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    written = json.loads(path.read_text())

    assert first.startswith(f"images/s, median (lowest to highest) of 2 rounds of 0 s; {HERE.name}, {HERE.cores} cores")
    assert lines[0].startswith("compact 128x128x1, float32, batch 2: ")
    assert (written["processor"], written["cores"], written["tensorflow"]) == (HERE.name, HERE.cores, tf.__version__)
    assert [one["batch"] for one in written["speeds"] if one["precision"] == "float32"] == [2, 1]
    assert all(0 < one["lowest"] <= one["median"] <= one["highest"] for one in written["speeds"])


def test_on_a_terminal_the_precisions_stand_side_by_side() -> None:
    """
    A row for each architecture and batch size, with what is missing below.
    """
    console = Console(force_terminal=True, width=100, color_system=None)
    made = report(measure(["compact"], [1], OLD, 1, 0, lambda _: None), OLD, "2.0", 1, 0)
    with console.capture() as printed:
        show(console, made)

    assert "architecture" in printed.get()
    assert "float32" in printed.get()
    assert "not measured: compact in bfloat16: the processor (An Old One)" in printed.get()


def test_an_unknown_architecture_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A typing mistake is told before anything is measured.
    """
    assert run_here(monkeypatch, "speed", "--arch", "compakt") == 2
    assert "there is no architecture compakt; there are compact" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The figures are printed all the same; the error names the file and the remedy.
    """
    options = ("--arch", "compact", "--batch", "1", "--rounds", "1", "--seconds", "0", "--json", tmp_path)

    assert run_here(monkeypatch, "speed", *options) == 2
    assert "cannot be written: Is a directory; name another file with --json" in capsys.readouterr().err
