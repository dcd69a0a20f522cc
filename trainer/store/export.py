"""Export: from a Keras model to a SavedModel that TensorFlow Serving answers with, described, warm and checked."""

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from gateway.imaging import ImageSpec
from trainer.errors import RunError
from trainer.store.checksums import write_checksums
from trainer.store.freezing import frozen
from trainer.store.kept import MODEL
from trainer.store.parity import check, write_parity
from trainer.store.publish import publish
from trainer.store.signatures import explain, of_images, serving_default
from trainer.store.warmup import write_warmup
from trainer.training.filesystem import system_errors
from trainer.training.manifest import Manifest
from trainer.training.runs import Run
from trainer.untyped import Function


def publish_run(run: Run, store: Path, model_name: str) -> Path:
    """Export a run as the next version of a store, and return the version's folder.

    Raises:
        ParityError: the written version does not answer as the model does; nothing was published.
        NetworkError: the model's answers cannot be explained.
        RunError: the store cannot be written.
    """

    def write(folder: Path) -> None:
        with system_errors():
            export(run, folder, model_name)

    return publish(store, write)


def export(run: Run, folder: Path, model_name: str) -> None:
    """Write a version into `folder`, check it by reading it back, and write down how close it came.

    Args:
        run: the model, its manifest, and the images that both must agree on.
        folder: empty, or not there yet.
        model_name: the name that the server serves it by; the warm-up records carry it.

    Raises:
        ParityError: the written version does not answer as the model does.
        NetworkError: the model's answers cannot be explained.
        RunError: the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} exists and is not an empty folder; name another one, or remove it")
    write_saved_model(folder, frozen_functions(run), run.manifest)
    extra = folder / "assets.extra"
    extra.mkdir()
    (extra / "manifest.json").write_bytes(run.manifest.to_json())
    run.model.save(folder / MODEL)
    write_warmup(extra / "tf_serving_warmup_requests", model_name, run.manifest.image)
    write_parity(folder, check(folder, run))
    write_checksums(folder)


def frozen_functions(run: Run) -> dict[str, Function]:
    """Return what a version answers about images, by signature, each frozen for itself.

    The weights are there twice, so that `serving_default` stays the graph that it would be alone: what `explain` wants
    to see of the feature maps would keep them from being fused.
    """
    arguments = run.model, run.manifest.temperature, run.manifest.image
    return {"serving_default": frozen(serving_default(*arguments)), "explain": frozen(explain(*arguments))}


def write_saved_model(folder: Path, functions: Mapping[str, Function], manifest: Manifest) -> None:
    """Write a SavedModel with a signature for each function, and `describe`.

    Args:
        folder: where to.
        functions: TensorFlow functions by signature, uint8 `[N, H, W, C]` -> tensors by name.
        manifest: what `describe` answers.
    """
    describe = tf.function(lambda: {"manifest": tf.constant(manifest.to_json())}, input_signature=[])
    save(folder, functions, manifest.image, describe=describe)


def save(folder: Path, functions: Mapping[str, Function], image: ImageSpec, **others: Function) -> None:
    """Write a SavedModel with a signature for each function of images, and for each of the `others`."""
    signatures = {name: of_images(function, image) for name, function in functions.items()} | others
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)
