"""The input pipeline: from decoded images to shuffled, augmented batches (tf.data).

Everything random in an epoch follows from the configuration's seed and the epoch's number alone: the order, the
augmentation, and dropout. So a training that was interrupted goes on as if it had not been.
"""

import numpy as np
import tensorflow as tf

from gateway.imaging import ImageSpec
from trainer.config import TrainingConfig
from trainer.data.dataset import Split
from trainer.training.augmentation import augmentation_layers, seed_generators
from trainer.untyped import KerasModel, Tensor

_AHEAD = 2
"""Batches that are made while the network is busy with another."""


class Batches:
    """The training images, in another order and other guises each epoch."""

    def __init__(self, split: Split, spec: ImageSpec, config: TrainingConfig, classes: int) -> None:
        self._split = split
        self._shape = spec.shape
        self._config = config
        self._classes = classes
        self._rows = len(split.targets) - len(split.targets) % max(len(config.devices), 1)
        self._augmentation = augmentation_layers(config.augmentation)
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def steps(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-self._rows // self._config.batch_size)

    def begin(self, epoch: int, model: KerasModel) -> None:
        """Set all that is random for an epoch, counted from 0."""
        self._epoch.assign(epoch)
        for place, generator in enumerate(seed_generators((*self._augmentation, model))):
            seed = np.random.SeedSequence((self._config.seed, epoch, place)).generate_state(1)[0]
            generator.state.assign([seed, 0])

    def dataset(self) -> tf.data.Dataset:
        """Return one epoch: uint8 `[B, H, W, C]` and one-hot float32 `[B, K]`; the epoch is the one that began last."""
        targets = tf.constant(self._split.targets)
        return (
            tf.data.Dataset.range(1)
            .flat_map(lambda _: tf.data.Dataset.from_tensor_slices(self._order()))
            .apply(tf.data.experimental.assert_cardinality(self._rows))
            .batch(self._config.batch_size)
            .map(lambda rows: (self._images(rows), tf.one_hot(tf.gather(targets, rows), self._classes)))
            .map(lambda images, truth: (self._augmented(images), truth))
            .prefetch(_AHEAD)
        )

    def _order(self) -> Tensor:
        rows = tf.range(len(self._split.targets), dtype=tf.int64)
        order = tf.random.experimental.stateless_shuffle(rows, seed=tf.stack([self._config.seed, self._epoch]))
        return order[: self._rows]  # several devices share each batch equally: the few left over wait for another epoch

    def _images(self, rows: Tensor) -> Tensor:
        """Take rows out of the array where it lies, in memory or on disk."""
        images = tf.numpy_function(lambda places: self._split.images[places], [rows], tf.uint8)
        images.set_shape((None, *self._shape))
        return images

    def _augmented(self, images: Tensor) -> Tensor:
        if not self._augmentation:
            return images
        changed = tf.cast(images, tf.float32)
        for layer in self._augmentation:
            changed = layer(changed, training=True)
        return tf.cast(tf.round(tf.clip_by_value(changed, 0, 255)), tf.uint8)


def class_weights(targets: np.ndarray[tuple[int], np.dtype[np.int64]], classes: int) -> dict[int, float]:
    """Return N / (K x images of the class) for each class, so that all classes count alike.

    Args:
        targets: int64 `[N]`.
        classes: K.
    """
    counts = np.bincount(targets, minlength=classes)
    return {place: float(len(targets) / (classes * max(count, 1))) for place, count in enumerate(counts.tolist())}
