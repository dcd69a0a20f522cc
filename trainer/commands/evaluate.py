"""`trainer evaluate`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from trainer.commands.options import DataOption
from trainer.commands.tensorflow import import_tensorflow
from trainer.dataset import SplitName


def evaluate(
    data: DataOption,
    *,
    split: Annotated[SplitName, typer.Option()] = "test",
    run: Annotated[Path | None, typer.Option(help="Evaluate this run's Keras model.")] = None,
    store: Annotated[Path | None, typer.Option(help="Evaluate a version of this store.")] = None,
    version: Annotated[int | None, typer.Option(help="The version's number. [default: the newest]")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the scores there as JSON.")] = None,
) -> None:
    """Measure a run, or a published version through the signature that is served."""
    if (run is None) == (store is None):
        raise typer.BadParameter("give either --run or --store")
    import_tensorflow()
    from trainer import evaluate as evaluation  # noqa: PLC0415
    from trainer import report  # noqa: PLC0415

    subject = evaluation.of_run(run) if run else evaluation.of_version(store or Path(), version)
    read, scores = evaluation.evaluate(subject, data, split)
    console = Console()
    report.warn_skipped(console, read)
    report.show_scores(console, scores, f"{subject.name}, {split}")
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(scores), indent=2) + b"\n")
