"""Versions that fail: what serves in their place, and when they are tried again."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto import tfserving_pb2 as pb
from serving.configuration import Rules
from serving.policy import Latest
from serving.tests.memory import MemoryStore
from serving.tests.watched import Clock, model, once, served, states, strict
from serving.versions import Versions

State = pb.ModelVersionStatus


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "lung")


@pytest.fixture
def versions(store: MemoryStore, clock: Clock) -> Versions:
    return Versions(model(store), store.load, Rules(retries=1, retry_interval=60), clock=clock)


def test_where_the_newest_version_is_broken_at_the_start_the_next_one_serves(
    versions: Versions, store: MemoryStore
) -> None:
    """
    It does so from the first failed attempt on; further attempts go on beside it.
    """
    store.add(1, 2, 3)
    store.broken |= {2, 3}
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE, 2: State.LOADING, 3: State.LOADING}
    assert versions.outcome() == "available"
    assert versions.statistics().failing == (2, 3)


def test_where_the_newest_version_is_broken_at_the_start_nothing_serves_on_demand(store: MemoryStore) -> None:
    versions = strict(store)
    store.add(1, 2)
    store.broken.add(2)
    versions.refresh()

    assert states(versions) == {2: State.END}
    assert versions.outcome() == "failed"


def test_a_good_newer_version_takes_the_place_of_the_one_that_stood_in(store: MemoryStore) -> None:
    versions = once(store)
    store.add(1, 2)
    store.broken.add(2)
    versions.refresh()
    store.add(3)
    versions.refresh()

    assert states(versions) == {1: State.END, 2: State.END, 3: State.AVAILABLE}
    broken = versions.statuses()[1]
    assert (broken.version, broken.status.error_message) == (2, "version 2 is broken")


def test_a_version_that_succeeds_at_last_takes_the_place_of_the_one_that_stood_in(
    versions: Versions, store: MemoryStore, clock: Clock
) -> None:
    store.add(1, 2)
    store.broken.add(2)
    versions.refresh()
    assert served(versions) == 1
    store.broken.clear()
    clock.now = 60
    versions.refresh()

    assert states(versions) == {1: State.END, 2: State.AVAILABLE}


def test_a_version_that_cannot_be_loaded_pushes_none_of_the_latest_two_out(store: MemoryStore) -> None:
    versions = once(store, Latest(2))
    store.add(1, 2)
    versions.refresh()
    store.add(3)
    store.broken.add(3)
    versions.refresh()

    assert store.loads == [2, 1, 3]
    assert states(versions) == {1: State.AVAILABLE, 2: State.AVAILABLE, 3: State.END}


def test_the_lowest_of_the_latest_two_goes_when_a_new_version_serves(store: MemoryStore) -> None:
    versions = once(store, Latest(2))
    store.add(1, 2)
    versions.refresh()
    store.add(3)
    versions.refresh()

    assert store.loads == [2, 1, 3]
    assert states(versions) == {1: State.END, 2: State.AVAILABLE, 3: State.AVAILABLE}


def test_a_lower_version_is_not_touched_where_the_newest_one_loads(store: MemoryStore) -> None:
    versions = once(store)
    store.add(1, 2, 3)
    versions.refresh()

    assert store.loads == [3]
    assert states(versions) == {3: State.AVAILABLE}


def test_of_the_latest_two_a_broken_one_takes_no_place(store: MemoryStore) -> None:
    versions = once(store, Latest(2))
    store.add(1, 2, 3, 4)
    store.broken |= {3, 4}
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE, 2: State.AVAILABLE, 3: State.END, 4: State.END}


@given(arrivals=st.permutations(range(1, 6)), broken=st.frozensets(st.integers(1, 5)), count=st.integers(1, 3))
def test_in_whatever_order_versions_come_the_newest_good_ones_serve(
    arrivals: list[int], broken: frozenset[int], count: int
) -> None:
    with TemporaryDirectory(prefix="pulmo-") as folder:
        store = MemoryStore(Path(folder) / "lung")
        store.broken |= broken
        versions = once(store, Latest(count))
        for number, version in enumerate(arrivals, start=1):
            store.add(version)
            versions.refresh()
            good = sorted(set(arrivals[:number]) - broken)
            assert set(versions.statistics().available) == set(good[-count:])


def test_a_version_that_was_copied_slowly_is_tried_again_once_it_is_complete(store: MemoryStore) -> None:
    """
    While its content changes between two looks, it is not tried.
    """
    versions = once(store)
    store.add(1)
    store.broken.add(1)
    versions.refresh()
    for part in ("saved_model.pb", "variables"):
        (store.base_path / "1" / part).write_bytes(b"more")
        versions.refresh()
    assert store.loads == [1]
    store.broken.clear()
    versions.refresh()

    assert served(versions) == 1
    assert store.loads == [1, 1]


def test_a_version_that_failed_and_does_not_change_is_not_tried_again(store: MemoryStore) -> None:
    versions = once(store)
    store.add(1)
    (store.base_path / "1" / "saved_model.pb").write_bytes(b"no graph")
    store.broken.add(1)
    for _ in range(5):
        versions.refresh()

    assert store.loads == [1]


def test_a_version_that_failed_is_never_tried_again_on_demand(store: MemoryStore) -> None:
    versions = strict(store)
    store.add(1)
    store.broken.add(1)
    versions.refresh()
    (store.base_path / "1" / "saved_model.pb").write_bytes(b"a graph")
    for _ in range(5):
        versions.refresh()

    assert store.loads == [1]


def test_a_version_that_changes_while_it_fails_again_does_not_push_out_the_one_that_stands_in(
    store: MemoryStore,
) -> None:
    versions = once(store, Latest(2))
    store.add(1, 2, 3)
    store.broken.add(3)
    versions.refresh()
    (store.base_path / "3" / "saved_model.pb").write_bytes(b"still no graph")
    for _ in range(3):
        versions.refresh()

    assert store.loads == [3, 2, 1, 3]
    assert states(versions) == {1: State.AVAILABLE, 2: State.AVAILABLE, 3: State.END}
