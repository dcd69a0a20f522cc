"""The networks."""

import numpy as np
import pytest

from trainer.config import Architecture
from trainer.networks.registry import image_spec, plan


def test_the_reference_network_is_the_stated_one() -> None:
    """
    Three blocks of convolution, normalisation, ReLU and pooling; then dense, dropout and a softmax over the classes.
    """
    model = plan("reference").build((224, 224, 3), 4)
    block = ["Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D"]
    names = [type(layer).__name__ for layer in model.layers]
    convolutions = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    *_, hidden, dropout, output = model.layers

    assert names == ["InputLayer", "Rescaling", *block * 3, "Flatten", "Dense", "Dropout", "Dense"]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [(32, (3, 3)), (64, (3, 3)), (128, (3, 3))]
    assert [layer.pool_size for layer in model.layers if type(layer).__name__ == "MaxPooling2D"] == [(2, 2)] * 3
    assert (hidden.units, hidden.activation.__name__, dropout.rate) == (128, "relu", 0.5)
    assert (output.units, output.activation.__name__) == (4, "softmax")


@pytest.mark.parametrize(
    ("architecture", "mode", "size"), [("compact", "L", 128), ("reference", "RGB", 224)], ids=["compact", "reference"]
)
def test_each_network_has_its_kind_of_image(architecture: Architecture, mode: str, size: int) -> None:
    """
    The compact network takes grey images, which travel in a third of the bytes; a size may be asked for.
    """
    assert (image_spec(architecture, None).mode, image_spec(architecture, None).width) == (mode, size)
    assert image_spec(architecture, 64).shape == (64, 64, 1 if mode == "L" else 3)


def test_the_compact_network_takes_bytes_and_answers_probabilities() -> None:
    """
    Rescaling is inside: uint8 images go in, rows that sum to 1 come out, and augmentation is off outside training.
    """
    model = plan("compact").build((32, 32, 1), 3)
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 1), np.uint8)

    first, second = (np.asarray(model(images, training=False)) for _ in range(2))

    assert model.inputs[0].dtype == "uint8"
    assert first.shape == (5, 3)
    assert np.allclose(first.sum(axis=1), 1)
    assert np.array_equal(first, second)
