"""Retiring: a version leaves the store at once, and its number with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainer.errors import RunError
from trainer.store.publish import publish
from trainer.store.versions import retire, versions
from trainer.tests.conftest import trainer

PUBLISHER = Path(__file__).with_name("publisher.py")


def write(folder: Path) -> None:
    (folder / "variables").mkdir()
    (folder / "variables" / "variables.index").write_bytes(b"index")
    (folder / "saved_model.pb").write_bytes(b"graph")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with the versions 1, 2 and 3."""
    for _ in range(3):
        publish(tmp_path / "lung", write)
    return tmp_path / "lung"


def test_a_retired_version_is_gone(store: Path) -> None:
    """
    What remains of it is an empty folder with a name that no server takes for a version.
    """
    retire(store, 2)

    assert versions(store) == (1, 3)
    assert sorted(path.name for path in store.iterdir()) == [".2.retired", "1", "3"]
    assert list((store / ".2.retired").iterdir()) == []


def test_a_retired_number_is_never_used_again(store: Path) -> None:
    """
    TensorFlow Serving would take a second version 3 for the first, which it has loaded.
    """
    retire(store, 3)

    assert publish(store, write).name == "4"
    retire(store, 4)
    assert publish(store, write).name == "5"


def test_the_last_version_stays_unless_forced(store: Path) -> None:
    """
    Without a version the server answers nothing; who wants that says so.
    """
    for number in (1, 3):
        retire(store, number)

    with pytest.raises(RunError, match=r"version 2 is the last in .*/lung: .*publish another first, or say --force"):
        retire(store, 2)
    assert versions(store) == (2,)
    retire(store, 2, force=True)
    assert versions(store) == ()
    assert publish(store, write).name == "4"


@pytest.mark.parametrize("number", [0, 4, -1])
def test_an_unknown_number_is_refused(store: Path, number: int) -> None:
    """
    The message names the versions that are there.
    """
    with pytest.raises(RunError, match=f"holds no version {number}; there are 1, 2, 3"):
        retire(store, number)


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    """
    Retiring makes no store.
    """
    with pytest.raises(RunError, match="/lung holds no version"):
        retire(tmp_path / "lung", 1)
    assert list(tmp_path.iterdir()) == []


def test_retiring_may_be_killed_before_any_of_its_calls(tmp_path: Path) -> None:
    """
    Killed before its first, second, third... call to the file system, it leaves the version whole or takes it out.
    """
    killed = subprocess.run(
        [sys.executable, str(PUBLISHER), str(tmp_path), "die retiring"], capture_output=True, text=True, check=False
    )

    assert (killed.stderr, killed.returncode) == ("", 0)
    left = [versions(store) for store in sorted(tmp_path.iterdir(), key=lambda path: int(path.name))]
    taken_out = left.index((2,))
    assert left == [(1, 2)] * taken_out + [(2,)] * (len(left) - taken_out)
    assert 1 < taken_out < len(left) - 2  # it was killed after the rename too, while it deleted


def test_what_a_killed_one_left_is_deleted_by_the_next(store: Path) -> None:
    """
    Files of a version that was renamed but not deleted take no space for long.
    """
    (store / "1").rename(store / ".1.retired")

    retire(store, 2)
    assert [list((store / name).iterdir()) for name in (".1.retired", ".2.retired")] == [[], []]


def test_the_command_says_what_is_served_now(store: Path) -> None:
    """
    `trainer retire` names the version that the server goes back to; a refusal is one line and status 2.
    """
    done = trainer("retire", "3", "--store", store)
    assert (done.stdout, done.stderr, done.returncode) == ("retired version 3; 2 is the newest now\n", "", 0)

    again = trainer("retire", "3", "--store", store)
    assert (again.stderr, again.returncode) == (f"Error: {store} holds no version 3; there are 1, 2\n", 2)
