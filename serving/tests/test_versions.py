"""The life of versions, with models in memory."""

from pathlib import Path

import grpc
import pytest

from proto import tfserving_pb2 as pb
from serving.configuration import Rules
from serving.errors import ServingError
from serving.policy import All, Latest, Specific
from serving.tests.memory import MemoryModel, MemoryStore
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


def test_the_newest_version_is_served(versions: Versions, store: MemoryStore) -> None:
    store.add(1, 2)
    versions.refresh()

    assert states(versions) == {2: State.AVAILABLE}
    assert served(versions) == 2


def test_the_old_version_is_available_while_the_new_one_loads(store: MemoryStore) -> None:
    seen: list[dict[int, int]] = []

    def load(path: Path) -> MemoryModel:
        seen.append(states(watched))
        return store.load(path)

    watched = Versions(model(store), load, Rules(retries=0))
    store.add(1)
    watched.refresh()
    store.add(2)
    watched.refresh()

    assert seen == [{1: State.LOADING}, {1: State.AVAILABLE, 2: State.LOADING}]
    assert states(watched) == {1: State.END, 2: State.AVAILABLE}


def test_statuses_come_highest_first(versions: Versions, store: MemoryStore) -> None:
    for version in (9, 10, 11):
        store.add(version)
        versions.refresh()

    assert [status.version for status in versions.statuses()] == [11, 10, 9]


def test_a_version_is_not_let_go_before_its_last_call_is_over(versions: Versions, store: MemoryStore) -> None:
    store.add(1)
    versions.refresh()
    store.add(2)
    with versions.borrow(None):
        with versions.borrow(None):
            versions.refresh()
            assert states(versions) == {1: State.UNLOADING, 2: State.AVAILABLE}
            assert served(versions) == 2
        assert states(versions)[1] == State.UNLOADING
        assert not store.models[1].closed
        versions.woken.clear()
    assert versions.woken.is_set()
    assert not store.models[1].closed, "a call had to wait for it"
    versions.refresh(look=False)
    assert states(versions) == {1: State.END, 2: State.AVAILABLE}
    assert (store.models[1].closed, store.models[2].closed) == (True, False)


def test_a_pinned_version_is_not_found_from_the_moment_it_is_unloaded(versions: Versions, store: MemoryStore) -> None:
    store.add(1)
    versions.refresh()
    assert served(versions, 1) == 1
    store.add(2)
    with versions.borrow(1):
        versions.refresh()
        with pytest.raises(ServingError, match=r"^Servable not found for request: Specific\(lung, 1\)$") as caught:
            served(versions, 1)

    assert caught.value.code == grpc.StatusCode.NOT_FOUND


def test_nothing_is_found_before_the_first_load(versions: Versions) -> None:
    with pytest.raises(ServingError, match=r"^Servable not found for request: Latest\(lung\)$"):
        served(versions)


def test_a_broken_version_leaves_the_old_one_serving_and_shows_its_error(
    versions: Versions, store: MemoryStore, clock: Clock
) -> None:
    store.add(1)
    versions.refresh()
    store.add(2)
    store.broken.add(2)
    versions.refresh()
    clock.now = 60
    versions.refresh()

    broken, good = versions.statuses()
    assert (
        broken.version,
        broken.state,
        broken.status.error_code,
        broken.status.error_message,
    ) == (2, State.END, 15, "version 2 is broken")
    assert (good.version, good.state, good.status.error_code) == (1, State.AVAILABLE, 0)
    assert served(versions) == 1


def test_a_load_is_tried_again_after_the_interval_and_then_never(
    versions: Versions, store: MemoryStore, clock: Clock
) -> None:
    store.add(1)
    store.broken.add(1)
    attempts = []
    for clock.now in (0, 59, 60, 1000, 100_000):
        versions.refresh()
        attempts.append(len(store.loads))

    assert attempts == [1, 1, 2, 2, 2]


def test_another_version_need_not_wait_for_the_next_attempt_of_a_broken_one(
    versions: Versions, store: MemoryStore
) -> None:
    store.add(1)
    store.broken.add(1)
    versions.refresh()
    assert states(versions) == {1: State.LOADING}
    store.add(2)
    versions.refresh()

    assert states(versions) == {1: State.END, 2: State.AVAILABLE}


def test_a_broken_version_that_is_published_anew_is_tried_anew(versions: Versions, store: MemoryStore) -> None:
    store.add(1)
    store.broken.add(1)
    versions.refresh()
    store.remove(1)
    versions.refresh()
    store.broken.clear()
    store.add(1)
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE}


def test_deleting_the_newest_version_brings_the_lower_one_back(versions: Versions, store: MemoryStore) -> None:
    store.add(1)
    versions.refresh()
    store.add(2)
    versions.refresh()
    store.remove(2)
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE, 2: State.END}
    assert store.loads == [1, 2, 1]


def test_a_version_overwritten_in_place_is_not_loaded_again(versions: Versions, store: MemoryStore) -> None:
    store.add(1)
    versions.refresh()
    (store.base_path / "1" / "saved_model.pb").touch()
    versions.refresh()

    assert store.loads == [1]


def test_a_version_may_go_and_come_back(store: MemoryStore) -> None:
    versions = once(store)
    store.add(1, 2)
    versions.refresh()
    store.remove(2)
    versions.refresh()
    store.add(2)
    versions.refresh()

    assert states(versions) == {1: State.END, 2: State.AVAILABLE}
    assert store.loads == [2, 1, 2]


def test_the_latest_two_are_served_and_asked_for_by_number(store: MemoryStore) -> None:
    versions = once(store, Latest(2))
    store.add(1, 2, 3)
    versions.refresh()

    assert states(versions) == {2: State.AVAILABLE, 3: State.AVAILABLE}
    assert (served(versions), served(versions, 2)) == (3, 2)


def test_all_versions_are_served_but_the_broken_one(store: MemoryStore) -> None:
    versions = once(store, All())
    store.add(1, 2, 3)
    store.broken.add(2)
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE, 2: State.END, 3: State.AVAILABLE}


def test_specific_versions_are_served_and_a_missing_one_is_warned_of_once(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    versions = once(store, Specific(frozenset({1, 7})))
    store.add(1, 2)
    versions.refresh()
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE}
    assert caplog.text.count("Versions [7] of servable lung, which it is to serve, are not in base path") == 1


def test_a_smaller_version_takes_over_when_the_policy_says_so(store: MemoryStore) -> None:
    versions = once(store, Specific(frozenset({2})))
    store.add(1, 2)
    versions.refresh()
    versions.aim(model(store, Specific(frozenset({1}))))
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE, 2: State.END}


def test_a_smaller_version_that_is_broken_leaves_the_greater_one_serving(store: MemoryStore) -> None:
    versions = strict(store)
    store.add(1, 2)
    store.broken.add(1)
    versions.refresh()
    versions.aim(model(store, Specific(frozenset({1}))))
    versions.refresh()

    assert states(versions) == {1: State.END, 2: State.AVAILABLE}


def test_a_version_that_is_not_there_leaves_the_one_that_is_serving(store: MemoryStore) -> None:
    versions = once(store)
    store.add(1)
    versions.refresh()
    versions.aim(model(store, Specific(frozenset({7}))))
    versions.refresh()

    assert states(versions) == {1: State.AVAILABLE}


def test_a_model_that_is_no_longer_wanted_is_unloaded(store: MemoryStore) -> None:
    versions = once(store)
    store.add(1)
    versions.refresh()
    versions.aim(None)
    versions.refresh()

    assert states(versions) == {1: State.END}


def test_without_a_look_only_what_is_due_is_done(versions: Versions, store: MemoryStore, clock: Clock) -> None:
    store.add(1)
    store.broken.add(1)
    versions.refresh()
    store.add(2)
    assert versions.next_attempt() == 60
    clock.now = 60
    versions.refresh(look=False)

    assert store.loads == [1, 1]
    assert versions.next_attempt() is None
