"""What the experiments share: a command line, and two ways to hold images out.

`--hold-out patients` keeps all images of a patient in one fold, by `patients.csv`: the figures tell of patients that
were not seen. `--hold-out look-alikes` keeps copies together only: the other folds hold other slices of the same
patients, and the figures tell how well patients are recognised.

The public set names no patients. `patients.csv` was put together from file names, where `000NNN (k).png` seems to be
slice NNN of series k, and from looking at the pictures; it is as good as that.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from trainer.commands.crossvalidate import crossvalidate

PATIENTS = Path(__file__).with_name("patients.csv")

HoldOut = Literal["patients", "look-alikes"]


def measure(configuration: Mapping[str, object]) -> None:
    """Cross-validate a configuration, by its dotted keys, as the command line says."""
    pairs = [f"{key}={value}" for key, value in configuration.items()]

    def experiment(
        data: Annotated[Path, typer.Option(help="The public data set.")],
        hold_out: Annotated[HoldOut, typer.Option()] = "patients",
        json: Annotated[Path | None, typer.Option(help="Write the findings there as JSON.")] = None,
    ) -> None:
        table = PATIENTS if hold_out == "patients" else None
        crossvalidate(data, groups=table, set_=pairs, progress="plain", json=json)

    typer.run(experiment)
