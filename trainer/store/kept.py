"""What a version keeps beside its graph, in `assets.extra`; model servers read the warm-up records only."""

from pathlib import Path

import msgspec

from trainer.errors import RunError
from trainer.training.manifest import Manifest

EXTRA = "assets.extra"
MANIFEST, MODEL, PARITY = f"{EXTRA}/manifest.json", f"{EXTRA}/model.keras", f"{EXTRA}/parity.json"


def kept_manifest(version: Path) -> Manifest:
    """Return what `describe` answers, without loading the version.

    Raises:
        RunError: the version keeps none that can be read.
    """
    try:
        return Manifest.from_json((version / MANIFEST).read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise RunError(f"{version / MANIFEST} cannot be read: {error}; publish with `trainer publish`") from error


def kept_model(version: Path) -> Path:
    """Return the Keras model that the version was exported from.

    Raises:
        RunError: the version keeps none.
    """
    file = version / MODEL
    if not file.is_file():
        raise RunError(f"{version} keeps no Keras model to train on from; train anew with `trainer train`")
    return file
