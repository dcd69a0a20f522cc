"""`trainer retrain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trainer.commands.options import ConfigOption, ForceOption, NameOption, ProgressOption, SetOption, StoreOption
from trainer.commands.publish import conclude
from trainer.commands.run_folder import new_run_folder
from trainer.commands.tensorflow import import_tensorflow
from trainer.reporting.progress import announced, listener
from trainer.settings import read_config
from trainer.training.retraining import retraining

if TYPE_CHECKING:
    from trainer.config import TrainingConfig


def retrain(  # noqa: PLR0913 - one parameter for each option
    store: StoreOption,
    *,
    data: Annotated[
        Path | None, typer.Option(help="Folder with train/, valid/. [default: what the version was trained on]")
    ] = None,
    add: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="More images, <FOLDER>/<class>/; may be repeated.")
    ] = None,
    version: Annotated[int | None, typer.Option(help="The version to start from. [default: the newest]")] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    run: Annotated[Path | None, typer.Option(help="Where the run is written. [default: var/runs/<time>]")] = None,
    model_name: NameOption = None,
    progress: ProgressOption = "auto",
    force: ForceOption = False,
) -> None:
    """Train on from a version's weights, with images that were added, and publish the outcome as the next version.

    The same gates hold as for `trainer publish`: an outcome that is worse than the current version is not published.
    """
    with listener(progress, Console()) as tell, announced(tell):
        import_tensorflow()
        from trainer.training import train as training  # noqa: PLC0415

        base = _base(store, version, data, add or [])
        trained = training.train(read_config(config, {}, set_ or [], base), run or new_run_folder(), tell)
        conclude(trained, store, model_name, tell, force=force)


def _base(store: Path, version: int | None, data: Path | None, additions: list[Path]) -> "TrainingConfig":
    from trainer.store.kept import kept_manifest, kept_model  # noqa: PLC0415
    from trainer.store.versions import find_version  # noqa: PLC0415

    folder = find_version(store, version)
    trained = kept_manifest(folder).config
    return retraining(trained, kept_model(folder), str(data) if data else None, tuple(map(str, additions)))
