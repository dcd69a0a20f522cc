"""The versions of one model: load, swap and drain them as TensorFlow Serving's `core/aspired_versions_manager.cc` does.

Two things are kinder here: waiting for another attempt to load does not hold up other versions, and an unload waits for
its calls without blocking anything.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.policy import Step, latest, next_step, scan
from serving.prediction import Model

_LOG = logging.getLogger(__name__)
_START, _LOADING = pb.ModelVersionStatus.START, pb.ModelVersionStatus.LOADING
_AVAILABLE, _UNLOADING, _END = (
    pb.ModelVersionStatus.AVAILABLE,
    pb.ModelVersionStatus.UNLOADING,
    pb.ModelVersionStatus.END,
)


@dataclass
class _Slot:
    """What is known of one version."""

    state: pb.ModelVersionStatus.State = _START
    model: Model | None = None
    calls: int = 0
    """Calls that use the model now; it is let go after the last."""
    failures: int = 0
    """Attempts to load it that failed since it was last aspired."""
    error: ServingError | None = None
    due: float = 0.0
    """The time of the clock, in seconds, before which no other attempt is made."""

    def status(self, version: int) -> pb.ModelVersionStatus:
        error = self.error if self.state == _END else None
        status = pb.ModelVersionStatus.Status(
            error_code=error.number if error else 0, error_message=error.text if error else ""
        )
        return pb.ModelVersionStatus(version=version, state=self.state, status=status)


class Versions:
    """The versions of the model `name` below `base_path`; the newest is served.

    `refresh` is for one thread, everything else for any. `load` takes a version's folder; `retries` and
    `retry_interval` (seconds) are about loads that fail, `clock` counts the seconds.
    """

    def __init__(
        self,
        name: str,
        base_path: Path,
        load: Callable[[Path], Model],
        *,
        retries: int,
        retry_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._base_path = base_path
        self._load = load
        self._retries = retries
        self._retry_interval = retry_interval
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: dict[int, _Slot] = {}
        self._aspired: Mapping[int, str] = {}
        self._readable = True

    @contextmanager
    def borrow(self, version: int | None) -> Iterator[tuple[int, Model]]:
        """Lend a version, the latest if None, with its number; it is not unloaded before it is given back.

        Raises:
            ServingError: NOT_FOUND, that version is not available.
        """
        with self._lock:
            number = max(self._in(_AVAILABLE), default=None) if version is None else version
            slot = self._slots.get(number) if number is not None else None
            if number is None or slot is None or slot.state != _AVAILABLE or slot.model is None:
                wanted = f"Latest({self.name})" if version is None else f"Specific({self.name}, {version})"
                raise ServingError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
            slot.calls += 1
            model = slot.model
        try:
            yield number, model
        finally:
            with self._lock:
                slot.calls -= 1
                self._end_if_drained(number, slot)

    def statuses(self) -> list[pb.ModelVersionStatus]:
        """Return the state of each version ever seen, the highest first; one that failed to load keeps its error."""
        with self._lock:
            return [slot.status(version) for version, slot in sorted(self._slots.items(), reverse=True)]

    def refresh(self) -> None:
        """Look at the store once, and do the loads and unloads that follow from it."""
        self._look()
        while (step := self._next()) is not None:
            if step.action == "load":
                self._try_load(step.version)
            else:
                self._unload(step.version)

    def _look(self) -> None:
        """Find out what is aspired; nothing changes while the base path cannot be read."""
        try:
            aspired = latest(scan(child.name for child in self._base_path.iterdir()))
        except OSError as error:
            if self._readable:
                _LOG.error("base path unreadable name=%s error=%s", self.name, error)
            self._readable = False
            return
        self._readable = True
        with self._lock:
            self._aspired = aspired
            for version in self._slots.keys() - aspired.keys():
                slot = self._slots[version]
                slot.failures = 0
                slot.state = _END if slot.state == _LOADING else slot.state

    def _next(self) -> Step | None:
        with self._lock:
            ready = self._in(_AVAILABLE)
            loadable = {version for version in self._aspired if self._may_load(self._slots.get(version))}
            return next_step(self._aspired.keys(), ready, loadable)

    def _may_load(self, slot: _Slot | None) -> bool:
        if slot is None or (slot.state == _END and not slot.failures):
            return True
        return slot.state == _LOADING and self._clock() >= slot.due

    def _in(self, state: pb.ModelVersionStatus.State) -> set[int]:
        return {version for version, slot in self._slots.items() if slot.state == state}

    def _try_load(self, version: int) -> None:
        with self._lock:
            slot = self._slots.setdefault(version, _Slot())
            slot.state = _LOADING
            path = self._base_path / self._aspired[version]
        begin = self._clock()
        try:
            model = self._load(path)
        except ServingError as error:
            self._note_failure(version, slot, error)
            return
        with self._lock:
            slot.model, slot.error, slot.failures, slot.state = model, None, 0, _AVAILABLE
        _LOG.info("version available name=%s version=%d seconds=%.3f", self.name, version, self._clock() - begin)

    def _note_failure(self, version: int, slot: _Slot, error: ServingError) -> None:
        with self._lock:
            slot.failures += 1
            slot.error = error
            slot.due = self._clock() + self._retry_interval
            slot.state = _LOADING if slot.failures <= self._retries else _END
        _LOG.error(
            "load failed name=%s version=%d attempt=%d of=%d code=%s error=%s",
            *(self.name, version, slot.failures, self._retries + 1, error.code.name, error.text),
        )

    def _unload(self, version: int) -> None:
        with self._lock:
            slot = self._slots[version]
            slot.state = _UNLOADING
            self._end_if_drained(version, slot)

    def _end_if_drained(self, version: int, slot: _Slot) -> None:
        """Let the model go if it is to be unloaded and no call uses it any more."""
        if slot.state == _UNLOADING and slot.calls == 0:
            slot.model, slot.state = None, _END
            _LOG.info("version unloaded name=%s version=%d", self.name, version)
