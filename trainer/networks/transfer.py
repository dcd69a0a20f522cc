"""Networks from keras.applications, whose convolutions may bring weights that were trained on other images.

The backbone is a model within the network; its preprocessing is part of it. Where it brings weights, training first
leaves it as it is and fits the head alone, then all of it with small steps; its batch normalisations keep the
statistics that they came with.
"""

from collections.abc import Callable
from pathlib import Path

import keras
from keras import applications, layers

from trainer.errors import ConfigError
from trainer.untyped import KerasModel

_APPLICATIONS: dict[str, Callable[..., KerasModel]] = {
    "transfer": applications.MobileNetV3Large,
    "transfer-efficientnet": applications.EfficientNetV2B0,
}
"""The backbones' builders, by the network's name."""


def mobilenet(shape: tuple[int, int, int], classes: int) -> KerasModel:
    """Build MobileNetV3-Large (Howard et al. 2019) under a softmax; see `_under_head`."""
    return _under_head("transfer", shape, classes)


def efficientnet(shape: tuple[int, int, int], classes: int) -> KerasModel:
    """Build EfficientNetV2-B0 (Tan and Le 2021) under a softmax; see `_under_head`."""
    return _under_head("transfer-efficientnet", shape, classes)


def bring_weights(model: KerasModel, weights: str) -> None:
    """Load a backbone's weights.

    Args:
        model: one of this module's networks.
        weights: `none`, `imagenet` (downloaded by keras.applications), or a file of that library's weights without top.

    Raises:
        ConfigError: the weights cannot be had, or are another network's.
    """
    if weights == "none":
        return
    if model.name not in _APPLICATIONS:
        raise ConfigError(
            f"weights={weights} is refused: {model.name} takes none; choose --arch {' or '.join(_APPLICATIONS)}"
        )
    backbone = backbone_of(model)
    try:
        if weights == "imagenet":
            backbone.set_weights(_APPLICATIONS[model.name](include_top=False, weights="imagenet").get_weights())
        else:
            backbone.load_weights(Path(weights))
    except Exception as error:  # keras.utils.get_file raises plain Exception where a download fails
        raise ConfigError(
            f"the weights {weights} cannot be loaded into {model.name}: {error}; name a file of keras.applications' "
            "weights without top with --weights FILE, or start from --weights none"
        ) from error


def backbone_of(model: KerasModel) -> KerasModel:
    """Return the model within a network of this module."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def freeze(model: KerasModel) -> None:
    """Leave the backbone as it is: only the head learns."""
    backbone_of(model).trainable = False


def thaw(model: KerasModel) -> None:
    """Let the backbone learn, but for its batch normalisations."""
    backbone = backbone_of(model)
    backbone.trainable = True
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


def _under_head(name: str, shape: tuple[int, int, int], classes: int) -> KerasModel:
    """Put global average pooling, dropout and a softmax on a backbone without weights.

    Args:
        name: the architecture.
        shape: height, width and channels of the uint8 images; 3 channels.
        classes: how many.

    Returns:
        keras.Model: uint8 `[N, *shape]` -> float32 `[N, classes]`, rows sum to 1.
    """
    images = keras.Input(shape, dtype="uint8", name="images")
    backbone = _APPLICATIONS[name](include_top=False, weights=None, input_shape=shape, include_preprocessing=True)
    x = backbone(layers.Rescaling(1.0)(images))  # to float32; the backbone's own preprocessing wants 0 to 255
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x), name=name)
