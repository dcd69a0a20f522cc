"""Versions and runs that answer as a test wants them to: an image that they know gets the class that they were told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from trainer.data.dataset import Split
from trainer.store.export import write_saved_model
from trainer.store.publish import publish
from trainer.training.manifest import Manifest
from trainer.training.runs import Run
from trainer.untyped import Function


def answering(known: Split, answers: Sequence[int], classes: int) -> Function:
    """Return a function, uint8 `[N, H, W, C]` -> float32 `[N, K]`, that answers known image i with `answers[i]`."""
    images, table = tf.constant(known.images, tf.float32), tf.one_hot(answers, classes)

    def answer(seen: Function) -> Function:
        apart = tf.abs(tf.cast(seen, tf.float32)[:, tf.newaxis] - images[tf.newaxis])
        return tf.gather(table, tf.argmin(tf.reduce_sum(apart, axis=[2, 3, 4]), axis=1))

    return answer


def publish_oracle(store: Path, manifest: Manifest, known: Split, answers: Sequence[int]) -> Path:
    """Publish a version that knows the answers to some images; it cannot explain them, as none could at first."""

    def write(folder: Path) -> None:
        answer = answering(known, answers, len(manifest.labels))
        write_saved_model(folder, {"serving_default": lambda images: {"probabilities": answer(images)}}, manifest)
        (folder / "assets.extra").mkdir()
        (folder / "assets.extra" / "manifest.json").write_bytes(manifest.to_json())

    return publish(store, write)


def oracle_run(run: Run, known: Split, answers: Sequence[int]) -> Run:
    """Return a run whose model knows the answers to some images, otherwise the one that was given."""
    images = keras.Input(run.manifest.image.shape, dtype="uint8")
    probabilities = keras.layers.Lambda(
        answering(known, answers, len(run.manifest.labels)), output_shape=(len(run.manifest.labels),)
    )
    return replace(run, model=keras.Model(images, probabilities(images)))


def wrong(known: Split, *places: int) -> list[int]:
    """Return the right answers, but for the images at `places`, which get the next class."""
    shift = np.isin(np.arange(len(known.targets)), places)
    return [int(answer) for answer in (known.targets + shift) % (known.targets.max() + 1)]
