"""What is served and posted: a published version and images, named by the user or made here."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.processes import PYTHON
from loadtests.images import Image, read_images

_TRAINING = ("--arch", "reference", "--epochs", "1", "--batch-size", "16")


class MaterialMissing(ValueError):
    """The store holds no version; the message says what to do."""


@dataclass(frozen=True)
class Material:
    """The same for all that is measured."""

    store: Path
    """The model's base path."""
    version: Path
    """Its newest version."""
    listing: Path
    """A folder of images, or a file with the path of one in each line."""
    images: list[Image]
    labels: list[str]
    """The classes, in the order of the model's outputs."""


def prepare(store: Path | None, images: Path | None, work: Path) -> Material:
    """Return the material: `store` and `images` where they are named, else the reference network, trained on phantoms.

    Raises:
        MaterialMissing: the store holds no version.
        ImagesMissing: there are no images in `images`.
    """
    phantoms = work / "phantoms"
    if (store is None or images is None) and not phantoms.is_dir():
        _run("trainer", "phantoms", str(phantoms), "--per-class", "60")
    if store is None:
        store = work / "models" / "lung"
        if not any(store.glob("[0-9]*")):
            sys.stderr.write("training the reference network on phantoms, once\n")
            folders = ["--data", phantoms, "--run", work / "run", "--publish", store]
            _run("trainer", "train", *map(str, folders), *_TRAINING)
    listing = images or phantoms / "valid"
    version = newest(store)
    manifest = json.loads((version / "assets.extra/manifest.json").read_bytes())
    return Material(store, version, listing, read_images(listing), manifest["labels"])


def newest(store: Path) -> Path:
    """Return the newest version below a base path.

    Raises:
        MaterialMissing: there is none.
    """
    versions = [path for path in store.glob("*") if path.name.isdecimal() and path.is_dir()]
    if not versions:
        raise MaterialMissing(f"{store} holds no version; name the folder of a model's versions with --store")
    return max(versions, key=lambda path: int(path.name))


def _run(module: str, *arguments: str) -> None:
    subprocess.run([PYTHON, "-m", module, *arguments], check=True, stdout=sys.stderr)  # noqa: S603 - our own commands
