"""Names for what Keras and TensorFlow, which ship no types, hand around; to the type checker all of them are `Any`."""

from typing import Any, TypeAlias

KerasModel: TypeAlias = Any
"""keras.Model: uint8 images `[N, H, W, C]` -> float32 probabilities `[N, K]`."""
KerasTensor: TypeAlias = Any
"""A symbolic tensor, while a network is put together."""
KerasCallback: TypeAlias = Any
"""keras.callbacks.Callback."""
Tensor: TypeAlias = Any
"""tf.Tensor."""
Function: TypeAlias = Any
"""A TensorFlow function or a Python function of tensors."""
SavedModel: TypeAlias = Any
"""What tf.saved_model.load returns: an object with `signatures`."""
