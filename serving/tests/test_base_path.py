"""What becomes of versions when their base path changes, or cannot be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proto import tfserving_pb2 as pb
from serving.tests.memory import MemoryStore
from serving.tests.watched import Clock, served, states, strict
from serving.versions import Versions

State = pb.ModelVersionStatus


def test_an_empty_store_unloads_everything_on_demand(store: MemoryStore) -> None:
    versions = strict(store)
    store.add(1)
    versions.refresh()
    store.remove(1)
    versions.refresh()

    assert states(versions) == {1: State.END}


def test_an_empty_store_unloads_nothing_is_logged_once_and_shows(
    versions: Versions, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.add(1)
    versions.refresh()
    store.remove(1)
    versions.refresh()
    versions.refresh()

    assert served(versions) == 1
    assert caplog.text.count("No versions of servable lung found under base path") == 1
    assert versions.statistics().emptied

    store.add(2)
    versions.refresh()
    assert states(versions) == {1: State.END, 2: State.AVAILABLE}
    assert not versions.statistics().emptied


def test_a_store_that_cannot_be_read_changes_nothing_and_is_logged_once(
    versions: Versions, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.add(1)
    versions.refresh()
    away = store.base_path.rename(store.base_path.with_name("away"))
    versions.refresh()
    versions.refresh()
    assert served(versions) == 1
    assert caplog.text.count("base path unreadable") == 1

    away.rename(store.base_path)
    store.add(2)
    versions.refresh()
    assert served(versions) == 2


def _delete(base_path: Path) -> None:
    base_path.rename(base_path.with_name("away"))


def _make_a_file(base_path: Path) -> None:
    _delete(base_path)
    base_path.touch()


def _make_a_loop(base_path: Path) -> None:
    _delete(base_path)
    base_path.symlink_to(base_path)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_delete, id="it is deleted"),
        pytest.param(_make_a_file, id="it is a file"),
        pytest.param(_make_a_loop, id="it is a link to itself"),
    ],
)
def test_what_serves_goes_on_when_the_base_path_cannot_be_read_because(
    spoil: Callable[[Path], None], store: MemoryStore
) -> None:
    versions = strict(store)
    store.add(1)
    versions.refresh()
    spoil(store.base_path)
    versions.refresh()

    assert served(versions) == 1
    assert not versions.statistics().readable


def test_it_shows_when_the_base_path_was_last_read(versions: Versions, store: MemoryStore, clock: Clock) -> None:
    assert versions.statistics().seconds_since_look is None
    store.add(1)
    versions.refresh()
    _delete(store.base_path)
    clock.now = 7
    versions.refresh()

    assert versions.statistics().seconds_since_look == 7


def test_versions_that_appear_after_the_start_are_served(versions: Versions, store: MemoryStore) -> None:
    versions.refresh()
    store.base_path.mkdir()
    versions.refresh()
    assert states(versions) == {}
    store.add(1)
    versions.refresh()

    assert served(versions) == 1


def test_a_version_that_is_renamed_into_place_is_served(versions: Versions, store: MemoryStore) -> None:
    (store.base_path / ".1.partial").mkdir(parents=True)
    versions.refresh()
    assert states(versions) == {}
    (store.base_path / ".1.partial").rename(store.base_path / "1")
    versions.refresh()

    assert served(versions) == 1
