"""`trainer crossvalidate`."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from trainer.commands.options import ConfigOption, DataOption, ProgressOption, SetOption
from trainer.commands.tensorflow import import_tensorflow
from trainer.data.folds import deal, members
from trainer.reporting.console import say, show_crossvalidation
from trainer.reporting.progress import announced, listener
from trainer.settings import read_config


def crossvalidate(
    data: DataOption,
    *,
    folds: Annotated[int, typer.Option(min=3, help="Each is held out once.")] = 4,
    groups: Annotated[
        Path | None, typer.Option(help="CSV with path and group, such as a patient. [default: look-alikes]")
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    progress: ProgressOption = "auto",
    json: Annotated[Path | None, typer.Option(help="Write the findings there as JSON.")] = None,
) -> None:
    """Measure a configuration on train and valid by cross-validation that keeps images of a group together.

    The test split is left alone.
    """
    chosen = read_config(config, {"data": str(data)}, set_ or [])
    images = members(data, groups)
    dealt = deal(images, folds, chosen.seed)
    console = Console(stderr=progress == "json")
    started = time.monotonic()
    with listener(progress, Console()) as tell, announced(tell), tempfile.TemporaryDirectory() as work:
        import_tensorflow()
        from trainer.evaluation.crossvalidation import cross_validate, judge  # noqa: PLC0415

        answers = cross_validate(chosen, images, dealt, Path(work), tell)
    found = judge(chosen, images, answers, time.monotonic() - started)
    show_crossvalidation(console, found)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        say(console, f"the findings are in {json}")
