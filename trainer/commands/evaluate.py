"""`trainer evaluate`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import DataOption
from trainer.commands.tensorflow import import_tensorflow
from trainer.data.dataset import SplitName


def evaluate(
    data: DataOption,
    *,
    split: Annotated[SplitName, typer.Option()] = "test",
    run: Annotated[Path | None, typer.Option(help="Evaluate this run's Keras model.")] = None,
    store: Annotated[Path | None, typer.Option(help="Evaluate a version of this store.")] = None,
    version: Annotated[int | None, typer.Option(help="The version's number. [default: the newest]")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the findings there as JSON.")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write scores.json, plots and report.html there.")
    ] = None,
) -> None:
    """Measure a run, or a published version through the signature that is served."""
    if (run is None) == (store is None):
        raise typer.BadParameter("give either --run or --store")
    import_tensorflow()
    from trainer.evaluation import evaluate as evaluation  # noqa: PLC0415
    from trainer.reporting.console import say, show_evaluation, warn_skipped  # noqa: PLC0415
    from trainer.reporting.html_report import to_json, write_report  # noqa: PLC0415

    subject = evaluation.of_run(run) if run else evaluation.of_version(store or Path(), version)
    examined = evaluation.examine(subject, data, split)
    console = Console()
    warn_skipped(console, examined.read.skipped, len(examined.read.skipped) + len(examined.read.paths))
    show_evaluation(console, examined.evaluation)
    if json is not None:
        json.write_bytes(to_json(examined.evaluation))
    if report is not None:
        write_report(report, examined)
        say(console, f"the report is in {report / 'report.html'}")
