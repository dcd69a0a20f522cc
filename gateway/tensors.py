"""Arrays to TensorFlow's tensor messages and back. Pure functions, no I/O."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from proto import tfserving_pb2 as pb


def pack_images(rows: Sequence[NDArray[np.uint8]]) -> pb.Tensor:
    """Pack images of one shape `[H, W, C]`, uint8, into a tensor `[N, H, W, C]`; the pixels are copied once."""
    height, width, channels = rows[0].shape
    shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=n) for n in (len(rows), height, width, channels)])
    content = b"".join([row.data for row in rows])
    return pb.Tensor(dtype=pb.DT_UINT8, tensor_shape=shape, tensor_content=content)


def unpack_floats(tensor: pb.Tensor) -> NDArray[np.float32]:
    """Return a float32 tensor as an array of its shape; the server may send either of the two encodings.

    Raises:
        ValueError: the tensor is not float32, or its values do not fill its shape.
    """
    if tensor.dtype != pb.DT_FLOAT:
        raise ValueError(f"the tensor is {pb.DataType.Name(tensor.dtype)}, not DT_FLOAT")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.tensor_content:
        values = np.frombuffer(tensor.tensor_content, dtype="<f4")
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
