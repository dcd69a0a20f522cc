"""The default network."""

import keras
from keras import layers

from trainer.networks.normalisation import MOMENTUM
from trainer.untyped import KerasModel, KerasTensor


def compact(shape: tuple[int, int, int], classes: int) -> KerasModel:
    """Build a small residual network (He et al. 2016) with global average pooling.

    Args:
        shape: height, width and channels of the uint8 images.
        classes: how many.

    Returns:
        keras.Model: uint8 `[N, *shape]` -> float32 `[N, classes]`, rows sum to 1.
    """
    images = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1 / 255)(images)
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
    return layers.BatchNormalization(momentum=MOMENTUM)(x)
