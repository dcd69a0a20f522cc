"""The report: sections with a table each, as Markdown for people and as JSON for programs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

Cell = str | int | float | None
_SIGNIFICANT: Final = 3


@dataclass
class Section:
    """One part of the run."""

    title: str
    about: str
    """How it was measured."""
    columns: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """Findings in one line each."""
    data: list[Any] = field(default_factory=list)
    """What the table was made from."""


@dataclass
class Report:
    """Everything that one run found."""

    machine: Mapping[str, Any]
    method: Mapping[str, Any]
    sections: list[Section] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def as_markdown(report: Report) -> str:
    """Return the report as a page."""
    machine = ", ".join(f"{name} {value}" for name, value in report.machine["versions"].items())
    head = [
        f"# Benchmark, {report.machine['date']}",
        (
            f"Written by `make bench`. {report.machine['cores']} cores of {report.machine['cpu']}, "
            f"{report.machine['memory_gb']} GB; {report.machine['system']}; {machine}."
        ),
        "Method: " + ", ".join(f"{name} {value}" for name, value in report.method.items()) + ".",
    ]
    parts = [_section(section) for section in report.sections]
    failures = ["## Failures\n\n" + "\n".join(f"- {text}" for text in report.failures)] if report.failures else []
    return "\n\n".join([*head, *parts, *failures]) + "\n"


def _section(section: Section) -> str:
    lines = "\n".join(section.lines)
    table = as_table(section.columns, section.rows)
    return "\n\n".join(
        part for part in (f"## {section.title}", section.about, table, lines and f"```\n{lines}\n```") if part
    )


def as_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a Markdown table."""
    out = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    out += ["| " + " | ".join(as_text(cell) for cell in row) + " |" for row in rows]
    return "\n".join(out)


def as_text(cell: Cell) -> str:
    """Return a cell as it is read: numbers with three digits that count, and no digit lost before the point."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    if not isinstance(cell, float) or cell == 0:
        return str(cell) if not isinstance(cell, float) else "0"
    digits = max(0, _SIGNIFICANT - 1 - math.floor(math.log10(abs(cell))))
    return f"{cell:.{digits}f}"


def write(report: Report, folder: Path, name: str) -> list[Path]:
    """Write `name`.md and `name`.json, over those of an earlier run of the same day, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, document = folder / f"{name}.md", folder / f"{name}.json"
    page.write_text(as_markdown(report))
    document.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return [page, document]
