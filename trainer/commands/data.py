"""`trainer data check` and `trainer data fetch`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trainer.errors import DataError


def data_commands() -> typer.Typer:
    """Return the commands about data sets."""
    app = typer.Typer(no_args_is_help=True, help="Check a data set, or fetch the public one.")
    app.command(name="check")(check)
    app.command(name="fetch")(fetch)
    return app


def check(
    data: Annotated[Path, typer.Argument(help="Folder with train/<class>/, valid/<class>/, test/<class>/.")],
    out: Annotated[
        Path | None, typer.Option(help="Write report.json, classes.png and contact_sheet.png into this folder.")
    ] = None,
) -> None:
    """Say what a data set holds, and what is wrong with it; leakage and skipped files are warnings."""
    from trainer.data.audit import audit  # noqa: PLC0415 - each command imports what it needs
    from trainer.data.survey import survey  # noqa: PLC0415
    from trainer.reporting.audit_lines import show  # noqa: PLC0415

    found = survey(data)
    judged = audit(found)
    show(Console(), judged)
    if out is not None:
        from trainer.reporting.audit_files import write  # noqa: PLC0415

        write(out, found, judged)
    if judged.errors:
        rest = f" (and {len(judged.errors) - 1} more problems)" if len(judged.errors) > 1 else ""
        raise DataError(f"{judged.errors[0]}{rest}")


def fetch(out: Annotated[Path, typer.Argument(help="Where train/, valid/ and test/ are put.")] = Path("data")) -> None:
    """Bring the public data set from Kaggle, with kagglehub where it is installed."""
    from trainer.data.fetch import fetch as fetch_public  # noqa: PLC0415

    count = fetch_public(out)
    Console().print(f"put {count} files into {out}", markup=False, highlight=False, soft_wrap=True)
