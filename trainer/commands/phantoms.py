"""`trainer phantoms`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def phantoms(
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    per_class: Annotated[
        int, typer.Option(min=1, help="Images of each class in train; a quarter of it in the rest.")
    ] = 60,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Draw a small synthetic data set. The drawings carry no medical meaning."""
    from trainer.data.phantoms import write_phantoms  # noqa: PLC0415 - each command imports what it needs

    count = write_phantoms(out, per_class, seed)
    Console().print(f"drew {count} phantoms in {out}", markup=False, highlight=False, soft_wrap=True)
