"""`trainer train`."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.console import Console

from trainer.commands.options import ForceOption, NameOption, ProgressOption
from trainer.commands.publish import promote, publish_version
from trainer.commands.tensorflow import import_tensorflow
from trainer.config import Architecture
from trainer.errors import ConfigError
from trainer.reporting.progress import announced, listener
from trainer.settings import read_config

_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a command."""


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
    config: Annotated[Path | None, typer.Option(help="A TOML file with any of these, and more.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any of its keys, such as augmentation.rotation=10."),
    ] = None,
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
            _refuse_changes(resume, config, options, set_ or [])
            trained = _training().resume(resume, tell)
        else:
            chosen = read_config(config, options, set_ or [])
            folder = run or Path("var/runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            trained = _training().train(chosen, folder, tell)
        if publish is not None and trained.signal is None:
            if not force:
                promote(trained.run, publish, tell)
            publish_version(trained.run, publish, model_name, tell)
    if trained.signal is not None:
        sys.exit(_SIGNALLED + trained.signal)


def _refuse_changes(resume: Path, config: Path | None, options: Mapping[str, object], pairs: list[str]) -> None:
    if config is not None or pairs or any(value is not None for value in options.values()):
        raise ConfigError(f"{resume} goes on with the configuration that it was begun with; --resume takes no other")


def _training() -> ModuleType:
    """Import what trains, and TensorFlow with it."""
    import_tensorflow()
    from trainer.training import train as training  # noqa: PLC0415

    return training
