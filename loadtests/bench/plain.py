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
    model.export(out / "keras" / "1", verbose=False)
    manifest = msgspec.structs.replace(kept_manifest(version), temperature=1.0, model_digest="")
    folder = out / "lung" / ".1.partial"
    module = tf.Module()
    module.model = model
    images = tf.TensorSpec([None, *manifest.image.shape], tf.uint8, name="images")
    signatures = {
        "serving_default": tf.function(
            lambda images: {"probabilities": model(tf.cast(images, tf.float32), training=False)},
            input_signature=[images],
        ),
        "describe": tf.function(lambda: {"manifest": tf.constant(manifest.to_json())}, input_signature=[]),
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    extra = folder / "assets.extra"
    extra.mkdir()
    (extra / "manifest.json").write_bytes(manifest.to_json())
    write_warmup(extra / "tf_serving_warmup_requests", "lung", manifest.image)
    folder.rename(out / "lung" / "1")


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
