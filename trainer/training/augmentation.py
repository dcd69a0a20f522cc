"""Random changes to training images that a CT slice might show as well; Keras's layers, configured."""

import keras
from keras import layers

from trainer.config import Augmentation
from trainer.untyped import KerasLayer

_FLIPS = {"horizontal": "horizontal", "vertical": "vertical", "both": "horizontal_and_vertical"}
_GREYS = (0, 255)
_ERASED = (0.02, 0.33)
"""Least and greatest share of the image's area, as in the paper."""
_DEGREES = 360


def augmentation_layers(chosen: Augmentation) -> tuple[KerasLayer, ...]:
    """Return the layers that are asked for, each float32 `[N, H, W, C]` in 0 to 255 -> the same.

    What comes in from outside the picture is black, as air is.
    """
    turn, zoom = chosen.rotation / _DEGREES, chosen.zoom
    outside = {"fill_mode": "constant", "fill_value": 0.0}
    asked: tuple[tuple[bool, type[KerasLayer], tuple[object, ...], dict[str, object]], ...] = (
        (chosen.flip != "none", layers.RandomFlip, (_FLIPS.get(chosen.flip),), {}),
        (turn > 0, layers.RandomRotation, (turn,), outside),
        (chosen.shift > 0, layers.RandomTranslation, (chosen.shift, chosen.shift), outside),
        (zoom > 0, layers.RandomZoom, ((-zoom, zoom),), outside),
        (chosen.brightness > 0, layers.RandomBrightness, (chosen.brightness,), {"value_range": _GREYS}),
        (chosen.contrast > 0, layers.RandomContrast, (chosen.contrast,), {"value_range": _GREYS}),
        (chosen.erasing > 0, layers.RandomErasing, ((chosen.erasing,) * 2,), {"scale": _ERASED, "value_range": _GREYS}),
    )
    return tuple(layer(*arguments, **named) for wanted, layer, arguments, named in asked if wanted)


def seed_generators(layers_: tuple[KerasLayer, ...]) -> tuple[keras.random.SeedGenerator, ...]:
    """Return the generators that layers draw their random numbers from, those of nested models included."""
    found: list[keras.random.SeedGenerator] = []
    for layer in layers_:
        own = (getattr(layer, name, None) for name in ("generator", "seed_generator"))
        found.extend(generator for generator in own if isinstance(generator, keras.random.SeedGenerator))
        found.extend(seed_generators(tuple(getattr(layer, "layers", ()))))
    return tuple(found)
