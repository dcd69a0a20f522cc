"""Grad-CAM: where a network looked."""

from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from gateway.imaging import ImageSpec
from trainer.config import Architecture
from trainer.errors import NetworkError
from trainer.networks.registry import plan
from trainer.store.signatures import explain
from trainer.untyped import KerasModel, KerasTensor

SIZE = 16
SPEC = ImageSpec("L", SIZE, SIZE, "bilinear")


def left_or_right(*, nested: bool = False, head: str = "softmax") -> KerasModel:
    """Return a network of two classes: the left half of an image is brighter, or the right half is.

    Its four feature maps show the image, each in one half; the left ones speak for the first class.
    """
    pixels = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    scaled = layers.Rescaling(1 / 255)(pixels)
    halves = backbone()(scaled) if nested else halved(scaled)
    x = layers.GlobalAveragePooling2D()(halves)
    dense = layers.Dense(2, activation=head, kernel_initializer=keras.initializers.Constant([[9, -9], [-9, 9]]))
    return keras.Model(pixels, dense(x))


def halved(x: KerasTensor) -> KerasTensor:
    """Split grey maps, float32 `[N, H, W, 1]`, into one of the left and one of the right half, at half the size."""
    small = layers.AveragePooling2D(2)(x)
    half = SIZE // 4
    left = layers.ZeroPadding2D(((0, 0), (0, half)))(layers.Cropping2D(((0, 0), (0, half)))(small))
    right = layers.ZeroPadding2D(((0, 0), (half, 0)))(layers.Cropping2D(((0, 0), (half, 0)))(small))
    return layers.Concatenate()([left, right])


def backbone(*, pooled: bool = False) -> KerasModel:
    """Return the same as a model to be nested, as those of keras.applications are."""
    inputs = keras.Input((SIZE, SIZE, 1))
    halves = halved(inputs)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(halves) if pooled else halves, name="backbone")


def bright(rows: slice, columns: slice) -> NDArray[np.uint8]:
    """Return a black image with a white patch, uint8 `[1, SIZE, SIZE, 1]`."""
    image = np.zeros((1, SIZE, SIZE, 1), np.uint8)
    image[:, rows, columns] = 255
    return image


def heat(model: KerasModel, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    answer = explain(model, 1.0, SPEC)(tf.constant(images))
    return answer["heatmaps"].numpy(), answer["probabilities"].numpy()


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_the_heat_is_where_the_answer_comes_from(nested: bool) -> None:  # noqa: FBT001
    """
    Two patches; the class of the larger one is answered, and the heat lies on that patch and nowhere else, although the
    other patch is as bright: it speaks for the other class. A nested backbone makes no difference.
    """
    images = bright(slice(0, 4), slice(0, 4)) | bright(slice(8, 16), slice(10, 14))
    maps, probabilities = heat(left_or_right(nested=nested), images)

    assert maps.dtype == np.float32
    assert maps.shape == (1, SIZE, SIZE)
    assert probabilities.argmax(axis=1).tolist() == [1]
    assert maps[0, 9:15, 11:13].min() == maps.max() == 1
    assert maps[0, :, :8].max() == maps[0, :6].max() == maps.min() == 0


def test_maps_inside_a_nested_model_are_found() -> None:
    """
    A backbone that pools by itself hides its feature maps from the model around it; the heat is the same.
    """
    pixels = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    pooled = backbone(pooled=True)(layers.Rescaling(1 / 255)(pixels))
    weights = keras.initializers.Constant([[9, -9], [-9, 9]])
    hidden = keras.Model(pixels, layers.Dense(2, activation="softmax", kernel_initializer=weights)(pooled))
    images = bright(slice(2, 6), slice(2, 6))

    assert np.array_equal(heat(hidden, images)[0], heat(left_or_right(), images)[0])


def test_an_activation_with_a_gradient_of_its_own_is_passed() -> None:
    """
    TensorFlow computes silu, which EfficientNet ends with, by an operation that has a side output of the same shape.
    """
    pixels = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = layers.Activation("silu")(halved(layers.Rescaling(1 / 255)(pixels)))
    weights = keras.initializers.Constant([[9, -9], [-9, 9]])
    dense = layers.Dense(2, activation="softmax", kernel_initializer=weights)
    images = bright(slice(2, 6), slice(2, 6))

    activated = keras.Model(pixels, dense(layers.GlobalAveragePooling2D()(x)))
    assert np.allclose(heat(activated, images)[0], heat(left_or_right(), images)[0], atol=1e-6)


def test_maps_of_one_pixel_show_no_place() -> None:
    """
    A head may keep its pooled features as maps of one pixel, as MobileNetV3's does; the maps before them are shown.
    """
    pixels = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(halved(layers.Rescaling(1 / 255)(pixels)))
    kernel = keras.initializers.Constant([[[[9, -9], [-9, 9]]]])
    scores = layers.Flatten()(layers.Conv2D(2, 1, kernel_initializer=kernel)(pooled))
    images = bright(slice(2, 6), slice(2, 6))

    headed = keras.Model(pixels, layers.Softmax()(scores))
    assert np.allclose(heat(headed, images)[0], heat(left_or_right(), images)[0], atol=1e-6)


def test_each_image_has_its_own_class_and_its_own_maximum() -> None:
    """
    In a batch, every image is explained for its own answer and on its own scale, as it is alone.
    """
    faint = bright(slice(2, 6), slice(2, 6)) // 8
    images = np.concatenate([faint, bright(slice(2, 6), slice(10, 14))])
    maps, probabilities = heat(left_or_right(), images)

    assert probabilities.argmax(axis=1).tolist() == [0, 1]
    assert maps.max(axis=(1, 2)).tolist() == [1, 1]
    assert all(np.allclose(heat(left_or_right(), images[i : i + 1])[0][0], maps[i], atol=1e-6) for i in range(2))


def test_where_nothing_speaks_for_the_class_the_map_is_zero() -> None:
    """
    A black image is answered with some class, but there is no place to show; nothing is divided by zero.
    """
    maps, _ = heat(left_or_right(), np.zeros((2, SIZE, SIZE, 1), np.uint8))

    assert np.array_equal(maps, np.zeros((2, SIZE, SIZE)))


def test_rounding_is_not_heat() -> None:
    """
    Two feature maps that speak for and against the class alike leave a sum that is rounding; divided by its maximum it
    would look like an explanation. The image beside it in the batch, which has one, keeps it.
    """
    pixels = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    kernel = keras.initializers.Constant([[[[1, 1.00001, 0], [0, 0, 1]]]])
    x = layers.Conv2D(3, 1, kernel_initializer=kernel)(halved(layers.Rescaling(1 / 255)(pixels)))
    weights = keras.initializers.Constant([[9, -9], [-9, 9], [-9, 9]])
    dense = layers.Dense(2, activation="softmax", kernel_initializer=weights)
    images = np.concatenate([bright(slice(0, 16), slice(0, 8)), bright(slice(0, 16), slice(8, 16))])
    maps, probabilities = heat(keras.Model(pixels, dense(layers.GlobalAveragePooling2D()(x))), images)

    assert probabilities.argmax(axis=1).tolist() == [1, 1]
    assert maps.max(axis=(1, 2)).tolist() == [0, 1]


def test_a_certain_answer_is_explained_too() -> None:
    """
    Where the probability is 1 its gradient is 0; the logit's is not, and the map is that of any other answer.
    """
    images = bright(slice(0, 16), slice(0, 8))
    sure = left_or_right()
    sure.layers[-1].set_weights([1000 * weight for weight in sure.layers[-1].get_weights()])
    maps, probabilities = heat(sure, images)

    assert probabilities[0, 0] == 1
    assert np.array_equal(maps, heat(left_or_right(), images)[0])
    assert maps.max() == 1


def test_a_network_without_a_softmax_is_explained_by_its_probabilities() -> None:
    """
    The logarithm of the probability stands in for the logit.
    """
    images = bright(slice(2, 6), slice(2, 6))
    maps, _ = heat(left_or_right(head="sigmoid"), images)

    assert np.allclose(maps, heat(left_or_right(), images)[0], atol=1e-6)


@pytest.mark.parametrize("architecture", get_args(Architecture))
def test_every_architecture_can_be_explained(architecture: Architecture) -> None:
    """
    A network that cannot would fail when it is published, after hours of training.
    """
    wanted = plan(architecture)
    spec = ImageSpec(wanted.mode, 32, 32, "bilinear")
    images = np.random.default_rng(0).integers(0, 256, (3, *spec.shape), np.uint8)
    answer = explain(wanted.build(spec.shape, 4), 1.0, spec)(tf.constant(images))

    assert answer["heatmaps"].shape == (3, 32, 32)
    assert answer["probabilities"].shape == (3, 4)


def test_a_network_without_feature_maps_is_refused() -> None:
    """
    The error names the network; a heat map made of nothing would look like an explanation.
    """
    pixels = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    counted = layers.Flatten()(pixels)
    flat = keras.Model(pixels, layers.Dense(2, activation="softmax")(layers.Rescaling(1 / 255)(counted)), name="flat")

    with pytest.raises(NetworkError, match="flat has no layer whose output is a batch of feature maps"):
        heat(flat, bright(slice(2, 6), slice(2, 6)))


def test_an_answer_without_a_gradient_is_refused() -> None:
    """
    A layer that cannot be differentiated, between the feature maps and the answer, is an error that says so.
    """
    pixels = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = layers.GlobalAveragePooling2D()(halved(layers.Rescaling(1 / 255)(pixels)))
    step = layers.Lambda(lambda means: tf.one_hot(tf.argmax(means, axis=1), 2), output_shape=(2,))
    stepped = keras.Model(pixels, step(x), name="stepped")

    with pytest.raises(NetworkError, match=r"^the answer of stepped has no gradient towards .*concatenate"):
        heat(stepped, bright(slice(2, 6), slice(2, 6)))
