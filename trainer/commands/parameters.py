"""`trainer parameters`."""

import sys
from typing import Annotated

import msgspec
import typer

from trainer.parameters import check_parameters, parameters_schema


def parameters(
    *,
    check: Annotated[bool, typer.Option("--check", help="Refuse what is wrong in the JSON on standard input.")] = False,
) -> None:
    """Print the JSON schema of what a service may let its clients set for a retraining.

    A gateway asks for it, and has the parameters of `POST /retrain` checked by --check before it starts anything.
    """
    if check:
        check_parameters(sys.stdin.buffer.read())
        return
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(parameters_schema())).decode() + "\n")
