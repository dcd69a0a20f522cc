"""What a retraining costs those who are served meanwhile: latencies without one and during one, by turns.

It starts a model server and a gateway of its own for a store that the trainer has published to, and posts images at a
fixed rate: quietly, then while the trainer is at its epochs. Each training is cancelled, so nothing is published.

    python -m loadtests.retraining --store var/models/lung --images data/samples --rate 20

The machine must have nothing else to do: a training takes what is left over, and that is what is measured.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from loadtests.bench.processes import service
from loadtests.images import Image, ImagesMissing, read_images
from loadtests.openloop import post_steadily
from loadtests.samples import Sample, latencies_ms

PATIENCE_S: Final = 600.0
ENDLESS: Final = {"epochs": 100_000, "patience": 100_000}
"""Parameters of a training that goes on until it is cancelled."""
LIMIT: Final = 1.5
"""What the p99 during a training may be, of the quiet one."""


class Retraining:
    """The gateway, and the trainings that it is asked for."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)
        self._session = ""

    def begin(self) -> None:
        """Start a training, and wait until its first epoch is done."""
        reply = self._client.post("/retrain", json=ENDLESS)
        if reply.status_code != httpx.codes.ACCEPTED:
            raise SystemExit(f"no training was started: {reply.text}")
        self._session = reply.json()["session_id"]
        self._wait(lambda status: str(status["message"]).startswith("epoch "), "an epoch is done")

    def epochs(self) -> int:
        """Return how many epochs are done."""
        return int(str(self._status()["message"]).split()[1])

    def end(self) -> None:
        """Cancel the training, and wait until it has ended."""
        if self._client.delete(f"/retrain/{self._session}").status_code != httpx.codes.ACCEPTED:
            return
        self._wait(lambda status: status["status"] != "running", "the training has ended", running=False)

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = self._client.get("/status").json()
        return status

    def _wait(self, holds: Callable[[dict[str, Any]], bool], what: str, *, running: bool = True) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds(status := self._status()):
            if time.monotonic() > end or (running and status["status"] != "running"):
                raise SystemExit(f"still not: {what}; the gateway says {status}")
            time.sleep(0.2)  # another process offers no event to wait for


async def posted(url: str, images: Sequence[Image], rate: float, seconds: float) -> list[Sample]:
    """Post steadily for some seconds."""
    stop = asyncio.Event()
    posting = asyncio.create_task(post_steadily(f"{url}/predict", images, rate, stop))
    await asyncio.sleep(seconds)
    stop.set()
    return await posting


def measure(url: str, images: Sequence[Image], arguments: argparse.Namespace) -> dict[str, object]:
    """Load it quietly and during trainings, by turns, and return the figures."""
    training = Retraining(url)

    def load(seconds: float = arguments.seconds) -> list[Sample]:
        return asyncio.run(posted(url, images, arguments.rate, seconds))

    load(arguments.warm_up)
    rounds: list[tuple[list[Sample], list[Sample]]] = []
    epochs = 0
    for _ in range(arguments.rounds):
        quiet = load()
        try:
            training.begin()
            before = training.epochs()
            during = load()
            epochs += training.epochs() - before
        finally:
            training.end()  # it would outlive the gateway
        rounds.append((quiet, during))
    ratios = [latencies_ms(during)["p99"] / latencies_ms(quiet)["p99"] for quiet, during in rounds]
    everything = [sample for pair in rounds for samples in pair for sample in samples]
    return {
        "images_per_s": arguments.rate,
        "requests": len(everything),
        "failed": sum(sample.status != httpx.codes.OK for sample in everything),
        "epochs_meanwhile": epochs,
        "quiet_ms": _rounded(latencies_ms([sample for quiet, _ in rounds for sample in quiet])),
        "training_ms": _rounded(latencies_ms([sample for _, during in rounds for sample in during])),
        "p99_ratios": [round(ratio, 2) for ratio in ratios],
        "p99_ratio": round(statistics.median(ratios), 2),
    }


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(figure, 2) for name, figure in figures.items()}


def main() -> int:
    """Run, print the figures as JSON, and return 1 where a request failed or the ratio is above the limit."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.retraining", description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("var/models/lung"), help="a store of the trainer's")
    parser.add_argument("--images", type=Path, default=Path("data/samples"))
    parser.add_argument("--rate", type=float, default=20.0, help="images a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each half of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds before anything counts")
    parser.add_argument("--nice", type=int, default=19, help="PULMO_TRAINER_NICE")
    arguments = parser.parse_args()
    try:
        images = read_images(arguments.images)
    except ImagesMissing as error:
        raise SystemExit(str(error)) from error
    with TemporaryDirectory(prefix="pulmo-") as name:
        folder = Path(name)
        settings = {
            "PULMO_STORE": str(arguments.store),
            "PULMO_SESSIONS": str(folder / "sessions"),
            "PULMO_UPLOADS": str(folder / "uploads"),
            "PULMO_TRAINER_NICE": str(arguments.nice),
        }
        with service(arguments.store, folder, settings, bfloat16=False) as running:
            figures = measure(running.url, images, arguments)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return int(bool(figures["failed"]) or float(str(figures["p99_ratio"])) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
