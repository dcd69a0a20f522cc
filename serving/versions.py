"""The versions of one model: load, swap and drain them as TensorFlow Serving's `core/aspired_versions_manager.cc` does.

It is kinder in five ways, and `Rules` can take back the last three: waiting for another attempt to load does not hold
up other versions; an unload waits for its calls without blocking anything; versions that cannot serve do not take the
place of lower ones; a version that failed is tried anew when its content changes; an emptied base path unloads nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from proto import tfserving_pb2 as pb
from serving.configuration import ModelSettings, Rules
from serving.errors import ServingError, not_found
from serving.policy import Policy, Specific, Step, aspire, next_step
from serving.prediction import Model
from serving.slots import AVAILABLE, LOADING, UNLOADING, Slot
from serving.statistics import Statistics
from serving.store import Fingerprint, Store, fingerprint

_LOG = logging.getLogger(__name__)
_NONE = Specific(frozenset())


class Versions:
    """The versions of one model.

    `refresh` is for one thread, which loads and frees models; everything else is for any. `load` takes a version's
    folder, `clock` counts the seconds, `changed` is called, without any lock, when the state of a version has changed.
    """

    def __init__(
        self,
        model: ModelSettings,
        load: Callable[[Path], Model],
        rules: Rules,
        *,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = model.name
        self.woken = threading.Event()
        """Set when there is something to do before the next look is due."""
        self._load = load
        self._rules = rules
        self._changed = changed
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: dict[int, Slot] = {}
        self._policy: Policy = _NONE
        self._found: dict[int, Path] = {}
        self._store: Store | None = None
        self.aim(model)

    def aim(self, model: ModelSettings | None) -> None:
        """Serve what `model` asks for from the next look on; None unloads all versions."""
        with self._lock:
            if model is None:
                self._store, self._policy, self._found = None, _NONE, {}
            else:
                self._store = Store(model, clock=self._clock)
        self.woken.set()

    @contextmanager
    def borrow(self, version: int | None) -> Iterator[tuple[int, Model]]:
        """Lend a version, the latest if None, with its number; it is not unloaded before it is given back.

        Raises:
            ServingError: NOT_FOUND, that version is not available.
        """
        with self._lock:
            number = max(self._in(AVAILABLE), default=None) if version is None else version
            slot = self._slots.get(number) if number is not None else None
            if number is None or slot is None or slot.state != AVAILABLE or slot.model is None:
                raise not_found(self.name, version)
            slot.calls += 1
            model = slot.model
        try:
            yield number, model
        finally:
            with self._lock:
                slot.calls -= 1
                drained = slot.is_drained
            if drained:
                self.woken.set()  # freeing a model takes a while, which no call is to wait for

    def statuses(self) -> list[pb.ModelVersionStatus]:
        """Return the state of each version ever seen, the highest first; one that failed to load keeps its error."""
        with self._lock:
            return [slot.status(version) for version, slot in sorted(self._slots.items(), reverse=True)]

    def statistics(self) -> Statistics:
        """Return how the model is doing."""
        with self._lock:
            store = self._store
            looked_at = store.looked_at if store else None
            return Statistics(
                name=self.name,
                base_path=store.base_path if store else Path(),
                seconds_since_look=None if looked_at is None else self._clock() - looked_at,
                readable=store.readable if store else True,
                emptied=store.emptied if store else False,
                available=tuple(sorted(self._in(AVAILABLE))),
                failing=tuple(sorted(v for v in self._found if v in self._slots and self._slots[v].error is not None)),
                calls=sum(slot.calls for slot in self._slots.values()),
            )

    def outcome(self) -> Literal["available", "failed"] | None:
        """Return whether some version serves, or all that were to be served have failed for good; None before that."""
        with self._lock:
            if self._in(AVAILABLE):
                return "available"
            aspired = [self._slots.get(version) for version in self._aspired()]
            return "failed" if aspired and all(slot is not None and slot.has_failed for slot in aspired) else None

    @property
    def unseen(self) -> bool:
        """Whether the base path was not looked at since the model was aimed."""
        with self._lock:
            return self._store is not None and not self._store.seen

    def next_attempt(self) -> float | None:
        """Return the time of the clock at which a load is to be tried again; None if none is."""
        with self._lock:
            return min((slot.due for slot in self._slots.values() if slot.state == LOADING), default=None)

    def refresh(self, *, look: bool = True) -> None:
        """Look at the store once, unless told not to, and do the loads and unloads that are due."""
        self._let_go()
        if look:
            self._look()
        while (step := self._next()) is not None:
            if step.action == "load":
                self._try_load(step.version)
            else:
                self._unload(step.version)
            self._let_go()
            self._changed()

    def _look(self) -> None:
        """Find out what is there, and which of the versions that failed have changed."""
        with self._lock:
            store, keep = self._store, self._rules.always_present and bool(self._in(AVAILABLE))
        found = store.look(keep=keep) if store else None
        with self._lock:
            if store and found is not None and store is self._store:  # it was not told to aim elsewhere meanwhile
                self._found, self._policy = found, store.policy
            failed = {
                version: slot for version, slot in self._slots.items() if slot.failures and version in self._found
            }
            paths = {version: self._found[version] for version in failed}
        for version, path in paths.items() if self._rules.retry_changed else ():
            content = fingerprint(path)
            with self._lock:
                if failed[version].note_content(content):
                    _LOG.info("version has changed since it failed name=%s version=%d", self.name, version)

    def _next(self) -> Step | None:
        with self._lock:
            aspired = self._aspired().keys()
            for version in self._slots.keys() - aspired:
                self._slots[version].dismiss()
            now = self._clock()
            loadable = {v for v in aspired if v not in self._slots or self._slots[v].may_load(now)}
            return next_step(aspired, self._in(AVAILABLE), loadable)

    def _aspired(self) -> dict[int, Path]:
        pending = self._found.keys() - self._in(AVAILABLE) if self._rules.fall_back else frozenset[int]()
        return aspire(self._policy, self._found, pending)

    def _in(self, state: pb.ModelVersionStatus.State) -> set[int]:
        return {version for version, slot in self._slots.items() if slot.state == state}

    def _try_load(self, version: int) -> None:
        with self._lock:
            path = self._found.get(version)
            if path is None:
                return  # it was told to aim elsewhere meanwhile
            slot = self._slots.setdefault(version, Slot())
            slot.state = LOADING
        begin = self._clock()
        content = fingerprint(path) if self._rules.retry_changed else frozenset()
        try:
            model = self._load(path)
        except ServingError as error:
            self._note_failure(version, slot, error, content)
            return
        with self._lock:
            slot.note_success(model)
        _LOG.info("version available name=%s version=%d seconds=%.3f", self.name, version, self._clock() - begin)

    def _note_failure(self, version: int, slot: Slot, error: ServingError, content: Fingerprint) -> None:
        retries = self._rules.retries
        with self._lock:
            slot.note_failure(error, content, retries=retries, due=self._clock() + self._rules.retry_interval)
        _LOG.error(
            "load failed name=%s version=%d attempt=%d of=%d code=%s error=%s",
            *(self.name, version, slot.failures, retries + 1, error.code.name, error.text),
        )

    def _unload(self, version: int) -> None:
        with self._lock:
            self._slots[version].state = UNLOADING

    def _let_go(self) -> None:
        """Free the models that are to be unloaded and that no call uses any more."""
        with self._lock:
            drained = {version: slot for version, slot in self._slots.items() if slot.is_drained}
        for version, slot in drained.items():
            if slot.model is not None:
                slot.model.close()
            with self._lock:
                slot.note_unloaded()
            _LOG.info("version unloaded name=%s version=%d", self.name, version)
