"""Export: from a Keras model to a SavedModel that TensorFlow Serving answers with, described, warm and checked.

The model's variables become constants and the graph is folded (batch normalisation goes into the convolutions), because
that serves faster; the figures are in ARCHITECTURE.md.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.grappler import tf_optimizer

from trainer.errors import ParityError, RunError
from trainer.networks.predict import predict_model
from trainer.store.kept import MODEL
from trainer.store.publish import publish
from trainer.store.saved_model import load_version, predict_version, read_manifest
from trainer.store.warmup import replay_warmup, write_warmup
from trainer.training.manifest import Manifest
from trainer.training.runs import Run
from trainer.untyped import Function, Tensor

TOLERANCE = 1e-3
"""How far a probability on disk may be from the one in memory: folding and fusing change the order of the sums."""


def publish_run(run: Run, store: Path, model_name: str) -> Path:
    """Export a run as the next version of a store, and return the version's folder.

    Raises:
        ParityError: the written version does not answer as the model does; nothing was published.
        RunError: the store cannot be written.
    """

    def write(folder: Path) -> None:
        with system_errors():
            export(run, folder, model_name)

    return publish(store, write)


@contextmanager
def system_errors() -> Iterator[None]:
    """Raise the OSError for a full disk where TensorFlow, whose file system has errors of its own, met one."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        reason = os.strerror(errno.ENOSPC)
        if reason not in error.message:
            raise  # memory, for example
        raise OSError(errno.ENOSPC, reason) from error


def export(run: Run, folder: Path, model_name: str) -> None:
    """Write a version into `folder` and check it by reading it back.

    Args:
        run: the model, its manifest, and the images that both must agree on.
        folder: empty, or not there yet.
        model_name: the name that the server serves it by; the warm-up records carry it.

    Raises:
        ParityError: the written version does not answer as the model does.
        RunError: the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} exists and is not an empty folder; name another one, or remove it")
    write_saved_model(folder, frozen(run), run.manifest)
    extra = folder / "assets.extra"
    extra.mkdir()
    (extra / "manifest.json").write_bytes(run.manifest.to_json())
    run.model.save(folder / MODEL)
    write_warmup(extra / "tf_serving_warmup_requests", model_name, run.manifest.image)
    check(folder, run)


def check(folder: Path, run: Run) -> None:
    """Read a version back from disk and compare it with the run that it was written from.

    Raises:
        ParityError: an answer differs, or the manifest does, or a warm-up record cannot be replayed.
    """
    loaded = load_version(folder)
    if read_manifest(loaded) != run.manifest:
        raise ParityError(f"{folder} describes itself with another manifest than the one it was written from")
    expected = calibrated(predict_model(run.model, run.sample), run.manifest.temperature)
    compare(predict_version(loaded, run.sample), np.asarray(expected))
    replay_warmup(folder / "assets.extra" / "tf_serving_warmup_requests", loaded)


def compare(written: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Compare a version's answers with the model's, both float32 `[N, K]`.

    Raises:
        ParityError: a row has another top class, or a probability is further off than `TOLERANCE`.
    """
    if written.shape != expected.shape:
        raise ParityError(f"the version answers with shape {written.shape}, the model with {expected.shape}")
    furthest = float(np.abs(written - expected).max())
    others = int((written.argmax(axis=1) != expected.argmax(axis=1)).sum())
    if others or not furthest <= TOLERANCE:
        raise ParityError(
            f"the written version is not the model: {others} of {len(expected)} images get another class, and "
            f"probabilities differ by up to {furthest:.2g}; the limit is {TOLERANCE:g}. Nothing was published"
        )


def calibrated(probabilities: Tensor, temperature: float) -> Tensor:
    """Divide the logits by the temperature (Guo et al. 2017), float32 `[N, K]` -> float32 `[N, K]`.

    A softmax is the same for logits and for the logarithms of its own output, which differ by a constant in each row.
    """
    if temperature == 1:
        return tf.identity(probabilities)
    return tf.nn.softmax(tf.math.log(tf.maximum(probabilities, np.finfo(np.float32).tiny)) / temperature)


def write_saved_model(folder: Path, serve: Function, manifest: Manifest) -> None:
    """Write a SavedModel with the signatures `serving_default` and `describe`.

    Args:
        folder: where to.
        serve: a TensorFlow function, uint8 `[N, H, W, C]` -> float32 `[N, K]`.
        manifest: what `describe` answers.
    """
    module = tf.Module()
    module.serve = tf.function(
        lambda images: {"probabilities": serve(images)},
        input_signature=[tf.TensorSpec([None, *manifest.image.shape], tf.uint8, name="images")],
    )
    module.describe = tf.function(lambda: {"manifest": tf.constant(manifest.to_json())}, input_signature=[])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve, "describe": module.describe})


def plain(run: Run) -> Function:
    """Return the run's model, temperature included, as a function that still has variables.

    Returns:
        ConcreteFunction: uint8 `[N, H, W, C]` -> float32 `[N, K]`.
    """
    return tf.function(
        lambda images: calibrated(run.model(images, training=False), run.manifest.temperature),
        input_signature=[tf.TensorSpec([None, *run.manifest.image.shape], tf.uint8, name="images")],
    ).get_concrete_function()


def frozen(run: Run) -> Function:
    """Return the same function with constants for variables, folded."""
    constants = convert_variables_to_constants_v2(plain(run))
    inputs, outputs = [t.name for t in constants.inputs], [t.name for t in constants.outputs]
    graph_def = _folded(constants)
    imported = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph_def, name=""), [])
    pruned = imported.prune(inputs, outputs)
    return lambda images: pruned(images)[0]


def _folded(function: Function) -> GraphDef:
    """Fold constants with Grappler. Fusing is left to the server, whose processor decides what it gains."""
    meta_graph = tf.compat.v1.train.export_meta_graph(graph_def=function.graph.as_graph_def(), graph=function.graph)
    fetches = meta_graph.collection_def["train_op"].node_list.value
    fetches.extend(t.name for t in (*function.inputs, *function.outputs))
    config = tf.compat.v1.ConfigProto()
    rewrites = config.graph_options.rewrite_options
    rewrites.optimizers.extend(["constfold", "arithmetic", "dependency", "constfold"])
    rewrites.min_graph_nodes = -1  # small graphs too
    return tf_optimizer.OptimizeGraph(config, meta_graph)
