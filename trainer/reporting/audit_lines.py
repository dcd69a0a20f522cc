"""An audit on the console: tables on a terminal, plain lines elsewhere, paths unbroken in both."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from trainer.data.audit import Audit, Extent, Group
from trainer.reporting.console import say

_NAMED = 10
"""Files or groups that are named on the console; report.json has all."""


def show(console: Console, judged: Audit) -> None:
    """Print an audit: what is wrong first, then what is there."""
    for text in judged.errors:
        say(console, f"Problem: {text}")
    for text in judged.warnings:
        say(console, f"Warning: {text}")
    _show_counts(console, judged)
    for text in _facts(judged):
        say(console, text)
    lists: dict[str, list[str]] = {
        "files that cannot be read": [f"{file.path}: {file.reason}" for file in judged.unreadable],
        "files called by another format": [f"{file.path} holds a {file.format}" for file in judged.misnamed],
        "groups of byte-identical files": list(map(_describe, judged.identical)),
        "groups of look-alike images": list(map(_describe, judged.similar)),
    }
    for what, lines in lists.items():
        _show_list(console, what, lines)


def _show_counts(console: Console, judged: Audit) -> None:
    labels = sorted({label for counts in judged.counts.values() for label in counts})
    rows = [(label, *(counts.get(label, 0) for counts in judged.counts.values())) for label in labels]
    rows.append(("all", *(sum(counts.values()) for counts in judged.counts.values())))
    if not console.is_terminal:
        for label, *numbers in rows:
            say(console, f"{label}: " + ", ".join(map("{} {}".format, judged.counts, numbers)))
        return
    table = Table("class", box=box.SIMPLE_HEAD)
    for split in judged.counts:
        table.add_column(split, justify="right")
    for row in rows:
        table.add_row(*map(str, row))
    console.print(table)


def _facts(judged: Audit) -> Iterator[str]:
    if judged.width and judged.height:
        yield f"width {_range(judged.width)}, height {_range(judged.height)} pixels (least, median, most)"
        yield "modes: " + ", ".join(f"{mode} {count}" for mode, count in judged.modes.items())


def _range(extent: Extent) -> str:
    return f"{extent.least} {extent.median:g} {extent.most}"


def _describe(group: Group) -> str:
    """Return a line: one path out of each folder or, where all are in one folder, the first two."""
    folders = {Path(path).parent: path for path in reversed(group.paths)}
    examples = sorted(folders.values()) if len(folders) > 1 else group.paths[:2]
    mark = f"[{' and '.join(group.splits)}] " if len(group.splits) > 1 else ""
    more = f" ({len(group.paths)} files)" if len(group.paths) > len(examples) else ""
    return mark + " = ".join(examples) + more


def _show_list(console: Console, what: str, lines: Iterable[str]) -> None:
    every = tuple(lines)
    if not every:
        say(console, f"no {what}")
        return
    say(console, f"{len(every)} {what}:")
    for line in every[:_NAMED]:
        say(console, f"  {line}")
    if len(every) > _NAMED:
        say(console, f"  and {len(every) - _NAMED} more, all of them in report.json (--out)")
