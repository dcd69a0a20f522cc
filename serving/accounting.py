"""What is counted of calls, loads and runs: each at one place, around the part that does it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import grpc

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.metrics import Metrics
from serving.prediction import Model
from serving.tensors import Array

_MICROSECONDS = 1e6
_PATHS = 64
"""Versions whose loads are shown. Those of older ones are dropped, so that rollouts do not add up for ever."""

Clock = Callable[[], float]
"""Seconds, from any moment."""


@dataclass
class Asked:
    """What a call is counted as; empty until it is known."""

    model: str = ""
    api: str = ""


class Calls:
    """Counts calls by how they end, and times those that succeed.

    A model that `is_known` does not know is counted as "": clients could make labels without end otherwise.
    """

    def __init__(self, metrics: Metrics, is_known: Callable[[str], bool], clock: Clock = time.monotonic) -> None:
        self._metrics = metrics
        self._is_known = is_known
        self._clock = clock

    @contextmanager
    def one(self, entrypoint: Literal["GRPC", "REST"], model: str = "", api: str = "") -> Iterator[Asked]:
        """Count one call; what is asked for is filled in by the caller where it is known later only."""
        asked = Asked(model, api)
        begin = self._clock()
        code = grpc.StatusCode.INTERNAL
        try:
            yield asked
            code = grpc.StatusCode.OK
        except ServingError as error:
            code = error.code
            raise
        finally:
            known = asked.model if self._is_known(asked.model) else ""
            if code == grpc.StatusCode.OK:
                elapsed = (self._clock() - begin) * _MICROSECONDS
                self._metrics.request_latency.labels(known, asked.api, entrypoint).observe(elapsed)
            self._metrics.request_count.labels(known, code.name).inc()


class CountedLoads:
    """Loads versions as `load` does, and counts and times that."""

    def __init__(self, load: Callable[[Path], Model], metrics: Metrics, clock: Clock = time.monotonic) -> None:
        self._load = load
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._shown: deque[str] = deque()

    def __call__(self, path: Path) -> Model:
        """Load the version in a folder; for any thread.

        Raises:
            ServingError: as `load` does.
        """
        self._show(str(path))
        begin = self._clock()
        outcome = "fail"
        try:
            model = self._load(path)
            outcome = "success"
        finally:
            self._metrics.load_attempt_count.labels(str(path), outcome).inc()
        self._metrics.load_latency.labels(str(path)).inc((self._clock() - begin) * _MICROSECONDS)
        return model

    def _show(self, path: str) -> None:
        with self._lock:
            if path in self._shown:
                return
            self._shown.append(path)
            if len(self._shown) > _PATHS:
                self._metrics.forget_path(self._shown.popleft())


class TimedModel:
    """A model of the name `name`, whose runs are timed (`serving.prediction.Model`)."""

    def __init__(self, model: Model, metrics: Metrics, name: str, clock: Clock = time.monotonic) -> None:
        self._model = model
        self._runtime = metrics.runtime_latency.labels(name, "Predict", "TF1")
        self._clock = clock

    @property
    def signatures(self) -> Mapping[str, pb.SignatureDef]:
        """The signatures by their names."""
        return self._model.signatures

    def run(
        self, signature: str, inputs: Mapping[str, Array], outputs: Sequence[str], timeout_s: float | None
    ) -> Mapping[str, Array]:
        """Compute outputs, and time that if it succeeds."""
        begin = self._clock()
        values = self._model.run(signature, inputs, outputs, timeout_s)
        self._runtime.observe((self._clock() - begin) * _MICROSECONDS)
        return values

    def close(self) -> None:
        """Free its memory."""
        self._model.close()


@contextmanager
def counted_warmup(metrics: Metrics, path: Path, clock: Clock = time.monotonic) -> Iterator[Callable[[int], None]]:
    """Time the warm-up of the version in `path`; the caller tells how many records it has replayed."""
    begin = clock()
    code = grpc.StatusCode.INTERNAL
    records = metrics.warmup_records_read.labels(str(path))
    try:
        yield records.inc
        code = grpc.StatusCode.OK
    except ServingError as error:
        code = error.code
        raise
    finally:
        metrics.warmup_latency.labels(str(path), code.name).observe((clock() - begin) * _MICROSECONDS)
