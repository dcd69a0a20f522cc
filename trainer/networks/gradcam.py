"""Which parts of an image speak for the answer: Grad-CAM.

After Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017, Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization (ICCV, pages 618 to 626). A heat map says where the network found what it answered with; it
does not say that the answer is right, nor where a tumour is.
"""

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
    features = _last_features(model.name)
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


def _last_features(name: str) -> Tensor:
    """Return the last feature maps of the network that was traced just now, float32 `[N, h, w, F]`.

    The graph lists what the layers computed in the order in which they ran, those of nested models in their place. Maps
    of a single pixel, which a head may have, show no place: they are taken where there is nothing else.
    """
    tensors = [
        tensor for operation in tf.compat.v1.get_default_graph().get_operations() for tensor in operation.outputs
    ]
    maps = [tensor for tensor in tensors if tensor.dtype == tf.float32 and _is_batch_of_maps(tensor.shape)]
    if not maps:
        raise NetworkError(f"{name} has no layer whose output is a batch of feature maps; Grad-CAM needs one")
    return next((tensor for tensor in reversed(maps) if tuple(tensor.shape[1:3]) != (1, 1)), maps[-1])


def _is_batch_of_maps(shape: Tensor) -> bool:
    return shape.rank == 4 and shape[0] is None and None not in tuple(shape[1:])  # a kernel's first size is known


def _scores(probabilities: Tensor) -> Tensor:
    """Return what the softmax was taken of, float32 `[N, K]`, or the logarithms of its result."""
    operation = probabilities.op
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    if operation.type == "Softmax":
        return operation.inputs[0]
    return tf.math.log(tf.maximum(probabilities, np.finfo(np.float32).tiny))
