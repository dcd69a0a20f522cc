"""The versions of a model that live in memory, in a folder that a test changes, by a clock that a test sets."""

from serving.configuration import ModelSettings, Rules
from serving.policy import Latest, Policy
from serving.tests.memory import MemoryStore
from serving.versions import Versions


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def model(store: MemoryStore, policy: Policy | None = None) -> ModelSettings:
    return ModelSettings("lung", store.base_path, policy or Latest())


def strict(store: MemoryStore) -> Versions:
    """Return versions that behave as TensorFlow Serving's, each load tried once."""
    rules = Rules(retries=0, fall_back=False, retry_changed=False, always_present=False)
    return Versions(model(store), store.load, rules)


def once(store: MemoryStore, policy: Policy | None = None) -> Versions:
    """Return versions, each load tried once."""
    return Versions(model(store, policy), store.load, Rules(retries=0))


def states(versions: Versions) -> dict[int, int]:
    return {status.version: status.state for status in versions.statuses()}


def served(versions: Versions, version: int | None = None) -> int:
    with versions.borrow(version) as (number, _):
        return number
