"""Names for what Keras and TensorFlow, which ship no types, hand around; to the type checker all of them are `Any`."""

from typing import Any, TypeAlias

KerasModel: TypeAlias = Any
"""keras.Model: uint8 images `[N, H, W, C]` -> float32 probabilities `[N, K]`."""
KerasTensor: TypeAlias = Any
"""A symbolic tensor, while a network is put together."""
KerasLayer: TypeAlias = Any
"""keras.layers.Layer."""
KerasCallback: TypeAlias = Any
"""keras.callbacks.Callback."""
KerasOptimizer: TypeAlias = Any
"""keras.optimizers.Optimizer."""
Tensor: TypeAlias = Any
"""tf.Tensor."""
Function: TypeAlias = Any
"""A TensorFlow function or a Python function of tensors."""
PredictRequest: TypeAlias = Any
"""A message of tensorflow-serving-api."""
SavedModel: TypeAlias = Any
"""What tf.saved_model.load returns: an object with `signatures`."""
Strategy: TypeAlias = Any
"""tf.distribute.Strategy."""
