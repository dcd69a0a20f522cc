"""The network of the project that this one replaces."""

import keras
from keras import layers

from trainer.networks.normalisation import MOMENTUM
from trainer.untyped import KerasModel


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
        x = layers.BatchNormalization(momentum=MOMENTUM)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x), name="reference")
