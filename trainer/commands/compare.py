"""`trainer compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from trainer.commands.options import DataOption, StoreOption
from trainer.commands.tensorflow import import_tensorflow
from trainer.data.dataset import SplitName

if TYPE_CHECKING:
    from trainer.evaluation.compare import Comparison


def compare_versions(
    first: Annotated[int, typer.Argument(metavar="A", help="A version's number.")],
    second: Annotated[int, typer.Argument(metavar="B", help="Another one's.")],
    store: StoreOption,
    data: DataOption,
    *,
    split: Annotated[SplitName, typer.Option()] = "valid",
    limit: Annotated[int, typer.Option(min=0, help="Images that are named, of those answered differently.")] = 20,
    json: Annotated[Path | None, typer.Option(help="Write everything there as JSON.")] = None,
) -> None:
    """Ask two versions about the same images: accuracy, disagreement, and McNemar's exact test."""
    import_tensorflow()
    from trainer.evaluation.compare import compare  # noqa: PLC0415
    from trainer.reporting.console import say, warn_skipped  # noqa: PLC0415

    comparison, read = compare(store, (first, second), data, split)
    console = Console()
    warn_skipped(console, read.skipped, len(read.skipped) + len(read.paths))
    for line in lines(comparison, split, limit):
        say(console, line)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(comparison), indent=2) + b"\n")


def lines(comparison: "Comparison", split: str, limit: int) -> list[str]:
    """Say what came out: a line for each figure, and one for each of the first `limit` disagreements."""
    one, other = comparison.versions
    found = comparison.disagreements
    accuracies = " and ".join(
        f"{share:.3f} of version {number}"
        for share, number in zip(comparison.accuracy, comparison.versions, strict=True)
    )
    right = (
        f"only version {one} is right on {comparison.only_first_right}, only version {other} on "
        f"{comparison.only_second_right}; McNemar's exact test: p = {comparison.p_value:.3g}"
    )
    count = f"{len(found)} are answered differently" + (f", the first {limit}:" if len(found) > limit else "")
    named = (
        f"  {each.file}: {each.first} ({one}), {each.second} ({other}); it is {each.truth}" for each in found[:limit]
    )
    return [f"{split}, {comparison.images} images: accuracy {accuracies}", right, count, *named]
