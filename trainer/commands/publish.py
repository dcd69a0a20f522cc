"""`trainer publish` and `trainer export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trainer.commands.options import NameOption, RunOption, StoreOption
from trainer.commands.tensorflow import import_tensorflow

if TYPE_CHECKING:
    from trainer.runs import Run


def publish_run(run: RunOption, store: StoreOption, *, model_name: NameOption = None) -> None:
    """Publish a run as the next version of a store, atomically."""
    import_tensorflow()
    from trainer.runs import load_run  # noqa: PLC0415

    announce_version(load_run(run), store, model_name)


def export_run(
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    run: RunOption,
    *,
    model_name: NameOption = None,
) -> None:
    """Write a run as a SavedModel into a plain folder, checked as for publishing."""
    import_tensorflow()
    from trainer.export import export  # noqa: PLC0415
    from trainer.runs import load_run  # noqa: PLC0415

    export(load_run(run), out, model_name or "lung")
    Console().print(f"exported to {out}", markup=False, highlight=False, soft_wrap=True)


def announce_version(run: "Run", store: Path, model_name: str | None) -> None:
    """Publish a run, and say as what."""
    from trainer import export  # noqa: PLC0415
    from trainer.report import say  # noqa: PLC0415

    version = export.publish_run(run, store, model_name or store.resolve().name)
    say(Console(), f"published version {version.name} in {version.parent}")
