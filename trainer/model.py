"""The networks. Each takes uint8 images as they are decoded, and rescales them inside."""

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import layers

from gateway.imaging import ImageSpec, Mode
from trainer.config import Architecture
from trainer.untyped import KerasModel, KerasTensor

_MOMENTUM = 0.9
"""Of the batch normalisation's running means. Keras's 0.99 needs several hundred steps, more than a small set has."""


class Plan(NamedTuple):
    """How an architecture is built, and the images it likes."""

    build: Callable[[tuple[int, int, int], int], KerasModel]
    mode: Mode
    size: int
    """Height and width in pixels, unless the operator says else."""


def plan(architecture: Architecture) -> Plan:
    """Return the plan of an architecture: the one list of them."""
    plans: dict[Architecture, Plan] = {
        "compact": Plan(compact, "L", 128),
        "reference": Plan(reference, "RGB", 224),
    }
    return plans[architecture]


def image_spec(architecture: Architecture, size: int | None) -> ImageSpec:
    """Return the array that an architecture takes, `size` x `size` pixels or as it likes them."""
    chosen = plan(architecture)
    side = size or chosen.size
    return ImageSpec(mode=chosen.mode, height=side, width=side, resample="bilinear")


def reference(shape: tuple[int, int, int], classes: int) -> KerasModel:
    """Build the usual three-block convolutional network.

    Args:
        shape: height, width and channels of the uint8 images.
        classes: how many.

    Returns:
        keras.Model: uint8 `[N, *shape]` -> float32 `[N, classes]`, rows sum to 1.
    """
    images = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
    for filters in (32, 64, 128):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)  # the normalisation has a bias
        x = layers.BatchNormalization(momentum=_MOMENTUM)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x), name="reference")


def compact(shape: tuple[int, int, int], classes: int) -> KerasModel:
    """Build a small residual network (He et al. 2016) with global average pooling, and light augmentation in training.

    Args:
        shape: height, width and channels of the uint8 images.
        classes: how many.

    Returns:
        keras.Model: uint8 `[N, *shape]` -> float32 `[N, classes]`, rows sum to 1.
    """
    images = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.RandomTranslation(0.06, 0.06, fill_mode="constant")(x)
    x = layers.ReLU()(_normalised(layers.Conv2D(16, 5, strides=2, padding="same", use_bias=False)(x)))
    for filters in (16, 32, 64, 128):
        x = _residual(x, filters)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x), name="compact")


def _residual(x: KerasTensor, filters: int) -> KerasTensor:
    """Add one block of two 3x3 convolutions around a shortcut; the first halves height and width."""
    shortcut = _normalised(layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(x))
    y = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
    y = layers.ReLU()(_normalised(y))
    y = _normalised(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
    return layers.ReLU()(layers.Add()([shortcut, y]))


def _normalised(x: KerasTensor) -> KerasTensor:
    return layers.BatchNormalization(momentum=_MOMENTUM)(x)
