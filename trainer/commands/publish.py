"""`trainer publish` and `trainer export`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from trainer.commands.options import (
    EvaluationOption,
    ForceOption,
    MarginOption,
    NameOption,
    RunOption,
    StoreOption,
)
from trainer.commands.tensorflow import import_tensorflow
from trainer.reporting.progress import Lines, Listener
from trainer.training.events import Checked, Judged, Published

if TYPE_CHECKING:
    from trainer.training.runs import Run
    from trainer.training.train import Trained

_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a command."""
MARGIN = 0.02
"""Of macro F1: about two images of a hundred, which chance moves from one training run to the next."""


def publish_run(
    run: RunOption,
    store: StoreOption,
    *,
    model_name: NameOption = None,
    data: EvaluationOption = None,
    margin: MarginOption = MARGIN,
    force: ForceOption = False,
) -> None:
    """Publish a run as the next version of a store, unless it is worse than the current version."""
    import_tensorflow()
    from trainer.training.runs import load_run  # noqa: PLC0415

    loaded = load_run(run)
    tell = Lines(Console())
    if not force:
        promote(loaded, store, tell, margin, data)
    publish_version(loaded, store, model_name, tell)


def export_run(
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    run: RunOption,
    *,
    model_name: NameOption = None,
) -> None:
    """Write a run as a SavedModel into a plain folder, checked as for publishing."""
    import_tensorflow()
    from trainer.store.export import export  # noqa: PLC0415
    from trainer.store.parity import read_parity  # noqa: PLC0415
    from trainer.training.runs import load_run  # noqa: PLC0415

    export(load_run(run), out, model_name or "lung")
    Console().print(f"exported to {out}", markup=False, highlight=False, soft_wrap=True)
    Lines(Console())(Checked(parity=read_parity(out)))


def conclude(trained: "Trained", store: Path | None, model_name: str | None, tell: Listener, *, force: bool) -> None:
    """Publish what a training made, if there is a store; after a signal, end as the signal would have it."""
    if trained.signal is not None:
        sys.exit(_SIGNALLED + trained.signal)
    if store is None:
        return
    if not force:
        promote(trained.run, store, tell)
    publish_version(trained.run, store, model_name, tell)


def promote(run: "Run", store: Path, tell: Listener, margin: float = MARGIN, data: Path | None = None) -> None:
    """Hold a run against the current version, if there is one, and tell what both scored.

    Raises:
        PromotionError: the run is worse by more than `margin`, or the two cannot be compared.
    """
    from trainer.evaluation.gate import check_promotion  # noqa: PLC0415

    verdict = check_promotion(run, store, margin, data)
    if verdict is not None:
        tell(Judged(**msgspec.structs.asdict(verdict)))


def publish_version(run: "Run", store: Path, model_name: str | None, tell: Listener) -> None:
    """Publish a run, and tell as what."""
    from trainer.store.export import publish_run as publish  # noqa: PLC0415
    from trainer.store.parity import read_parity  # noqa: PLC0415

    version = publish(run, store, model_name or store.resolve().name)
    tell(Published(version=int(version.name), store=str(version.parent)))
    tell(Checked(parity=read_parity(version)))
