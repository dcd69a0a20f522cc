"""Trains a first model on drawn images where the model store is empty, so that a fresh clone can predict."""

import shutil
import subprocess
import sys

from deploy.local.layout import Layout, LayoutError

_EPOCHS = "16"  # enough for drawings; the trainer's default is made for real images


def ensure_model(layout: Layout) -> None:
    """Publish version 1 if the store has no version. Takes about a minute; the trainer shows how far it is.

    Raises:
        LayoutError: the trainer failed; it has said why.
    """
    if has_version(layout):
        return
    sys.stdout.write("The model store is empty. Drawing phantom CT images and training a first model on them;\n")
    sys.stdout.write("it proves that everything works, and says nothing about real images.\n")
    sys.stdout.flush()
    shutil.rmtree(layout.phantoms, ignore_errors=True)  # of a first run that was interrupted
    _trainer("phantoms", str(layout.phantoms))
    _trainer("train", "--data", str(layout.phantoms), "--epochs", _EPOCHS, "--publish", str(layout.store))


def has_version(layout: Layout) -> bool:
    """Say whether the store holds a published version: a folder whose name is a number."""
    return layout.store.is_dir() and any(entry.name.isdecimal() for entry in layout.store.iterdir())


def _trainer(*arguments: str) -> None:
    command = [sys.executable, "-m", "trainer", *arguments]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - our own program
    if status != 0:
        raise LayoutError(f"`trainer {' '.join(arguments)}` ended with {status}; see its message above")
