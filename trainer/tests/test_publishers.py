"""Publishers in processes of their own: at once, overtaken, killed; the store never shows a half version."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from trainer.store.publish import publish
from trainer.store.versions import versions

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


def start_to_stay(store: Path) -> tuple[subprocess.Popen[str], IO[str]]:
    """Start a publisher that waits to be killed after its work, and return when it begins with that."""
    publisher = start(store, "stay")
    assert publisher.stdout is not None
    assert publisher.stdout.readline() == "ready\n"
    return publisher, publisher.stdout


def seconds_to_publish(store: Path) -> float:
    """Return how long a publisher takes that nobody kills before it is done."""
    publisher, out = start_to_stay(store)
    with publisher:
        took = float(out.readline())
        publisher.kill()
    return took


def write(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"graph")


def is_whole(version: Path) -> bool:
    names = {path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file()}
    return names == {"saved_model.pb", "assets.extra/manifest.json", "variables/variables.index"} and (
        (version / "saved_model.pb").stat().st_size == 5000
    )


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


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("overtaken", id="between our look and our folder"),
        pytest.param("robbed", id="between our folder and our lock, which it took for a dead one's"),
    ],
)
def test_a_publisher_that_is_overtaken_takes_the_next_number(tmp_path: Path, moment: str) -> None:
    """
    When another publishes version 1 while we claim that number, ours becomes version 2.
    """
    assert start(tmp_path, moment).communicate() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    assert all(is_whole(path) for path in tmp_path.iterdir())


def test_a_publisher_killed_while_it_writes_leaves_no_version(tmp_path: Path) -> None:
    """
    After SIGKILL no server sees anything of the half-written version, and the next publisher removes it.
    """
    publisher = start(tmp_path, "pause")
    assert publisher.stdout is not None
    assert publisher.stdout.readline() == "half\n"
    publisher.kill()
    publisher.communicate()

    assert versions(tmp_path) == ()
    assert [path.name for path in tmp_path.iterdir()] == [".1.partial"]
    assert publish(tmp_path, write).name == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_the_folder_of_a_living_publisher_is_not_touched(tmp_path: Path) -> None:
    """
    Others publish while one is writing; it finds its half version as it left it, and ends.
    """
    publisher = start(tmp_path, "pause")
    assert publisher.stdout is not None
    assert publisher.stdout.readline() == "half\n"

    assert [publish(tmp_path, write).name for _ in range(2)] == ["2", "3"]
    assert (tmp_path / ".1.partial" / "saved_model.pb").read_bytes() == b"gra"
    assert publisher.communicate("go on\n") == ("", "")
    assert is_whole(tmp_path / "1")


def test_a_publisher_killed_at_fifty_random_moments_leaves_whole_versions(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """
    Killed at moments that are spread over its work and the time after, a publisher leaves a version whole or none.
    """
    chance, store = random.Random(3), tmp_path / "lung"
    duration, published = seconds_to_publish(tmp_path / "undisturbed"), 0
    for kill in range(50):
        publisher, _ = start_to_stay(store)
        with publisher:
            with suppress(subprocess.TimeoutExpired):
                publisher.wait(2 * duration * (kill + chance.random()) / 50)
            publisher.kill()
        assert publisher.returncode == -signal.SIGKILL
        assert all(is_whole(store / str(number)) for number in versions(store))
        published = len(versions(store))
    record_property("killed before the rename", 50 - published)
    record_property("killed after the rename", published)
    sys.stdout.write(f"{50 - published} killed before the rename, {published} after it\n")

    assert 0 < published < 50
    assert versions(store) == tuple(range(1, published + 1))
    assert publish(store, write).name == str(published + 1)
    assert len(list(store.iterdir())) == published + 1


def test_a_publisher_may_be_killed_before_any_of_its_calls(tmp_path: Path) -> None:
    """
    Killed before its first, second, third... call to the file system, a publisher leaves whole versions or none.
    """
    publisher = start(tmp_path / "lung", "die")
    out, errors = publisher.communicate()

    assert (errors, publisher.returncode) == ("", 0)
    assert int(out) > 10
    assert len(versions(tmp_path / "lung")) >= 1
