"""Listing a store: read from the manifests, without TensorFlow."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trainer.store.listing import age, list_versions
from trainer.tests.conftest import trainer

MANIFEST = {
    "architecture": "compact",
    "metrics": {"accuracy": 0.8125, "macro_f1": 0.7},
    "created_at": "2026-11-01T12:00:00Z",
    "data_digest": "sha256:0123456789abcdef0123456789abcdef",
    "model_digest": "sha256:fedcba9876543210fedcba9876543210",
    "image": {"mode": "L", "height": 96, "width": 128, "resample": "bilinear"},
    "labels": ["benign", "malignant"],
    "config": {"a setting": "that this code does not know"},
}


def add(store: Path, number: int, manifest: bytes | None) -> None:
    extra = store / str(number) / "assets.extra"
    extra.mkdir(parents=True)
    (store / str(number) / "saved_model.pb").write_bytes(bytes(1000))
    if manifest is not None:
        (extra / "manifest.json").write_bytes(manifest)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Version 2 is described, 3 and 10 are not, 11 is broken; the rest are no versions."""
    for name in (".1.retired", ".12.partial", "notes"):
        (tmp_path / name).mkdir()
    for number, manifest in ((2, json.dumps(MANIFEST).encode()), (10, None), (3, b"{}"), (11, b"\xff{")):
        add(tmp_path, number, manifest)
    return tmp_path


def test_the_manifests_are_listed(store: Path) -> None:
    """
    In the order of the numbers; a version whose manifest is missing or broken is listed as that.
    """
    entries = list_versions(store)

    assert [entry.number for entry in entries] == [2, 3, 10, 11]
    assert [entry.problem for entry in entries] == [
        None,
        "broken manifest: Object missing required field `architecture`",
        "no manifest: No such file or directory",
        "broken manifest: JSON is malformed: invalid character (byte 0)",
    ]
    summary = entries[0].summary
    assert summary is not None
    assert (summary.architecture, summary.metrics["accuracy"], summary.image.width) == ("compact", 0.8125, 128)
    assert entries[2].bytes == 1000


def test_a_published_version_is_listed(trained: tuple[Path, Path]) -> None:
    """
    The manifest that publishing writes is one that the listing reads.
    """
    (entry,) = list_versions(trained[1])

    assert (entry.number, entry.problem) == (1, None)
    assert entry.bytes == sum(path.stat().st_size for path in trained[1].rglob("*") if path.is_file())


def test_the_table_is_plain_where_there_is_no_terminal(store: Path) -> None:
    """
    One line for each version under one with the headings, unbroken and without colours.
    """
    done = trainer("versions", "--store", store)
    headings, described, *others = [line.rstrip() for line in done.stdout.splitlines()]

    assert (done.stderr, done.returncode) == ("", 0)
    assert headings.split() == [
        "version",
        "architecture",
        "accuracy",
        "macro",
        "F1",
        "created",
        "data",
        "model",
        "image",
        "size",
    ]
    assert described.startswith("2       ")
    assert [
        part in described
        for part in ("compact", "0.812", "0.700", " ago", "0123456789ab ", "fedcba987654 ", "L 128x96")
    ] == [True] * 7
    assert [line.split()[:3] for line in others] == [
        ["3", "broken", "manifest:"],
        ["10", "no", "manifest:"],
        ["11", "broken", "manifest:"],
    ]
    assert "\x1b" not in done.stdout


def test_json_is_printed_on_demand(store: Path) -> None:
    """
    The same for programs: sizes in bytes, times in RFC 3339, null where there is nothing.
    """
    entries = json.loads(trainer("versions", "--store", store, "--json").stdout)

    assert [entry["number"] for entry in entries] == [2, 3, 10, 11]
    assert entries[0]["summary"] == {
        key: MANIFEST[key] for key in ("architecture", "metrics", "created_at", "data_digest", "model_digest", "image")
    }
    assert entries[1]["summary"] is None


def test_listing_and_retiring_do_without_tensorflow(store: Path) -> None:
    """
    Neither waits for TensorFlow, nor for what evaluates.
    """
    probe = (
        "import sys; from pathlib import Path; from trainer.commands.versions import list_store; "
        "from trainer.commands.retire import retire_version; "
        f"list_store(Path({str(store)!r})); retire_version(2, Path({str(store)!r})); "
        "print({'tensorflow', 'keras', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()"


def test_an_empty_store_is_one_line(tmp_path: Path) -> None:
    """
    There is nothing to list, and a way to change that.
    """
    done = trainer("versions", "--store", tmp_path / "lung")

    assert done.returncode == 2
    assert done.stderr == f"Error: {tmp_path}/lung holds no version; publish one with `trainer publish`\n"


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=400), "400 d ago"),
    ],
)
def test_ages_are_whole_units(passed: timedelta, expected: str) -> None:
    """
    The largest unit that has passed, rounded down; clocks that differ do not make a version of the future.
    """
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    assert age(now - passed, now) == expected
