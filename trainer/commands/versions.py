"""`trainer versions`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from trainer.commands.options import StoreOption

if TYPE_CHECKING:
    from trainer.store.listing import Entry

_DIGEST = 12
"""Hexadecimal digits that are shown; enough to tell data sets, or models, apart by eye."""
_PLAIN_WIDTH = 160
"""Columns where the output is no terminal: no line breaks for `grep` and `awk`."""


def list_store(
    store: StoreOption, *, json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False
) -> None:
    """List the versions of a store, the newest last: it is the one that is served."""
    from trainer.store.listing import list_versions  # noqa: PLC0415

    entries = list_versions(store)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(entries), indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    console.print(table(entries, datetime.now(UTC), lines=console.is_terminal))


def table(entries: "tuple[Entry, ...]", now: datetime, *, lines: bool) -> Table:
    """Return a row for each version.

    Args:
        entries: the versions.
        now: the time that ages are counted to, with its zone.
        lines: draw a line under the headings.
    """
    headings = ("version", "architecture", "accuracy", "macro F1", "created", "data", "model", "image", "size")
    shown = Table(*headings, box=box.SIMPLE_HEAD if lines else None, pad_edge=False)
    for entry in entries:
        shown.add_row(str(entry.number), *_description(entry, now), decimal(entry.bytes))
    return shown


def _description(entry: "Entry", now: datetime) -> tuple[str, ...]:
    from trainer.store.listing import age  # noqa: PLC0415

    summary = entry.summary
    if summary is None:
        return (entry.problem or "", *[""] * 6)
    figures = (summary.metrics.get(name) for name in ("accuracy", "macro_f1"))
    return (
        summary.architecture,
        *("-" if figure is None else f"{figure:.3f}" for figure in figures),
        age(summary.created_at, now),
        _shortened(summary.data_digest),
        _shortened(summary.model_digest),
        f"{summary.image.mode} {summary.image.width}x{summary.image.height}",
    )


def _shortened(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_DIGEST] or "-"
