"""`trainer train`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import DataOption, ForceOption, NameOption
from trainer.commands.publish import announce_version, promote
from trainer.commands.tensorflow import import_tensorflow
from trainer.config import Architecture, TrainingConfig


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
    force: ForceOption = False,
) -> None:
    """Train a network, write the run, and publish it if a store is given."""
    import_tensorflow()
    from trainer.networks.registry import image_spec  # noqa: PLC0415
    from trainer.reporting import console as report  # noqa: PLC0415
    from trainer.training import runs  # noqa: PLC0415
    from trainer.training import train as training  # noqa: PLC0415

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
        if not force:
            promote(trained, publish)
        announce_version(trained, publish, model_name)
