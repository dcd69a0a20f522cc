"""The table in the repository's README, between two markers, made from the results that are kept."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loadtests.bench.report import Cell, as_table
from loadtests.load.report import as_share, read
from loadtests.load.scenarios import CLAIMED, SCENARIOS

BEGIN: Final = "<!-- make load: begin -->"
END: Final = "<!-- make load: end -->"
_BLOCK: Final = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
_RESULTS: Final = re.compile(r"\((loadtests/results/[^)/]+-load(?:-quick)?)/README\.md\)")
_COLUMNS: Final = (
    "scenario", "users", "average, ms", "p95, ms", "p99, ms", "requests/s", "errors", "refused",
    "claimed: average, ms", "claimed: requests/s", "claimed: errors",
)  # fmt: skip


class MarkersMissing(ValueError):
    """The page has no place for the table."""


def place_table(page: str, folder: Path, root: Path) -> str:
    """Return the page with the table of the results in `folder` in its place.

    Raises:
        MarkersMissing: the page does not have the two markers.
        FileNotFoundError: one of the five scenarios is not among the results.
    """
    if not _BLOCK.search(page):
        raise MarkersMissing(f"there is no place for the table; write {BEGIN} and {END} where it is to be")
    link = os.path.relpath(folder, root)
    return _BLOCK.sub(lambda _: build_block(_of_the_five(folder), link), page)


def results_of(page: str) -> str:
    """Return the folder whose results the table on the page names, relative to the repository's root.

    Raises:
        MarkersMissing: there is no table, or it names none.
    """
    block = _BLOCK.search(page)
    found = _RESULTS.search(block[0]) if block else None
    if found is None:
        raise MarkersMissing("the page has no table of load tests that names its results")
    return found[1]


def build_block(runs: Sequence[Mapping[str, Any]], link: str) -> str:
    """Return the markers with the table between them."""
    machine = runs[0]["machine"]
    local = all(run["local"] for run in runs)
    sharing = "shared by gateway, model server and Locust" if local else "for Locust; the service ran elsewhere"
    lead = (
        f"{machine['cores']} cores of {machine['cpu']}, {sharing}, {machine['date']} "
        f"([all of it]({link}/README.md)). Errors and refusals are shares of all requests; the times are those of "
        "answered `POST /predict`. What the original project claimed stands beside it, and was never reproduced:"
    )
    quick = (
        "**The quick form, which measures nothing: a few seconds of each.** "
        if any(run["quick"] for run in runs)
        else ""
    )
    return "\n".join([BEGIN, quick + lead, "", as_table(_COLUMNS, [_row(run) for run in runs]), END])


def _row(run: Mapping[str, Any]) -> list[Cell]:
    summary, claim = run["summary"], SCENARIOS[run["scenario"]].claim
    requests = summary["answered"] + summary["refused"] + summary["failed"]
    times = [float(summary[f"{name}_ms"]) for name in ("mean", "p95", "p99")]
    shares = [as_share(summary[name], requests) for name in ("failed", "refused")]
    claimed: list[Cell] = [claim.mean_ms, claim.rate, f"{100 * claim.failed:g} %"] if claim else [None] * 3
    return [run["scenario"], run["users"], *times, float(summary["rate"]), *shares, *claimed]


def _of_the_five(folder: Path) -> list[dict[str, Any]]:
    runs = [run for run in read(folder) if run["scenario"] in CLAIMED]
    missing = [name for name in CLAIMED if name not in {run["scenario"] for run in runs}]
    if missing:
        raise FileNotFoundError(f"{folder} has no results of {', '.join(missing)}; run make load SCENARIO=all")
    return runs
