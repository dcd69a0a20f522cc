"""The model store: a version is there whole, or it is not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainer.errors import RunError
from trainer.publish import find_version, publish, versions

PUBLISHER = Path(__file__).with_name("publisher.py")


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start a publisher in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(PUBLISHER), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"graph")


def is_whole(version: Path) -> bool:
    names = {path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file()}
    return names == {"saved_model.pb", "assets.extra/manifest.json", "variables/variables.index"} and (
        (version / "saved_model.pb").stat().st_size == 5000
    )


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
        pytest.param(["1", ".4.partial"], "5", id="a number that somebody is writing is taken"),
        pytest.param(["1", "notes", "2.bak", ".x.partial", "1_0"], "2", id="other names are no versions"),
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


def test_two_publishers_at_once_make_two_whole_versions(tmp_path: Path) -> None:
    """
    While both are writing, each has a number of its own; both versions end up whole.
    """
    publishers = [start(tmp_path, "pause") for _ in range(2)]
    for publisher in publishers:
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == "half\n"
    assert versions(tmp_path) == ()

    for publisher in publishers:
        assert publisher.communicate("go on\n") == ("", "")

    assert versions(tmp_path) == (1, 2)
    assert all(is_whole(tmp_path / str(number)) for number in (1, 2))


def test_many_publishers_never_share_a_number(tmp_path: Path) -> None:
    """
    Four processes that publish twenty versions each, as fast as they can, make eighty whole ones.
    """
    publishers = [start(tmp_path, "again", "20") for _ in range(4)]

    assert [publisher.communicate() for publisher in publishers] == [("", "")] * 4
    assert len(versions(tmp_path)) == 80  # with gaps, where one gave a number up because a higher one was there
    assert all(is_whole(path) for path in tmp_path.iterdir())


def test_a_publisher_that_is_overtaken_takes_the_next_number(tmp_path: Path) -> None:
    """
    When another finishes version 1 between our look at the store and our claim, ours becomes version 2.
    """
    assert start(tmp_path, "overtaken").communicate() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    assert all(is_whole(path) for path in tmp_path.iterdir())


def test_a_publisher_killed_while_it_writes_leaves_no_version(tmp_path: Path) -> None:
    """
    After SIGKILL no server sees anything of the half-written version, and the next publisher is not in its way.
    """
    publisher = start(tmp_path, "pause")
    assert publisher.stdout is not None
    assert publisher.stdout.readline() == "half\n"
    publisher.kill()
    publisher.communicate()

    assert versions(tmp_path) == ()
    assert publish(tmp_path, write).name == "2"


def test_a_publisher_may_be_killed_before_any_of_its_calls(tmp_path: Path) -> None:
    """
    Killed before its first, second, third... call to the file system, a publisher leaves whole versions or none.
    """
    publisher = start(tmp_path / "lung", "die")
    out, errors = publisher.communicate()

    assert (errors, publisher.returncode) == ("", 0)
    assert int(out) > 10
    assert len(versions(tmp_path / "lung")) >= 1


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
