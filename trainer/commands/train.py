"""`trainer train`."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import ConfigOption, ForceOption, NameOption, ProgressOption, SetOption
from trainer.commands.publish import conclude
from trainer.commands.run_folder import new_run_folder
from trainer.commands.tensorflow import import_tensorflow
from trainer.config import Architecture
from trainer.errors import ConfigError
from trainer.reporting.progress import announced, listener
from trainer.settings import read_config


def train(  # noqa: PLR0913 - one parameter for each option
    *,
    data: Annotated[Path | None, typer.Option(help="Folder with train/<class>/, valid/<class>/.")] = None,
    arch: Annotated[Architecture | None, typer.Option(help="[default: compact]")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most; early stopping may end sooner.")] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Adam's first step size.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels. [default: what the architecture likes]")] = None,
    weights: Annotated[
        str | None, typer.Option(help="For transfer: none, imagenet, or a file of keras.applications' weights.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Keep decoded images in this folder, not in memory.")] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="GPU:0, GPU:1...: repeat it to train on several at once.")
    ] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    run: Annotated[Path | None, typer.Option(help="Where the run is written. [default: var/runs/<time>]")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with this unfinished run.")] = None,
    publish: Annotated[Path | None, typer.Option(metavar="STORE", help="Publish the model there afterwards.")] = None,
    model_name: NameOption = None,
    progress: ProgressOption = "auto",
    force: ForceOption = False,
) -> None:
    """Train a network, write the run, and publish it if a store is given.

    SIGTERM and Ctrl-C end training after the step that it is at: the run is written with the best weights so far,
    nothing is published, and --resume goes on with it.
    """
    options = {
        "data": None if data is None else str(data),
        "architecture": arch,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "image_size": image_size,
        "weights": weights,
        "cache": None if cache is None else str(cache),
        "devices": device or None,
        "seed": seed,
    }
    with listener(progress, Console()) as tell, announced(tell):
        if resume is not None:
            _refuse_changes(resume, {**options, "config": config, "set": set_ or None, "run": run})
            trained = _training().resume(resume, tell)
        else:
            chosen = read_config(config, options, set_ or [])
            trained = _training().train(chosen, run or new_run_folder(), tell)
        conclude(trained, publish, model_name, tell, force=force)


def _refuse_changes(resume: Path, options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(
            f"{resume} goes on in its folder with the configuration that it was begun with: leave out "
            f"{', '.join(given)}, or train anew without --resume"
        )


def _training() -> ModuleType:
    """Import what trains, and TensorFlow with it."""
    import_tensorflow()
    from trainer.training import train as training  # noqa: PLC0415

    return training
