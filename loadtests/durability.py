"""What durability costs: predictions a second with `full`, `normal` and `async`, in turns, on one machine.

    python -m loadtests.durability                                       # the model takes next to no time
    python -m loadtests.durability --base 0.02 --per-image 0.006         # a model as it is

A stub stands for the model server, so that the history has as large a part of the work as it can ever have. Each
durability has a gateway and a file of its own; they are loaded by turns, in another order in each round. The files must
lie on a real disk: in memory `full` costs nothing.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.bench.drawings import grey_png
from loadtests.bench.processes import gateway, stub_server
from loadtests.closedloop import post_in_turn
from loadtests.connection import Address, build_requests
from loadtests.images import Image
from loadtests.loops import run
from loadtests.samples import count_statuses

MODES = ("full", "normal", "async")


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, and return the exit status: 1 where a request failed."""
    parser = argparse.ArgumentParser("python -m loadtests.durability", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load in each round, for each durability")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--base", type=float, default=0.0005, help="seconds that a call to the model takes")
    parser.add_argument("--per-image", type=float, default=0.0001, help="seconds more for each image")
    parser.add_argument("--folder", help="where the files are made", default=None)
    given = parser.parse_args(arguments)
    rates: dict[str, list[float]] = {mode: [] for mode in MODES}
    bad = 0
    with TemporaryDirectory(prefix="pulmo-durability-", dir=given.folder) as name, ExitStack() as stack:
        folder = Path(name)
        target, _ = stack.enter_context(stub_server(folder, given.base, given.per_image))
        urls = {
            mode: stack.enter_context(gateway(target, folder, {"PULMO_DURABILITY": mode}, mode))[0] for mode in MODES
        }
        for turn in range(given.rounds):
            for mode in (*MODES[turn % 3 :], *MODES[: turn % 3]):
                rate, failed = _load(urls[mode], given.connections, given.seconds)
                rates[mode].append(rate)
                bad += failed
    if bad:
        sys.stderr.write(f"{bad} requests failed, so this measures nothing\n")
        return 1
    _print(rates)
    return 0


def _load(url: str, connections: int, seconds: float) -> tuple[float, int]:
    """Return predictions a second, and how many requests failed."""
    address = Address.parse(f"{url}/predict")
    images = [Image(f"{seed}.png", "image/png", grey_png(64, seed)) for seed in range(8)]
    requests = build_requests(address, images)
    window = run(post_in_turn(address, requests, connections, seconds=seconds, warm_up=1, look=lambda: None))
    statuses = count_statuses(window.samples)
    return window.rate, sum(count for status, count in statuses.items() if status != "200")


def _print(rates: dict[str, list[float]]) -> None:
    sys.stdout.write("| durability | predictions/s: median | lowest | highest | of async, round by round: median |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for mode, found in rates.items():
        ratios = [rate / other for rate, other in zip(found, rates["async"], strict=True)]
        sys.stdout.write(
            f"| {mode} | {statistics.median(found):.0f} | {min(found):.0f} | {max(found):.0f} "
            f"| {statistics.median(ratios):.3f} |\n"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
