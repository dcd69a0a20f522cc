"""The command line: `python -m trainer --help`. TensorFlow is imported by the commands that need it, by no other."""

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from trainer.commands.compare import compare_versions
from trainer.commands.crossvalidate import crossvalidate
from trainer.commands.data import data_commands
from trainer.commands.evaluate import evaluate
from trainer.commands.parameters import parameters
from trainer.commands.phantoms import phantoms
from trainer.commands.publish import export_run, publish_run
from trainer.commands.retire import retire_version
from trainer.commands.retrain import retrain
from trainer.commands.speed import speed
from trainer.commands.train import train
from trainer.commands.versions import list_store
from trainer.errors import TrainerError

_COMMANDS: dict[str, Callable[..., None]] = {
    "phantoms": phantoms,
    "train": train,
    "retrain": retrain,
    "parameters": parameters,
    "evaluate": evaluate,
    "publish": publish_run,
    "export": export_run,
    "crossvalidate": crossvalidate,
    "versions": list_store,
    "compare": compare_versions,
    "retire": retire_version,
    "speed": speed,
}


def command_line() -> typer.Typer:
    """Return the application, one command for each name."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(trainer)
    for name, command in _COMMANDS.items():
        app.command(name=name)(command)
    app.add_typer(data_commands(), name="data")
    return app


def trainer() -> None:
    """Train, evaluate and publish the model that Pulmo serves."""


def main() -> None:
    """Run the command line; what the operator can mend is one line on standard error and status 2."""
    try:
        command_line()(prog_name="trainer")
    except TrainerError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
