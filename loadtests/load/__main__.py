"""Load tests of a running service: `make load`.

    python -m loadtests.load run baseline                     # or normal, high, stress, spike, soak; `all` is the five
    python -m loadtests.load run all --quick 10               # as many users, 10 seconds each
    python -m loadtests.load table loadtests/results/FOLDER   # write the table in README.md from such results

Figures go to loadtests/results/<date>-<machine>-load/, Locust's own CSV and HTML to var/load/. The exit status is 1
where a threshold was missed, or the gateway counted other requests than Locust sent.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from loadtests.bench import machine
from loadtests.load.counters import CountersMissing
from loadtests.load.readme import MarkersMissing, place_table
from loadtests.load.report import keep
from loadtests.load.running import Order, RunFailed, run_scenario
from loadtests.load.scenarios import CLAIMED, SCENARIOS

_ROOT: Final = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Do what is asked, and return the exit status."""
    given, options = _parser().parse_known_args(arguments)
    try:
        return _write_table(given) if given.command == "table" else _run(given, tuple(options))
    except (CountersMissing, RunFailed, MarkersMissing, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m loadtests.load", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run scenarios; options that are not listed are handed to Locust")
    run.add_argument("scenario", choices=[*SCENARIOS, "all"])
    run.add_argument("--host", default="http://127.0.0.1:8000", help="the gateway")
    run.add_argument("--quick", type=float, help="so many seconds for each, in place of its minutes")
    run.add_argument("--images", type=Path, help="folder of PNG and JPEG images; phantoms without one")
    run.add_argument("--processes", type=int, default=1, help="of Locust")
    run.add_argument("--shared", action="store_true", help="others use the gateway too, so it may count more")
    run.add_argument("--results", type=Path, default=_ROOT / "loadtests" / "results")
    run.add_argument("--files", type=Path, default=_ROOT / "var" / "load", help="for Locust's CSV and HTML")
    table = commands.add_parser("table", help="write the table in README.md")
    table.add_argument("folder", type=Path, help="results of the five scenarios")
    table.add_argument("--page", type=Path, default=_ROOT / "README.md")
    return parser


def _run(given: argparse.Namespace, options: tuple[str, ...]) -> int:
    described = machine.describe()
    name = f"{machine.file_name(described)}-load{'' if given.quick is None else '-quick'}"
    problems: list[str] = []
    for scenario in CLAIMED if given.scenario == "all" else (given.scenario,):
        order = Order(
            given.host.rstrip("/"), scenario, given.quick, given.images, given.processes, given.shared, options
        )
        figures = run_scenario(order, given.files / name, os.environ)
        page = keep(figures, described, given.results / name)
        sys.stdout.write(f"{scenario}: {_verdict(figures)}; see {page}\n")
        problems += figures["problems"]
    return 1 if problems else 0


def _verdict(figures: dict[str, Any]) -> str:
    return "; ".join(figures["problems"]) or "good, and counted alike by Locust and the gateway"


def _write_table(given: argparse.Namespace) -> int:
    given.page.write_text(place_table(given.page.read_text(), given.folder.resolve(), _ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
