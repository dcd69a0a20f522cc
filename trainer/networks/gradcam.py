"""Which parts of an image speak for the answer: Grad-CAM.

After Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017, Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization (ICCV, pages 618 to 626). A heat map says where the network found what it answered with; it
does not say that the answer is right, nor where a tumour is.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from trainer.errors import NetworkError
from trainer.untyped import KerasModel, Tensor

NOISE = 1e-3
"""A map is zero where its highest value is below this share of what it sums up: such a sum is mostly rounding."""


def explained(model: KerasModel, images: Tensor) -> tuple[Tensor, Tensor]:
    """Add to the graph that is being traced what a network answers, and where it looked for it.

    The map belongs to the class with the highest probability. It is the mean of the last feature maps, each weighted
    with the mean gradient of the class's score, without what speaks against the class; brought to the image's size
    bilinearly, and divided by its own maximum. The score is the class's logit, as in the paper; of a network that does
    not end with a softmax it is the logarithm of the probability.

    Args:
        model: keras.Model, nested ones included; to be called while a TensorFlow function is traced.
        images: uint8 `[N, H, W, C]`, of which N alone may be unknown.

    Returns:
        Heat maps, float32 `[N, H, W]`, 0 to 1, 0 throughout where nothing speaks for the class; and the probabilities,
        float32 `[N, K]`.

    Raises:
        NetworkError: the network has no feature maps, or the answer does not depend on them by a gradient.
    """
    probabilities = model(images, training=False)
    features = _last_features(probabilities, model.name)
    scores = _scores(probabilities)
    score = tf.gather(scores, tf.argmax(probabilities, axis=1), batch_dims=1)
    (gradients,) = tf.gradients(score, features)  # a row's score depends on its own features only: no sum over rows
    if gradients is None:
        raise NetworkError(
            f"the answer of {model.name} has no gradient towards {features.name}, its last feature maps; use layers "
            "that can be differentiated after it"
        )
    return _heat(features, gradients, images.shape[1:3]), probabilities


def _heat(features: Tensor, gradients: Tensor, size: Tensor) -> Tensor:
    """Weight feature maps with their mean gradients, both float32 `[N, h, w, F]` -> float32 `[N, H, W]` in 0..1."""
    parts = features * tf.reduce_mean(gradients, axis=[1, 2], keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(parts, axis=3, keepdims=True))
    summed_up = tf.reduce_max(tf.reduce_sum(tf.abs(parts), axis=3, keepdims=True), axis=[1, 2], keepdims=True)
    heat = tf.where(tf.reduce_max(heat, axis=[1, 2], keepdims=True) > NOISE * summed_up, heat, tf.zeros_like(heat))
    resized = tf.image.resize(heat, size, method="bilinear")[..., 0]
    return tf.math.divide_no_nan(resized, tf.reduce_max(resized, axis=[1, 2], keepdims=True))


def _last_features(answer: Tensor, name: str) -> Tensor:
    """Return the last feature maps that an answer was computed from, float32 `[N, h, w, F]`.

    Maps of a single pixel, which a head may have, show no place: they are taken where there is nothing else.
    """
    maps = list(_maps_behind(answer))
    if not maps:
        raise NetworkError(f"{name} has no layer whose output is a batch of feature maps; Grad-CAM needs one")
    return next((tensor for tensor in maps if tuple(tensor.shape[1:3]) != (1, 1)), maps[0])


def _maps_behind(answer: Tensor) -> Iterator[Tensor]:
    """Yield the feature maps that an answer was computed from, the last first.

    The graph lists operations in the order in which the layers ran, those of nested models in their place.
    """
    needed = {answer.op.name}
    for operation in reversed(answer.graph.get_operations()):
        if operation.name in needed:
            needed.update(tensor.op.name for tensor in operation.inputs)
            yield from (tensor for tensor in operation.inputs if _is_batch_of_maps(tensor))


def _is_batch_of_maps(tensor: Tensor) -> bool:
    shape = tensor.shape  # a kernel's first size is known
    return tensor.dtype == tf.float32 and shape.rank == 4 and shape[0] is None and None not in tuple(shape[1:])


def _scores(probabilities: Tensor) -> Tensor:
    """Return what the softmax was taken of, float32 `[N, K]`, or the logarithms of its result."""
    operation = probabilities.op
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    if operation.type == "Softmax":
        return operation.inputs[0]
    return tf.math.log(tf.maximum(probabilities, np.finfo(np.float32).tiny))
