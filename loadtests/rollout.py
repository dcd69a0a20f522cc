"""Version swaps under a steady load: what they cost the requests, in one run, quiet and swapping by turns.

It publishes copies of versions that are in the store already, one after the other, while images are posted at a fixed
rate, and checks that each answer is the one that its version gives. The copies are removed at the end.

    python -m loadtests.rollout --store var/models/lung 1 2          # two versions that answer differently

The model server must look at its store more often than versions change, for instance with
`--file_system_poll_wait_seconds=0.1`, which takes fractions of a second in the embedded server only.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from loadtests.images import Image, ImagesMissing, read_images
from loadtests.openloop import post_steadily
from loadtests.samples import Sample

KEPT: Final = 3
"""Of the copies, so many stay in the store at a time: the newest, and what the model server may still be loading."""
PATIENCE_S: Final = 60.0
Probabilities = dict[str, float]


class Rollout:
    """A store to which copies of `templates` are published, and the gateway in front of it."""

    def __init__(self, url: str, store: Path, templates: Sequence[int], image: Image) -> None:
        self.url = url
        self.store = store
        self.image = image
        self.template_of: dict[int, int] = {}
        """Which version a number is a copy of."""
        self.answers: dict[int, Probabilities] = {}
        """What each template answers for the image."""
        self._templates = templates

    async def learn(self) -> None:
        """Ask each template's copy for its answer, and insist that they differ."""
        for template, number in zip(self._templates, self.stage(self._templates), strict=True):
            self.publish(number)
            await self.answered_by(number)
            self.answers[template] = (await self._ask())["probabilities"]
        if len({json.dumps(answer) for answer in self.answers.values()}) < len(self._templates):
            raise SystemExit("the versions answer alike, so no answer would prove its version; name others")

    def stage(self, templates: Sequence[int]) -> list[int]:
        """Copy `templates` to where no server looks, for the next numbers, and return these."""
        last = max(int(entry.name) for entry in self.store.iterdir() if entry.name.isdecimal())
        staged = {last + 1 + position: template for position, template in enumerate(templates)}
        for number, template in staged.items():
            shutil.copytree(self.store / str(template), self._partial(number))
        self.template_of |= staged
        return list(staged)

    def publish(self, number: int) -> None:
        """Let a copy appear, as the trainer does: by one rename."""
        self._partial(number).rename(self.store / str(number))

    def tidy(self) -> None:
        """Remove all copies but the newest, which the model server may hold."""
        for old in sorted(self.template_of)[:-KEPT]:
            self.remove(old)

    def remove(self, number: int) -> None:
        """Remove a copy, first from sight and then from the disk."""
        version = self.store / str(number)
        if version.is_dir():
            version.rename(self._partial(number))
        shutil.rmtree(self._partial(number), ignore_errors=True)

    def _partial(self, number: int) -> Path:
        return self.store / f".{number}.partial"

    async def answered_by(self, number: int) -> None:
        """Wait until `number` answers."""
        end = time.monotonic() + PATIENCE_S
        while (await self._ask()).get("model_version") != number:
            if time.monotonic() > end:
                raise SystemExit(f"version {number} did not answer within {PATIENCE_S:g} s; see {self.url}/models")
            await asyncio.sleep(0.05)

    def wrong(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return the answers that are not those of the version that they name."""
        return [sample for sample in samples if sample.status == httpx.codes.OK and not self._is_right(sample.answer)]

    def _is_right(self, answer: Mapping[str, object]) -> bool:
        version, given = answer.get("model_version"), answer.get("probabilities")
        template = self.template_of.get(version) if isinstance(version, int) else None
        return template is not None and isinstance(given, dict) and _close(self.answers[template], given)

    async def _ask(self) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=30) as client:
            reply = await client.post(f"{self.url}/predict", content=self.image.body)
        document: dict[str, Any] = reply.json()
        return document


def _close(wanted: Probabilities, given: Probabilities) -> bool:
    return wanted.keys() == given.keys() and all(abs(wanted[label] - given[label]) < 1e-4 for label in wanted)


@asynccontextmanager
async def load(rollout: Rollout, rate: float) -> AsyncIterator[list[Sample]]:
    """Post steadily until the block ends; then the list holds the samples."""
    samples: list[Sample] = []
    stop = asyncio.Event()
    posting = asyncio.create_task(post_steadily(f"{rollout.url}/predict", [rollout.image], rate, stop))
    try:
        yield samples
    finally:
        stop.set()
        samples.extend(await posting)


async def measure(rollout: Rollout, arguments: argparse.Namespace) -> dict[str, object]:
    """Load it quietly and with swaps, by turns, and return the figures."""
    await rollout.learn()
    memory = [await resident(url) for url in arguments.metrics]
    quiet: list[Sample] = []
    swapping: list[Sample] = []
    per_round = arguments.swaps // arguments.rounds
    templates = cycle(rollout.answers)
    for _ in range(arguments.rounds):
        async with load(rollout, arguments.rate) as samples:
            await asyncio.sleep(per_round * arguments.every)
        quiet += samples
        staged = rollout.stage(list(islice(templates, per_round)))
        async with load(rollout, arguments.rate) as samples:
            for number in staged:
                rollout.publish(number)
                await asyncio.sleep(arguments.every)
        swapping += samples
        await rollout.answered_by(staged[-1])
        rollout.tidy()
    return {
        "swaps": per_round * arguments.rounds,
        "every_s": arguments.every,
        "images_per_s": arguments.rate,
        "versions_that_answered": len({sample.answer.get("model_version") for sample in swapping}),
        "requests": len(quiet) + len(swapping),
        "failed": sum(sample.status != httpx.codes.OK for sample in quiet + swapping),
        "wrong": len(rollout.wrong(quiet + swapping)),
        "quiet_ms": _latencies(quiet),
        "swapping_ms": _latencies(swapping),
        **_first_and_tenth(swapping),
        "p99_ratio": round(_latencies(swapping)["p99"] / _latencies(quiet)["p99"], 2),
        "resident_mb": [[before, await resident(url)] for before, url in zip(memory, arguments.metrics, strict=True)],
    }


async def resident(url: str) -> int:
    """Return the resident memory that a process tells Prometheus, in MB."""
    async with httpx.AsyncClient(timeout=30) as client:
        text = (await client.get(url, headers={"Accept": "text/plain"})).raise_for_status().text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "process_resident_memory_bytes":
                return round(sample.value / 1e6)
    raise SystemExit(f"{url} does not tell process_resident_memory_bytes")


def _first_and_tenth(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the medians, over versions, of the latencies of the first and the tenth request that each answered."""
    by_version: dict[object, list[float]] = {}
    for sample in samples:
        by_version.setdefault(sample.answer.get("model_version"), []).append(sample.latency_s * 1000)
    enough = [latencies for latencies in by_version.values() if len(latencies) >= 10]
    if not enough:
        return {}
    first, tenth = (statistics.median(latencies[position] for latencies in enough) for position in (0, 9))
    return {"first_of_a_version_ms": round(first, 2), "tenth_of_a_version_ms": round(tenth, 2)}


def _latencies(samples: Sequence[Sample]) -> dict[str, float]:
    cuts = statistics.quantiles([sample.latency_s * 1000 for sample in samples], n=100)
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "p99": round(cuts[98], 2)}


def main() -> int:
    """Run, print the figures as JSON, and return 1 where a request failed or was answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.rollout", description=__doc__)
    parser.add_argument("templates", type=int, nargs="+", metavar="VERSION", help="versions to copy, by turns")
    parser.add_argument("--store", type=Path, required=True, help="the folder of the model's versions")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the gateway")
    parser.add_argument("--metrics", action="append", default=[], metavar="URL", help="metrics of a process to weigh")
    parser.add_argument("--images", type=Path, default=Path("data/samples"), help="the first of these is posted")
    parser.add_argument("--swaps", type=int, default=50)
    parser.add_argument("--every", type=float, default=0.4, help="seconds between two swaps")
    parser.add_argument("--rounds", type=int, default=5, help="the swaps are cut into so many rounds")
    parser.add_argument("--rate", type=float, default=40.0, help="images a second")
    arguments = parser.parse_args()
    try:
        image = read_images(arguments.images)[0]
    except ImagesMissing as error:
        raise SystemExit(str(error)) from error
    rollout = Rollout(arguments.url, arguments.store, arguments.templates, image)
    try:
        figures = asyncio.run(measure(rollout, arguments))
    finally:
        for number in sorted(rollout.template_of, reverse=True):
            rollout.remove(number)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return int(bool(figures["failed"] or figures["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
