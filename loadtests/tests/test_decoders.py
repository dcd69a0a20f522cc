"""The comparison of decoders as it is run."""

import json
import subprocess
from pathlib import Path

import pytest

from loadtests.decoders.candidates import Candidate, candidates
from tests.images import pixels, png
from tests.processes import PYTHON, ROOT

LIBRARIES = [
    "libpng",
    "libspng",
    "pyspng",
    "Pillow",
    "opencv",
    "pyvips",
    "kornia",
    "mozjpeg",
    "TurboJPEG",
    "INTER_AREA",
]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed, channels in ((1, 3), (2, 4)):
        (folder / f"{seed}.png").write_bytes(png(pixels(seed, 300, channels)))
    return folder


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, "-m", "loadtests.decoders", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_every_way_is_measured_or_named_as_missing(images: Path, tmp_path: Path) -> None:
    """No library is left out in silence, and the gateway's own way is among those that were measured."""
    kept = tmp_path / "kept.json"

    done = run("--images", images, "--rounds", "1", "--json", kept)

    assert done.returncode == 0, done.stderr
    result = json.loads(kept.read_text())
    measured = {(row["task"], row["name"]) for row in result["rows"]}
    missing = {(lack["task"], lack["name"]) for lack in result["missing"]}
    assert {(way.task, way.name) for way in candidates()} == measured | missing
    assert [library for library in LIBRARIES if library not in done.stdout] == []
    assert measured.isdisjoint(missing)
    assert all(name in done.stdout for _, name in measured | missing)
    assert {"PNG to row", "JPEG to row"} <= {task for task, _ in measured}


def test_all_png_decoders_see_the_same_pixels(images: Path, tmp_path: Path) -> None:
    """What is compared does the same work."""
    kept = tmp_path / "kept.json"
    run("--images", images, "--rounds", "1", "--json", kept)

    same = [row["same"] for row in json.loads(kept.read_text())["rows"] if row["task"] == "PNG to pixels"]

    assert [True] * len(same) == same != []


def test_kept_results_become_one_table(images: Path, tmp_path: Path) -> None:
    """Pillow and Pillow-SIMD never meet in one environment, but in one table."""
    kept = [tmp_path / f"{name}.json" for name in ("one", "two")]
    for path in kept:
        run("--images", images, "--rounds", "1", "--label", f"with {path.stem}", "--json", path)

    table = run("--merge", *kept).stdout

    ways = [way for way in candidates() if isinstance(way, Candidate) and way.task == "pixels to row"]
    assert [table.count(f"| {way.name} | with one |") for way in ways] == [1] * len(ways)
    assert [table.count(f"| {way.name} | with two |") for way in ways] == [1] * len(ways)


@pytest.mark.parametrize("name", ["notes.txt", "photograph.png"])
def test_a_folder_without_a_png_is_said(tmp_path: Path, name: str) -> None:
    """Nothing is measured with nothing, whatever its name."""
    (tmp_path / name).write_bytes(b"none")

    done = run("--images", tmp_path)

    assert done.returncode == 2
    assert str(tmp_path) in done.stderr
