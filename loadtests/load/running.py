"""A scenario, run by Locust in a process of its own, and compared with what the gateway counted."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

from loadtests.load.counters import CountersMissing, differ, read_counts
from loadtests.load.ledger import from_rows

_ROOT: Final = Path(__file__).resolve().parents[2]
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_LOCUSTFILE: Final = _ROOT / "loadtests" / "locustfile.py"


class RunFailed(RuntimeError):
    """Locust ended without figures."""


@dataclass(frozen=True)
class Order:
    """What is to be run, and against what."""

    host: str
    """The gateway's address, http://HOST:PORT."""
    scenario: str
    quick: float | None = None
    """So many seconds in place of the scenario's."""
    images: Path | None = None
    """A folder; phantoms where it is None."""
    processes: int = 1
    shared: bool = False
    """Others may ask the gateway meanwhile, too."""
    options: tuple[str, ...] = ()
    """More of Locust's and ours."""


def run_scenario(order: Order, folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run it, and return the figures that Locust wrote, with the problems that were found.

    Locust's own CSV and HTML go to `folder`. `environment` may hold PULMO_API_KEY.

    Raises:
        CountersMissing: no gateway answers.
        RunFailed: Locust did not get as far as figures; its messages went to the terminal.
    """
    headers = _key_header(environment)
    before = asyncio.run(read_counts(order.host, headers))
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="pulmo-load-") as name:
        report = Path(name) / "report.json"
        command = _command(order, folder.absolute(), report)
        ended = subprocess.run(command, cwd=_ROOT, env={**os.environ, **environment}, check=False)  # noqa: S603 - ours
        if not report.exists():
            raise RunFailed(f"Locust ended with status {ended.returncode} and left no figures")
        figures: dict[str, Any] = json.loads(report.read_text())
    sent = from_rows(figures["counts"])
    try:
        differences = asyncio.run(differ(order.host, headers, sent, before, shared=order.shared))
    except CountersMissing as missing:
        differences = [str(missing)]
    figures["differences"] = differences
    figures["shared"] = order.shared
    figures["local"] = urlsplit(order.host).hostname in _LOOPBACK
    if differences:
        figures["problems"] += [f"Counted differently: {text}" for text in differences]
    if ended.returncode and not figures["problems"]:
        figures["problems"].append(f"Locust ended with status {ended.returncode}")
    return figures


def _command(order: Order, folder: Path, report: Path) -> list[str]:
    command = [sys.executable, "-m", "locust", "--locustfile", str(_LOCUSTFILE), "--headless", "--only-summary"]
    command += ["--host", order.host, "--scenario", order.scenario, "--report", str(report)]
    command += ["--csv", str(folder / order.scenario), "--html", str(folder / f"{order.scenario}.html")]
    if order.quick is not None:
        command += ["--quick", str(order.quick)]
    if order.images is not None:
        command += ["--images", str(order.images.absolute())]
    if order.processes > 1:
        command += ["--processes", str(order.processes)]
    return [*command, *order.options]


def _key_header(environment: Mapping[str, str]) -> dict[str, str]:
    key = environment.get("PULMO_API_KEY")
    return {"X-API-Key": key} if key else {}
