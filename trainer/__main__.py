"""The command line: `python -m trainer --help`. TensorFlow is imported by the commands that need it, by no other."""

import importlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from trainer.config import Architecture, TrainingConfig
from trainer.dataset import SplitName
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from trainer.runs import Run

DataOption = Annotated[Path, typer.Option("--data", help="Folder with train/<class>/, valid/<class>/, test/<class>/.")]
StoreOption = Annotated[Path, typer.Option("--store", help="The model's folder in the store, such as var/models/lung.")]
RunOption = Annotated[Path, typer.Option("--run", help="A folder that `trainer train --run` wrote.")]
NameOption = Annotated[
    str | None,
    typer.Option("--model-name", help="The name it is served by. [default: the store's folder name, or lung]"),
]

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def trainer() -> None:
    """Train, evaluate and publish the model that Pulmo serves."""


@app.command()
def phantoms(
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    per_class: Annotated[
        int, typer.Option(min=1, help="Images of each class in train; a quarter of it in the rest.")
    ] = 60,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Draw a small synthetic data set. The drawings carry no medical meaning."""
    from trainer.phantoms import write_phantoms  # noqa: PLC0415 - each command imports what it needs

    count = write_phantoms(out, per_class, seed)
    Console().print(f"drew {count} phantoms in {out}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def train(  # noqa: PLR0913 - one parameter for each option
    data: DataOption,
    *,
    arch: Annotated[
        Architecture, typer.Option(help="compact: a residual net; reference: three plain blocks.")
    ] = "compact",
    epochs: Annotated[int, typer.Option(min=1, help="At most; early stopping may end sooner.")] = 60,
    batch_size: Annotated[int, typer.Option(min=1)] = 16,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Adam's first step size.")] = 2e-3,
    image_size: Annotated[
        int | None, typer.Option(min=32, max=1024, help="Pixels. [default: 128 for compact, 224 for reference]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    run: Annotated[Path | None, typer.Option(help="Where the run is written. [default: var/runs/<time>]")] = None,
    publish: Annotated[Path | None, typer.Option(metavar="STORE", help="Publish the model there afterwards.")] = None,
    model_name: NameOption = None,
) -> None:
    """Train a network, write the run, and publish it if a store is given."""
    _import_tensorflow()
    from trainer import report, runs  # noqa: PLC0415
    from trainer import train as training  # noqa: PLC0415
    from trainer.model import image_spec  # noqa: PLC0415

    config = TrainingConfig(
        data=str(data),
        architecture=arch,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        image_size=image_spec(arch, image_size).height,
        seed=seed,
    )
    console = Console()
    with report.reporter(console, epochs) as reporter:
        trained = training.train(config, reporter)
    folder = run or Path("var/runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    runs.save_run(folder, trained)
    report.say(console, f"validation: {report.summary(trained.manifest.metrics)}; the run is in {folder}")
    if publish is not None:
        _publish(trained, publish, model_name)


@app.command()
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
    _import_tensorflow()
    from trainer import evaluate as evaluation  # noqa: PLC0415
    from trainer import report  # noqa: PLC0415

    subject = evaluation.of_run(run) if run else evaluation.of_version(store or Path(), version)
    read, scores = evaluation.evaluate(subject, data, split)
    console = Console()
    report.warn_skipped(console, read)
    report.show_scores(console, scores, f"{subject.name}, {split}")
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(scores), indent=2) + b"\n")


@app.command(name="publish")
def publish_run(run: RunOption, store: StoreOption, *, model_name: NameOption = None) -> None:
    """Publish a run as the next version of a store, atomically."""
    _import_tensorflow()
    from trainer.runs import load_run  # noqa: PLC0415

    _publish(load_run(run), store, model_name)


@app.command(name="export")
def export_run(
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    run: RunOption,
    *,
    model_name: NameOption = None,
) -> None:
    """Write a run as a SavedModel into a plain folder, checked as for publishing."""
    _import_tensorflow()
    from trainer.export import export  # noqa: PLC0415
    from trainer.runs import load_run  # noqa: PLC0415

    export(load_run(run), out, model_name or "lung")
    Console().print(f"exported to {out}", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; what the operator can mend is one line on standard error and status 2."""
    try:
        app(prog_name="trainer")
    except TrainerError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


def _publish(run: "Run", store: Path, model_name: str | None) -> None:
    from trainer import export  # noqa: PLC0415
    from trainer.report import say  # noqa: PLC0415

    version = export.publish_run(run, store, model_name or store.resolve().name)
    say(Console(), f"published version {version.name} in {version.parent}")


def _import_tensorflow() -> None:
    """Import TensorFlow without its messages about processors and drivers, some of which no setting turns off."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when it is imported
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


if __name__ == "__main__":
    main()
