"""How fast the architectures answer, as TensorFlow Serving would ask them: frozen versions, through a session.

Weights are random: no product takes longer for other numbers. Contestants are measured in turn, a round after another,
so that what else the machine does falls on all of them; the spread between rounds says how much that was.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeAlias

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.imaging import ImageSpec
from trainer.config import Architecture
from trainer.networks.registry import image_spec, plan
from trainer.processor import Processor
from trainer.store.export import save
from trainer.store.freezing import frozen
from trainer.store.session import Precision, ServingSession
from trainer.store.signatures import serving_default

Ask: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""uint8 `[N, H, W, C]` -> float32 `[N, K]`."""
CLASSES = 4
WARM_UP = 3
"""Calls of each batch size before the clock runs: the first ones build what later ones use."""


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Images a second of one architecture, in one precision, at one batch size."""

    architecture: Architecture
    image: str
    """Height x width x channels."""
    precision: Precision
    batch: int
    median: float
    """Of the rounds."""
    lowest: float
    highest: float


class Speeds(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and what was not."""

    speeds: tuple[Speed, ...]
    missing: tuple[str, ...]
    """What could not be measured, and why."""


@dataclass(frozen=True)
class Contestant:
    """A loaded version, in one precision."""

    architecture: Architecture
    spec: ImageSpec
    precision: Precision
    ask: Ask

    def images(self, count: int) -> NDArray[np.uint8]:
        """Return noise, uint8 `[count, H, W, C]`."""
        return np.random.default_rng(0).integers(0, 256, (count, *self.spec.shape), np.uint8)


def measure(
    architectures: Sequence[Architecture],
    batches: Sequence[int],
    processor: Processor,
    rounds: int,
    seconds: float,
    on_round: Callable[[int], None],
) -> Speeds:
    """Measure architectures in float32 and, where the processor has it, in bfloat16.

    Args:
        architectures: names from the registry.
        batches: images per call.
        processor: the one that this runs on.
        rounds: how often each contestant is measured.
        seconds: how long, each time.
        on_round: is told the number of a round that ended, from 1.
    """
    with TemporaryDirectory(prefix="pulmo-speed-") as folder, ExitStack() as stack:
        loaded = [stack.enter_context(contestants(name, Path(folder, name), processor)) for name in architectures]
        entries = [(one, batch) for found, _ in loaded for one in found for batch in batches]
        rates = take_turns([(one.ask, one.images(batch)) for one, batch in entries], rounds, seconds, on_round)
    return Speeds(
        speeds=tuple(_speed(one, batch, each) for (one, batch), each in zip(entries, rates, strict=True)),
        missing=tuple(reason for _, reasons in loaded for reason in reasons),
    )


@contextmanager
def contestants(name: Architecture, folder: Path, processor: Processor) -> Iterator[tuple[list[Contestant], list[str]]]:
    """Write an architecture as a frozen version into `folder` and load it in each precision.

    Yields:
        The contestants, and why there is none in bfloat16.
    """
    write_version(name, folder)
    spec, found, missing = image_spec(name, None), list[Contestant](), list[str]()
    with ExitStack() as stack:
        exact = stack.enter_context(ServingSession(folder, "float32"))
        found.append(Contestant(name, spec, "float32", exact.predictor()))
        if processor.without_bfloat16:
            missing.append(f"{name} in bfloat16: {processor.without_bfloat16}")
        else:
            rough = stack.enter_context(ServingSession(folder, "bfloat16"))
            found.append(Contestant(name, spec, "bfloat16", rough.predictor()))
            if "bfloat16" not in rough.dtypes(found[0].images(1)):
                missing.append(f"{name} in bfloat16: TensorFlow computes none of its convolutions so")
                found.pop()
        yield found, missing


def write_version(name: Architecture, folder: Path) -> None:
    """Write an architecture with random weights, frozen as those that are published."""
    spec = image_spec(name, None)
    keras.utils.set_random_seed(0)
    model = plan(name).build(spec.shape, CLASSES)
    save(folder, {"serving_default": frozen(serving_default(model, 1.0, spec))}, spec)


def take_turns(
    entries: Sequence[tuple[Ask, NDArray[np.uint8]]], rounds: int, seconds: float, on_round: Callable[[int], None]
) -> list[list[float]]:
    """Warm all entries up, measure each once in every round, and return the images a second of each, by round."""
    for ask, images in entries:
        for _ in range(WARM_UP):
            ask(images)
    rates: list[list[float]] = [[] for _ in entries]
    for number in range(1, rounds + 1):
        for (ask, images), measured in zip(entries, rates, strict=True):
            measured.append(rate(ask, images, seconds))
        on_round(number)
    return rates


def rate(
    ask: Ask,
    images: NDArray[np.uint8],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Ask again and again about the same images until `seconds` have passed, and return images a second."""
    started, answered = clock(), 0
    while True:
        ask(images)
        answered += len(images)
        passed = clock() - started
        if passed >= seconds:
            return answered / passed


def _speed(one: Contestant, batch: int, rates: Sequence[float]) -> Speed:
    return Speed(
        architecture=one.architecture,
        image="x".join(map(str, one.spec.shape)),
        precision=one.precision,
        batch=batch,
        median=round(median(rates), 1),
        lowest=round(min(rates), 1),
        highest=round(max(rates), 1),
    )
