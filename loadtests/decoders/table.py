"""Results of one or more environments, as Markdown."""

from collections.abc import Sequence
from typing import Any


def as_markdown(results: Sequence[dict[str, Any]]) -> str:
    """Return one table for each task, sorted by processor time, and a list of what was missing where.

    The ratio is to the same environment's first row of the task, so rounds that shared a machine's mood are compared.
    """
    machine, method = results[0]["machine"], results[0]["method"]
    intro = (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['system']}, {machine['date']}. "
        f"{method['images']} PNGs of {method['megapixels']} megapixels and {method['png_kb']} kB on average; "
        f"the JPEGs are made of them ({method['jpeg_kb']} kB). "
        f"Medians of {method['rounds']} rounds by turns, milliseconds an image."
    )
    lines = [
        intro,
        "",
        *(f"- {result['label']}: Python {result['python']}, zlib {result['zlib']}" for result in results),
    ]
    for task in dict.fromkeys(row["task"] for result in results for row in result["rows"]):
        lines += ["", f"## {task}", "", *_table(results, task)]
    missing = [
        f"- {result['label']}: {lack['task']}, {lack['name']}: {lack['why']}"
        for result in results
        for lack in result["missing"]
    ]
    return "\n".join([*lines, "", "## Missing", "", *(missing or ["Nothing."]), ""])


def _table(results: Sequence[dict[str, Any]], task: str) -> list[str]:
    rows = []
    for result in results:
        mine = [row for row in result["rows"] if row["task"] == task]
        rows += [(row["figures"], mine[0]["figures"]["cpu"], row, result["label"]) for row in mine]
    rows.sort(key=lambda found: found[0]["cpu"])
    return [
        f"| way | environment | CPU | 1 thread | {results[0]['method']['cores']} threads | CPU / first | pixels |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row['name']} | {label} | {figures['cpu']:.2f} | {figures['one']:.2f} | {figures['all_cores']:.2f} "
            f"| {figures['cpu'] / first:.2f} | {_SAME[row['same']]} |"
            for figures, first, row, label in rows
        ),
    ]


_SAME = {True: "libpng's", False: "others", None: ""}
