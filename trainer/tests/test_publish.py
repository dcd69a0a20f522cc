"""The model store: what a version is called, and what happens when it cannot be written."""

import re
from pathlib import Path

import pytest

from trainer.errors import RunError
from trainer.store.publish import publish
from trainer.store.versions import find_version
from trainer.tests.conftest import SmallDisk

PUBLISHER = Path(__file__).with_name("publisher.py")
DISK = 131072
"""Bytes; less than any network, more than a version of the light publisher."""


def write(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"graph")


def test_the_first_version_of_a_new_store_is_1(tmp_path: Path) -> None:
    """
    A store is made where there is none, and nothing but the version is in it.
    """
    assert publish(tmp_path / "models" / "lung", write) == tmp_path / "models" / "lung" / "1"
    assert [path.name for path in (tmp_path / "models" / "lung").iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["1", "2"], "3", id="one more than the newest"),
        pytest.param(["9", "10"], "11", id="as numbers, not as text"),
        pytest.param(["1", "7"], "8", id="gaps stay"),
        pytest.param(["007"], "8", id="leading zeros count, as TensorFlow Serving reads them"),
        pytest.param(["1", ".4.retired"], "5", id="a retired number is not used again"),
        pytest.param(["1", ".4.partial"], "2", id="the number of a publisher that died is free"),
        pytest.param(["1", "notes", "2.bak", ".x.partial", ".3.bak", "1_0"], "2", id="other names are no versions"),
    ],
)
def test_the_next_number(tmp_path: Path, names: list[str], expected: str) -> None:
    """
    A version's number is one more than every number in the store.
    """
    for name in names:
        (tmp_path / name).mkdir()

    assert publish(tmp_path, write).name == expected


def test_a_version_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    """
    When the writer finds its version unfit, the store is as it was.
    """

    def refuse(folder: Path) -> None:
        write(folder)
        raise RunError("unfit")

    with pytest.raises(RunError, match="unfit"):
        publish(tmp_path, refuse)

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_store_as_it_was(small_disk: SmallDisk) -> None:
    """
    When the disk is full the message names the store and the remedy; what was written is gone, and the rest goes on.
    """
    message, names, after = small_disk(DISK, PUBLISHER, "{disk}/lung", "too much").stdout.splitlines()

    assert re.fullmatch(
        r".*/lung is full \(No space left on device\) and as it was before; free space there, .*`trainer retire`.*",
        message,
    )
    assert (names, after) == ("['1']", "(1, 2)")


def test_a_full_disk_is_one_line_whoever_meets_it(small_disk: SmallDisk, trained: tuple[Path, Path]) -> None:
    """
    TensorFlow, which writes the model with a file system of its own, is understood as well.
    """
    done = small_disk(DISK, "-m", "trainer", "publish", "--run", str(trained[0]), "--store", "{disk}/lung")

    assert done.returncode == 2
    assert re.fullmatch(r"Error: .*/lung is full \(No space left on device\) .*\n", done.stderr)


def test_the_newest_version_is_found_by_number(tmp_path: Path) -> None:
    """
    Version 10 is newer than version 9; a version that is not there is named with those that are.
    """
    for name in ("9", "10"):
        (tmp_path / name).mkdir()

    assert find_version(tmp_path, None).name == "10"
    assert find_version(tmp_path, 9).name == "9"
    with pytest.raises(RunError, match="holds no version 3; there are 9, 10"):
        find_version(tmp_path, 3)


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """
    A store whose place is taken by a file is refused with its name.
    """
    (tmp_path / "lung").write_text("a file")

    with pytest.raises(RunError, match="/lung cannot be written"):
        publish(tmp_path / "lung", write)
