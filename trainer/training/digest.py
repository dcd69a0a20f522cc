"""The digest of a model: equal for equal answers on the same machine, however and whenever they were trained."""

import hashlib

import msgspec
import numpy as np

from gateway.imaging import ImageSpec
from trainer.untyped import KerasModel


def model_digest(model: KerasModel, labels: tuple[str, ...], image: ImageSpec, temperature: float) -> str:
    """Return `sha256:<hex>` over the weights, bit by bit and in order, and over all else that answers depend on."""
    total = hashlib.sha256(msgspec.json.encode((model.name, labels, image, temperature)))
    for weight in model.get_weights():
        array = np.ascontiguousarray(weight)
        total.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return f"sha256:{total.hexdigest()}"
