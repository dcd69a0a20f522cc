"""Milliseconds an image, in rounds by turns, so that what else the machine does falls on all candidates alike."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import imagecodecs
import numpy as np
import simplejpeg

from loadtests.decoders.candidates import Call, Candidate, Missing, Pixels, Task, attempt, candidates
from loadtests.images import ImagesMissing, read_images

CORES: Final = len(os.sched_getaffinity(0))
_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_QUALITY: Final = 90  # of the JPEGs that are made from the PNGs


class Figures(NamedTuple):
    """Medians over the rounds, milliseconds an image."""

    cpu: float
    """Processor time, while one thread calls: a library's own threads are in it, what other programs take is not."""
    one: float
    """Elapsed, in one thread."""
    all_cores: float
    """Elapsed, with a thread for each core; half of `one` on two cores, unless the GIL is held."""


class Row(NamedTuple):
    """What came out for one candidate."""

    task: Task
    name: str
    figures: Figures
    same: bool | None
    """Whether its pixels are libpng's, without alpha; None where that cannot be asked."""


def measure(folder: Path, rounds: int) -> tuple[list[Row], list[Missing], dict[str, Any]]:
    """Measure what this environment has with the PNGs of `folder`, and with JPEGs made of them in memory.

    Returns:
        The rows, what is missing, and what was measured with.

    Raises:
        ImagesMissing: the folder holds no PNG.
    """
    files = [image.body for image in read_images(folder) if image.body.startswith(_MAGIC)]
    if not files:
        raise ImagesMissing(f"{folder.absolute()} holds no PNG; name a folder of PNGs with --images")
    pixels = [_colour(imagecodecs.png_decode(body)) for body in files]
    jpegs = [simplejpeg.encode_jpeg(image, quality=_QUALITY, colorspace="RGB") for image in pixels]
    inputs: dict[str, Sequence[Any]] = {"PNG": files, "JPEG": jpegs, "pixels": pixels}

    found, missing = _sort_out(inputs)
    rows = []
    for task in dict.fromkeys(candidate.task for candidate in found):
        taking_part = [candidate for candidate in found if candidate.task == task]
        items = inputs[task.split()[0]]
        figures = _by_turns([candidate.call for candidate in taking_part], items, rounds)
        for candidate, its in zip(taking_part, figures, strict=True):
            same = _agrees(candidate.call, files, pixels) if task == "PNG to pixels" else None
            rows.append(Row(task, candidate.name, its, same))
    return (
        rows,
        missing,
        {
            "images": len(files),
            "megapixels": round(sum(image.shape[0] * image.shape[1] for image in pixels) / len(pixels) / 1e6, 3),
            "png_kb": round(sum(map(len, files)) / len(files) / 1000),
            "jpeg_kb": round(sum(map(len, jpegs)) / len(jpegs) / 1000),
            "rounds": rounds,
            "cores": CORES,
        },
    )


def _sort_out(inputs: dict[str, Sequence[Any]]) -> tuple[list[Candidate], list[Missing]]:
    found, missing = [], []
    for candidate in candidates():
        if isinstance(candidate, Missing):
            missing.append(candidate)
        elif (lack := attempt(candidate, inputs[candidate.task.split()[0]][0])) is not None:
            missing.append(lack)
        else:
            found.append(candidate)
    return found, missing


def _by_turns(calls: Sequence[Call], items: Sequence[Any], rounds: int) -> list[Figures]:
    taken: list[list[Figures]] = [[] for _ in calls]
    with ThreadPoolExecutor(CORES) as pool:
        for _ in range(rounds):
            for call, its in zip(calls, taken, strict=True):
                its.append(_once(call, items, pool))
    return [Figures(*(median(column) for column in zip(*its, strict=True))) for its in taken]


def _once(call: Call, items: Sequence[Any], pool: ThreadPoolExecutor) -> Figures:
    cpu, begin = time.process_time(), time.perf_counter()
    for item in items:
        call(item)
    cpu, between = time.process_time() - cpu, time.perf_counter()
    for _ in pool.map(call, items):
        pass
    seconds = cpu, between - begin, time.perf_counter() - between
    return Figures(*(1000 * value / len(items) for value in seconds))


def _agrees(call: Call, files: Sequence[bytes], pixels: Sequence[Pixels]) -> bool:
    return all(np.array_equal(_colour(call(body)), image) for body, image in zip(files, pixels, strict=True))


def _colour(pixels: Pixels) -> Pixels:
    """Return RGB: grey is repeated, alpha dropped."""
    image = pixels.reshape(*pixels.shape[:2], -1)
    return np.ascontiguousarray(np.repeat(image[..., :1], 3, axis=2) if image.shape[2] < 3 else image[..., :3])
