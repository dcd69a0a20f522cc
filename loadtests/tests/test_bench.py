"""The benchmark as it is run, on the toy model: short, so that its figures mean nothing."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from loadtests.bench.drawings import grey_png
from tests.processes import PYTHON, ROOT


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.png").write_bytes(grey_png(64 + 32 * seed, seed))
    return folder


def bench(store: Path, images: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark in one short round, with all it makes in `out`."""
    places = ("--store", store, "--images", images, "--out", out / "results", "--work", out / "work")
    command = [
        PYTHON,
        "-m",
        "loadtests.bench",
        *map(str, places),
        "--rounds=1",
        "--seconds=0.3",
        "--warm-up=0.2",
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_run_says_what_the_service_is_beside_the_limit(toy_store: Path, images: Path, tmp_path: Path) -> None:
    """
    A run measures the limit and the service, and writes a page and a document that name the machine and no place.
    """
    options = ("--modes", "float32", "--parts", "throughput", "--connections", "1,32", "--limit", "1,2,0,8")
    done = bench(toy_store, images, tmp_path, *options)

    assert done.returncode == 0, done.stderr
    assert re.search(r"^throughput/limit at 32 connections: \d\.\d\d", done.stdout, re.MULTILINE), done.stdout
    document, page = sorted((tmp_path / "results").iterdir())
    (section,) = json.loads(document.read_text())["sections"]
    assert [(row["name"], row["connections"]) for row in section["data"]] == [
        ("limit", 0),
        ("gateway", 1),
        ("gateway", 32),
        ("limit", 0),
    ]
    assert all(row["values"]["rate"] > 0 for row in section["data"])
    assert all(row["values"]["failed"] == 0 for row in section["data"] if row["connections"])
    for text in (document.read_text(), page.read_text()):
        assert str(tmp_path) not in text
        assert str(ROOT) not in text


def test_what_is_no_part_is_refused(toy_store: Path, images: Path, tmp_path: Path) -> None:
    """
    A part that does not exist is named, with those that do.
    """
    done = bench(toy_store, images, tmp_path, "--parts", "speed")

    assert done.returncode == 2
    assert "'speed' is no part; name some of throughput, latency" in done.stderr


def test_a_store_without_a_version_is_named(images: Path, tmp_path: Path) -> None:
    """
    Where there is nothing to serve, the run ends at once and says what to do.
    """
    done = bench(tmp_path, images, tmp_path)

    assert done.returncode == 1
    assert f"{tmp_path} holds no version; name the folder of a model's versions with --store" in done.stderr
