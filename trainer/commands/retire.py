"""`trainer retire`."""

from typing import Annotated

import typer

from trainer.commands.options import ForceOption, StoreOption


def retire_version(
    number: Annotated[int, typer.Argument(metavar="N", help="The version's number.")],
    store: StoreOption,
    *,
    force: ForceOption = False,
) -> None:
    """Take a version out of a store; when it is the newest, the server goes back to the one before.

    Its number is never used again.
    """
    from trainer.store.versions import retire, versions  # noqa: PLC0415

    retire(store, number, force=force)
    left = versions(store)
    typer.echo(f"retired version {number}; " + (f"{left[-1]} is the newest now" if left else f"{store} is empty"))
