"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.reporting.style import Style

DataOption = Annotated[Path, typer.Option("--data", help="Folder with train/<class>/, valid/<class>/, test/<class>/.")]
StoreOption = Annotated[Path, typer.Option("--store", help="The model's folder in the store, such as var/models/lung.")]
RunOption = Annotated[Path, typer.Option("--run", help="A folder that `trainer train --run` wrote.")]
NameOption = Annotated[
    str | None,
    typer.Option("--model-name", help="The name it is served by. [default: the store's folder name, or lung]"),
]
EvaluationOption = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Its valid split must show that the run is no worse. [default: the run's own data set]"
    ),
]
MarginOption = Annotated[
    float,
    typer.Option("--margin", min=0, max=1, help="How much lower its macro F1 may be than the current version's."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with keys of the configuration, see trainer/config.py.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key of the configuration, such as augmentation.rotation=10."),
]
ProgressOption = Annotated[
    Style,
    typer.Option("--progress", help="auto: a bar on a terminal, else lines; json: one event a line."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it although it is refused otherwise.")]
