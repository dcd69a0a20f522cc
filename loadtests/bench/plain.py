"""The plain export of a version's Keras model: what anybody would serve, for a fair comparison with peers.

    python -m loadtests.bench.plain var/models/lung/1 var/bench/plain

It writes OUT/model.keras and OUT/keras/1, made by `model.export`, for the peers, and OUT/lung/1 for our own service:
the same graph, unfrozen and unfolded, with pixels in as uint8 and with its manifest. No temperature is applied, since
no peer applies one. A process of its own, because TensorFlow is imported.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import keras
import msgspec
import tensorflow as tf

from trainer.store.kept import kept_manifest, kept_model
from trainer.store.warmup import write_warmup


def export(version: Path, out: Path) -> None:
    """Write both exports of the model that `version` keeps into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept_model(version), out / "model.keras")
    model = keras.models.load_model(out / "model.keras", compile=False)
    manifest = msgspec.structs.replace(kept_manifest(version), temperature=1.0, model_digest="")
    pixels = keras.InputSpec(dtype="float32", shape=(None, *manifest.image.shape), name="images")
    model.export(out / "keras" / "1", verbose=False, input_signature=[pixels])  # float32, 0 to 255: the peers' contract
    folder = out / "lung" / ".1.partial"
    archive = keras.export.ExportArchive()
    archive.track(model)  # its variables: a tf.Module would not save those of Keras 3
    archive.add_endpoint("serving_default", lambda images: _answer(model, images), [_images(manifest.image.shape)])
    archive.add_endpoint("describe", lambda: {"manifest": tf.constant(manifest.to_json())}, [])
    archive.write_out(str(folder), verbose=False)
    extra = folder / "assets.extra"
    extra.mkdir()
    (extra / "manifest.json").write_bytes(manifest.to_json())
    write_warmup(extra / "tf_serving_warmup_requests", "lung", manifest.image)
    folder.rename(out / "lung" / "1")


def _answer(model: Any, images: Any) -> dict[str, Any]:  # noqa: ANN401 - TensorFlow has no types
    return {"probabilities": model(tf.cast(images, tf.float32), training=False)}


def _images(shape: tuple[int, int, int]) -> Any:  # noqa: ANN401 - TensorFlow has no types
    return tf.TensorSpec([None, *shape], tf.uint8, name="images")


def main() -> None:
    """Export, and say where to."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.plain", description=__doc__)
    parser.add_argument("version", type=Path)
    parser.add_argument("out", type=Path, help="a new folder")
    arguments = parser.parse_args()
    export(arguments.version, arguments.out)
    sys.stdout.write(json.dumps({"keras": str(arguments.out / "model.keras")}) + "\n")


if __name__ == "__main__":
    main()
