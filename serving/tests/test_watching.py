"""The threads that keep models up to date, with models in memory."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.configuration import Rules, one_model
from serving.models import Models
from serving.tests.memory import MemoryModel, MemoryStore
from serving.versions import Versions
from serving.watching import Watch
from tests.processes import eventually

NEVER = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    store = MemoryStore(tmp_path / "lung")
    store.add(1)
    return store


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Return what a test sets to let a load go on; it is set at the end in any case."""
    event = threading.Event()
    yield event
    event.set()


def test_a_load_of_one_model_holds_up_no_other(store: MemoryStore, released: threading.Event) -> None:
    def load(path: Path) -> MemoryModel:
        if path.parent.name == "slow":
            assert released.wait(30)
        return store.load(path)

    (store.base_path.with_name("slow") / "5").mkdir(parents=True)
    with Watch(NEVER, lambda: None) as watch:
        models = Models(load, Rules(), start=watch.add)
        config = one_model("slow", str(store.base_path.with_name("slow")))
        models.configure(config)
        config.model_config_list.config.extend(one_model("lung", str(store.base_path)).model_config_list.config)
        new = models.configure(config)
        models.wait_for(new, lambda: None)

        assert new == ["lung"]
        assert not models.settled(["slow"])
        released.set()
        models.wait_for(["slow"], lambda: None)


@pytest.mark.parametrize("interval", [pytest.param(NEVER, id="later"), pytest.param(0, id="never again")])
def test_a_model_that_is_configured_anew_is_looked_at_at_once_though_the_next_look_is(
    interval: float, store: MemoryStore
) -> None:
    with Watch(interval, lambda: None) as watch:
        models = Models(store.load, Rules(), start=watch.add)
        config = one_model("lung", str(store.base_path))
        models.wait_for(models.configure(config), lambda: None)
        store.add(2)
        config.model_config_list.config[0].version_labels["stable"] = 1
        models.configure(config)

        eventually(lambda: store.loads == [1, 2], within=30, what="version 2 was found")


def test_below_zero_nothing_is_looked_at(store: MemoryStore) -> None:
    done = threading.Event()
    with Watch(-1, lambda: None) as watch:
        models = Models(store.load, Rules(), start=watch.add)
        models.configure(one_model("lung", str(store.base_path)))
        watch.repeat(done.set, 0.01)
        assert done.wait(30)

        assert store.loads == []


def test_another_attempt_to_load_does_not_wait_for_a_look(store: MemoryStore) -> None:
    store.broken.add(1)
    with Watch(0, lambda: None) as watch:
        models = Models(store.load, Rules(retry_interval=0.01), start=watch.add)
        new = models.configure(one_model("lung", str(store.base_path)))
        eventually(lambda: len(store.loads) > 1, within=30, what="another attempt")
        store.broken.clear()
        models.wait_for(new, lambda: None)


def test_what_a_thread_dies_of_is_told_and_raised_at_the_end(store: MemoryStore) -> None:
    ended = threading.Event()

    def load(path: Path) -> MemoryModel:
        raise ZeroDivisionError(path)

    def watch() -> None:
        with Watch(NEVER, ended.set) as watch:
            Models(load, Rules(), start=watch.add).configure(one_model("lung", str(store.base_path)))
            assert ended.wait(30)

    with pytest.raises(ZeroDivisionError):
        watch()


class ClearedOnceSet(threading.Event):
    """Is cleared when it has been set, and so at the worst moment: whoever waits for it afterwards was not told."""

    def clear(self) -> None:
        self.wait()
        super().clear()


def test_a_thread_that_is_told_to_end_as_it_begins_to_wait_ends(store: MemoryStore) -> None:
    ended, woken = threading.Event(), ClearedOnceSet()

    def start(versions: Versions) -> None:
        versions.woken = woken
        watch.add(versions)

    def watching() -> None:
        with watch:
            Models(store.load, Rules(), start=start).configure(one_model("lung", str(store.base_path)))
        ended.set()

    watch = Watch(0, lambda: None)  # it never wakes by itself
    threading.Thread(target=watching, daemon=True).start()

    try:
        assert ended.wait(30)
    finally:
        woken.set()  # a thread that was not told would keep the tests from ending
