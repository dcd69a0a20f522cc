"""The limit: decoding threads plus batched inference in one process, no HTTP and no RPC.

The one module of the load tests that uses the service's own code: the decoder and the model runtime are those that are
served, so what is left between this and the service is the way through HTTP, batching and RPC. A process of its own,
because TensorFlow's threads can be set only once in one. It writes one JSON document.

    python -m loadtests.bench.limit rate var/models/lung/1 --images data/samples --intra 2 --callers 2 --decoders 0
"""

import argparse
import json
import os
import queue
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from numpy.typing import NDArray

from gateway.imaging import ImageSpec, decode
from loadtests.images import read_images
from serving.heap import keep_freed_memory
from serving.libtensorflow import LibTensorFlow
from serving.loading import Loader, LoadSettings

Infer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""uint8 `[N, H, W, C]` -> float32 `[N, K]`."""
Decode = Callable[[bytes], NDArray[np.uint8]]
_MAX_PIXELS: Final = 1 << 24
_LEAST: Final = 2
"""Batches that each caller must have had answered in the time that counts."""


class Pipeline:
    """Decoders that feed callers through a bounded queue; with no decoders, callers decode for themselves."""

    def __init__(self, infer: Infer, decode_image: Decode, bodies: Sequence[bytes], batch: int, callers: int) -> None:
        self.done: list[list[float]] = [[] for _ in range(callers)]
        """When each caller had a batch answered, on the clock of `time.perf_counter`, seconds."""
        self._infer = infer
        self._decode = decode_image
        self._bodies = cycle(bodies)
        self._lock = threading.Lock()
        self._rows: queue.Queue[NDArray[np.uint8]] = queue.Queue(2 * batch * callers)
        self._batch = batch

    def start(self, decoders: int) -> None:
        """Run until the process ends."""
        take = self._rows.get if decoders else self._decoded
        jobs = [self._feed] * decoders + [partial(self._call, number, take) for number in range(len(self.done))]
        for job in jobs:
            threading.Thread(target=job, daemon=True).start()

    def _decoded(self) -> NDArray[np.uint8]:
        with self._lock:
            body = next(self._bodies)
        return self._decode(body)

    def _feed(self) -> None:
        while True:
            self._rows.put(self._decoded())

    def _call(self, number: int, take: Callable[[], NDArray[np.uint8]]) -> None:
        first = take()
        images = np.empty((self._batch, *first.shape), np.uint8)
        images[0] = first
        place = 1
        while True:
            for row in range(place, self._batch):
                images[row] = take()
            place = 0
            self._infer(images)
            self.done[number].append(time.perf_counter())


def measure_rate(infer: Infer, decode_image: Decode, bodies: Sequence[bytes], arguments: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    """Return images a second, and what they cost.

    The rate of each caller is taken from one batch's end to another's, so that no cut batch counts.
    """
    pipeline = Pipeline(infer, decode_image, bodies, arguments.batch, arguments.callers)
    pipeline.start(arguments.decoders)
    while not all(pipeline.done):
        time.sleep(0.01)  # an event for each batch would cost what is measured
    time.sleep(arguments.warm_up)  # the threads work meanwhile
    before = [len(times) for times in pipeline.done]
    begin, cpu, machine = time.perf_counter(), time.process_time(), _busy()
    while time.perf_counter() < begin + arguments.seconds or not all(
        len(times) > start + _LEAST for times, start in zip(pipeline.done, before, strict=True)
    ):
        time.sleep(0.01)  # as above
    seconds, cpu, machine = time.perf_counter() - begin, time.process_time() - cpu, _busy() - machine
    kept = [times[start:] for times, start in zip(pipeline.done, before, strict=True)]
    rate = sum(arguments.batch * (len(times) - 1) / (times[-1] - times[0]) for times in kept)
    return {
        "rate": rate,
        "cpu_s_per_1000": 1000 * cpu / seconds / rate,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "other_cores": max(0.0, (machine - cpu) / seconds),
    }


def _busy() -> float:
    """Return the processor time that the whole machine has used, seconds."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def measure_alone(infer: Infer, decode_image: Decode, bodies: Sequence[bytes], arguments: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    """Return what one image takes that is alone: the median, in milliseconds."""
    decoding, inferring = [], []
    end = time.perf_counter() + arguments.warm_up + arguments.seconds
    warm = end - arguments.seconds
    for body in cycle(bodies):
        begin = time.perf_counter()
        row = decode_image(body)
        decoded = time.perf_counter()
        infer(row[np.newaxis])
        inferred = time.perf_counter()
        if inferred > warm:
            decoding.append(1000 * (decoded - begin))
            inferring.append(1000 * (inferred - decoded))
        if inferred > end:
            break
    both = [a + b for a, b in zip(decoding, inferring, strict=True)]
    return {name: statistics.median(of) for name, of in (("alone_ms", both), ("decode_ms", decoding))} | {
        "infer_ms": statistics.median(inferring)
    }


def answer(infer: Infer, decode_image: Decode, bodies: Sequence[bytes], arguments: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    """Return the probabilities of the first `--batch` images, each asked alone."""
    return [infer(decode_image(body)[np.newaxis])[0].tolist() for body in bodies[: arguments.batch]]


JOBS: Final = {"rate": measure_rate, "alone": measure_alone, "answers": answer}


def main() -> None:
    """Do one job, and write its outcome."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.limit", description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("version", type=Path, help="folder of a published version")
    parser.add_argument(
        "--images", type=Path, required=True, help="folder of images, or a file with a path in each line"
    )
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--intra", type=int, default=0, help="threads of one operation; 0 is one for each core")
    parser.add_argument("--callers", type=int, default=1, help="batches at a time")
    parser.add_argument("--decoders", type=int, default=0, help="threads that only decode; 0: the callers decode")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    arguments = parser.parse_args()
    keep_freed_memory()  # as the server that is measured beside this
    settings = LoadSettings(intra_op=arguments.intra, inter_op=arguments.callers, bfloat16=arguments.bfloat16)
    model = Loader(LibTensorFlow(), settings)(arguments.version)
    manifest = json.loads((arguments.version / "assets.extra/manifest.json").read_bytes())
    spec = ImageSpec(**manifest["image"])

    def infer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(model.run("serving_default", {"images": images}, ["probabilities"], None)["probabilities"])

    bodies = [image.body for image in read_images(arguments.images)]
    outcome = JOBS[arguments.job](infer, lambda body: decode(body, spec, _MAX_PIXELS), bodies, arguments)
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.stdout.flush()
    os._exit(0)  # its threads never end by themselves


if __name__ == "__main__":
    main()
