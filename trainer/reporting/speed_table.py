"""How fast the architectures answer: a table on a terminal, lines elsewhere, JSON with the machine's facts."""

from datetime import UTC, datetime

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from trainer.evaluation.speed import Speed, Speeds
from trainer.processor import Processor
from trainer.reporting.console import say


class SpeedReport(Speeds, frozen=True, kw_only=True):
    """The figures, and what they depend on."""

    processor: str
    cores: int
    tensorflow: str
    measured_at: datetime
    """UTC, whole seconds."""
    rounds: int
    seconds: float
    """Of each measurement."""


def report(speeds: Speeds, processor: Processor, tensorflow: str, rounds: int, seconds: float) -> SpeedReport:
    """Put the figures together with the machine and the method."""
    return SpeedReport(
        **msgspec.structs.asdict(speeds),
        processor=processor.name,
        cores=processor.cores,
        tensorflow=tensorflow,
        measured_at=datetime.now(UTC).replace(microsecond=0),
        rounds=rounds,
        seconds=seconds,
    )


def show(console: Console, made: SpeedReport) -> None:
    """Print everything."""
    say(
        console,
        f"images/s, median (lowest to highest) of {made.rounds} rounds of {made.seconds:g} s; {made.processor}, "
        f"{made.cores} cores, TensorFlow {made.tensorflow}, {made.measured_at:%Y-%m-%d}",
    )
    if console.is_terminal:
        console.print(_table(made.speeds))
    else:
        for one in made.speeds:
            say(console, f"{one.architecture} {one.image}, {one.precision}, batch {one.batch}: {_figure(one)}")
    for reason in made.missing:
        say(console, f"not measured: {reason}")


def _table(speeds: tuple[Speed, ...]) -> Table:
    """A row for each architecture and batch size, a column for each precision."""
    precisions = list(dict.fromkeys(one.precision for one in speeds))
    table = Table("architecture", "image", "batch", *precisions, box=box.SIMPLE_HEAD)
    rows: dict[tuple[str, str, int], dict[str, str]] = {}
    for one in speeds:
        rows.setdefault((one.architecture, one.image, one.batch), {})[one.precision] = _figure(one)
    for (architecture, image, batch), figures in sorted(rows.items()):
        table.add_row(architecture, image, str(batch), *(figures.get(name, "") for name in precisions))
    return table


def _figure(one: Speed) -> str:
    return f"{one.median:.0f} ({one.lowest:.0f} to {one.highest:.0f})"
