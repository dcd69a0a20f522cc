"""What runs found, kept small: a JSON document for each scenario, and a page for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loadtests.bench.report import Cell, as_table
from loadtests.load.scenarios import SCENARIOS

_COLUMNS: Final = (
    "scenario", "users", "seconds", "average, ms", "p50, ms", "p95, ms", "p99, ms", "requests/s", "errors", "refused",
    "generator CPU, cores", "generator late, p99, ms",
)  # fmt: skip
_ROUTE_COLUMNS: Final = ("request", "number", "failed", "average, ms", "p50, ms", "p95, ms", "p99, ms")
_ABOUT: Final = (
    "Users think for half a second on average. Times are those of answered `POST /predict`, percentiles rounded as "
    "Locust does, to two digits that count. requests/s are those that were answered, on all routes. Refused requests "
    "(429 and 503 with Retry-After) are no errors and have no part in the times; users wait as they are told."
)


def keep(figures: Mapping[str, Any], machine: Mapping[str, Any], folder: Path) -> Path:
    """Write the figures of one scenario, over those of an earlier run in this folder, and the page of all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, **figures}
    (folder / f"{figures['scenario']}.json").write_text(json.dumps(document, indent=1) + "\n")
    page = folder / "README.md"
    page.write_text(as_page(read(folder)))
    return page


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the figures that `keep` wrote, in the order of the scenarios."""
    found = [folder / f"{name}.json" for name in SCENARIOS]
    return [json.loads(path.read_text()) for path in found if path.exists()]


def as_page(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the page about all runs of a folder."""
    machine = runs[0]["machine"]
    versions = ", ".join(f"{name} {value}" for name, value in machine["versions"].items())
    local = all(run["local"] for run in runs)
    sharing = "Gateway, model server and Locust share it." if local else "Locust ran on it, the service elsewhere."
    posted = "; ".join(sorted({run["images"] for run in runs}))
    quick = "**The quick form: so few seconds show that everything works, and measure nothing.**"
    about = (
        f"Written by `make load`. {machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB; "
        f"{machine['system']}; {versions}. {sharing} Posted: {posted}."
    )
    head = [f"# Load tests, {machine['date']}", about, *([quick] if any(run["quick"] for run in runs) else []), _ABOUT]
    head.append(as_table(_COLUMNS, [_row(run) for run in runs]))
    return "\n\n".join([*head, *map(_section, runs)]) + "\n"


def _row(run: Mapping[str, Any]) -> list[Cell]:
    summary, generator = run["summary"], run["generator"]
    requests = summary["answered"] + summary["refused"] + summary["failed"]
    times = [float(summary[f"{name}_ms"]) for name in ("mean", "p50", "p95", "p99")]
    shares = [as_share(summary[name], requests) for name in ("failed", "refused")]
    own = [float(generator["cores"]), generator["late_p99_ms"]]
    return [run["scenario"], run["users"], round(run["seconds"]), *times, float(summary["rate"]), *shares, *own]


def as_share(number: int, of: int) -> str:
    """Return a share in percent; one that is not nothing is never written as 0."""
    share = 100 * number / of if of else 0.0
    return f"{share:.2g} %" if number else "0 %"


def _section(run: Mapping[str, Any]) -> str:
    rows: list[list[Cell]] = [
        [f"{route['method']} {route['name']}", route["requests"], route["failed"]]
        + [float(route[f"{name}_ms"]) for name in ("mean", "p50", "p95", "p99")]
        for route in run["routes"]
    ]
    notes = [*run["problems"], *run["errors"], *run["generator"]["warnings"]]
    parts = [f"## {run['scenario']}", as_table(_ROUTE_COLUMNS, rows), _compared(run)]
    return "\n\n".join([*parts, *(["\n".join(f"- {note}" for note in notes)] if notes else [])])


def _compared(run: Mapping[str, Any]) -> str:
    if run["differences"]:
        return "The gateway counted otherwise than Locust, see below."
    if run["shared"]:
        return "The gateway counted what Locust did, and may have counted requests of others: the run was `--shared`."
    return "The gateway counted what Locust did, request for request."
