"""What a version answers, as TensorFlow functions of a Keras model; they still have variables."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.imaging import ImageSpec
from trainer.networks.gradcam import explained
from trainer.networks.predict import in_batches
from trainer.untyped import Function, KerasModel, Tensor


def serving_default(model: KerasModel, temperature: float, image: ImageSpec) -> Function:
    """Return the answers of a model, its temperature included.

    Returns:
        ConcreteFunction: uint8 `[N, H, W, C]` -> `probabilities`, float32 `[N, K]`.
    """

    def serve(images: Tensor) -> dict[str, Tensor]:
        return {"probabilities": calibrated(model(images, training=False), temperature)}

    return of_images(serve, image).get_concrete_function()


def explain(model: KerasModel, temperature: float, image: ImageSpec) -> Function:
    """Return the same answers, and where the model looked for each; see `trainer.networks.gradcam`.

    Returns:
        ConcreteFunction: uint8 `[N, H, W, C]` -> `heatmaps`, float32 `[N, H, W]`, 0 to 1, and `probabilities`.

    Raises:
        NetworkError: the model has no feature maps.
    """

    def explain_images(images: Tensor) -> dict[str, Tensor]:
        heatmaps, probabilities = explained(model, images)
        return {"heatmaps": heatmaps, "probabilities": calibrated(probabilities, temperature)}

    return of_images(explain_images, image).get_concrete_function()


def explain_model(
    model: KerasModel, temperature: float, image: ImageSpec, images: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Ask a Keras model where it looks, batch by batch; uint8 `[N, H, W, C]` -> heat maps, float32 `[N, H, W]`.

    Raises:
        NetworkError: the model has no feature maps.
    """
    ask = explain(model, temperature, image)
    return np.concatenate([ask(tf.constant(batch))["heatmaps"].numpy() for batch in in_batches(images)])


def of_images(answer: Function, image: ImageSpec) -> Function:
    """Return a tf.function of any number of images, uint8 `[N, H, W, C]`."""
    images = tf.TensorSpec([None, *image.shape], tf.uint8, name="images")
    return tf.function(answer, input_signature=[images], autograph=False)  # which would wrap our errors in its own


def calibrated(probabilities: Tensor, temperature: float) -> Tensor:
    """Divide the logits by the temperature (Guo et al. 2017), float32 `[N, K]` -> float32 `[N, K]`.

    A softmax is the same for logits and for the logarithms of its own output, which differ by a constant in each row.
    """
    if temperature == 1:
        return tf.identity(probabilities)
    return tf.nn.softmax(tf.math.log(tf.maximum(probabilities, np.finfo(np.float32).tiny)) / temperature)
