"""`trainer speed`."""

from pathlib import Path
from typing import Annotated, get_args

import msgspec
import typer
from rich.console import Console

from trainer.commands.tensorflow import import_tensorflow
from trainer.config import Architecture
from trainer.errors import RunError


def speed(
    arch: Annotated[list[str] | None, typer.Option(help="Repeatable; all unless said.")] = None,
    batch: Annotated[
        list[int] | None, typer.Option(min=1, help="Images per call; repeatable; 1 and 32 unless said.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured, in turn.")] = 5,
    seconds: Annotated[float, typer.Option(min=0, help="How long, each time.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write everything there as JSON.")] = None,
) -> None:
    """Measure images/s of each architecture, frozen, in float32 and bfloat16, as the model server would ask it."""
    chosen = architectures(arch)
    import_tensorflow()
    import tensorflow as tf  # noqa: PLC0415 - each command imports what it needs

    from trainer.evaluation.speed import measure  # noqa: PLC0415
    from trainer.processor import read_processor  # noqa: PLC0415
    from trainer.reporting.speed_table import report, show  # noqa: PLC0415

    processor, console = read_processor(), Console()
    with console.status(f"round 0 of {rounds}", refresh_per_second=1) as status:
        speeds = measure(
            chosen,
            batch or [1, 32],
            processor,
            rounds,
            seconds,
            lambda number: status.update(f"round {number} of {rounds}"),
        )
    made = report(speeds, processor, tf.__version__, rounds, seconds)
    show(console, made)
    if json is not None:
        try:
            json.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
        except OSError as error:
            raise RunError(f"{json} cannot be written: {error.strerror}; name another file with --json") from error


def architectures(names: list[str] | None) -> list[Architecture]:
    """Return the architectures of these names, all of them if there is none.

    Raises:
        typer.BadParameter: there is none of a name.
    """
    known: tuple[Architecture, ...] = get_args(Architecture)
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"there is no architecture {unknown[0]}; there are {', '.join(known)}")
    return [name for name in known if not names or name in names]
