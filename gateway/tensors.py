"""Arrays to TensorFlow's tensor messages and back. Pure functions, no I/O."""

from collections.abc import Sequence

import numpy as np
from google.protobuf.wrappers_pb2 import Int64Value
from numpy.typing import NDArray

from proto import tfserving_pb2 as pb


def frame_images(model: str, version: int, rows: Sequence[NDArray[np.uint8]], signature: str = "") -> bytes:
    """Return the PredictRequest that asks a version about images, as it goes over the wire.

    Protobuf would copy the pixels into a message and out of it again. So it writes all but the pixels, and what stands
    around them is put together here (https://protobuf.dev/programming-guides/encoding/): they are copied once.

    Args:
        model: the name under which it is served.
        version: its number.
        rows: uint8 `[H, W, C]` each, contiguous, all of one shape; one at least.
        signature: what is asked of it; its default one where empty.
    """
    shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=size) for size in (len(rows), *rows[0].shape)])
    tensor = pb.Tensor(dtype=pb.DT_UINT8, tensor_shape=shape).SerializeToString()
    spec = pb.ModelSpec(name=model, version=Int64Value(value=version), signature_name=signature)
    request = pb.PredictRequest(model_spec=spec).SerializeToString()
    pixels = sum(row.nbytes for row in rows)
    content = _prefix(pb.Tensor.TENSOR_CONTENT_FIELD_NUMBER, pixels)
    value = _prefix(_MAP_VALUE, len(tensor) + len(content) + pixels)
    entry = len(_IMAGES) + len(value) + len(tensor) + len(content) + pixels
    inputs = _prefix(pb.PredictRequest.INPUTS_FIELD_NUMBER, entry)
    return b"".join([request, inputs, _IMAGES, value, tensor, content, *(row.data for row in rows)])


def _prefix(field: int, length: int) -> bytes:
    """Return what stands before `length` bytes of a field."""
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(length)


def _varint(number: int) -> bytes:
    """Write a number in groups of seven bits, the lowest first; all but the last have the eighth bit."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


_LENGTH_DELIMITED = 2
_MAP_KEY, _MAP_VALUE = 1, 2
_IMAGES = _prefix(_MAP_KEY, len(b"images")) + b"images"


def unpack_floats(tensor: pb.Tensor) -> NDArray[np.float32]:
    """Return a float32 tensor as an array of its shape; the server may send either of the two encodings.

    Raises:
        ValueError: the tensor is not float32, or its values do not fill its shape.
    """
    if tensor.dtype != pb.DT_FLOAT:
        raise ValueError(f"the tensor is {pb.DataType.Name(tensor.dtype)}, not DT_FLOAT")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if content := tensor.tensor_content:
        values = np.frombuffer(content, dtype="<f4")
    else:
        values = np.array(tensor.float_val, dtype=np.float32)
    return values.reshape(shape)


def unpack_string(tensor: pb.Tensor) -> bytes:
    """Return the one value of a string tensor.

    Raises:
        ValueError: the tensor is not a string, or holds none or several.
    """
    if tensor.dtype != pb.DT_STRING or len(tensor.string_val) != 1:
        raise ValueError(
            f"the tensor is not one string: {pb.DataType.Name(tensor.dtype)}, {len(tensor.string_val)} values"
        )
    return tensor.string_val[0]
