"""NumPy arrays to and from protocol tensors, by the rules of TensorFlow's `core/framework/tensor.cc` (`FromProto`)."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from proto import tfserving_pb2 as pb

Array = NDArray[Any]

_MAX_BYTES = 2**31
_MAX_RANK = 254


class _Kind(NamedTuple):
    dtype: np.dtype[Any]
    field: str
    """The typed field of the message which holds values of this type."""


_KINDS: dict[pb.DataType, _Kind] = {
    pb.DT_FLOAT: _Kind(np.dtype("<f4"), "float_val"),
    pb.DT_DOUBLE: _Kind(np.dtype("<f8"), "double_val"),
    pb.DT_HALF: _Kind(np.dtype("<f2"), "half_val"),
    pb.DT_INT8: _Kind(np.dtype("<i1"), "int_val"),
    pb.DT_INT16: _Kind(np.dtype("<i2"), "int_val"),
    pb.DT_INT32: _Kind(np.dtype("<i4"), "int_val"),
    pb.DT_INT64: _Kind(np.dtype("<i8"), "int64_val"),
    pb.DT_UINT8: _Kind(np.dtype("<u1"), "int_val"),
    pb.DT_UINT16: _Kind(np.dtype("<u2"), "int_val"),
    pb.DT_UINT32: _Kind(np.dtype("<u4"), "uint32_val"),
    pb.DT_UINT64: _Kind(np.dtype("<u8"), "uint64_val"),
    pb.DT_BOOL: _Kind(np.dtype("?"), "bool_val"),
    pb.DT_STRING: _Kind(np.dtype("O"), "string_val"),
}
_BY_DTYPE = {kind.dtype: number for number, kind in _KINDS.items()}


def dtype_of(number: pb.DataType) -> np.dtype[Any] | None:
    """Return NumPy's dtype for a number of TensorFlow's DataType; strings are objects, None is not supported."""
    kind = _KINDS.get(number)
    return None if kind is None else kind.dtype


def type_name(number: pb.DataType) -> str:
    """Return TensorFlow's name of a type, for instance `float` (`DataTypeString`); its number if we do not know it."""
    return pb.DataType.Name(number).removeprefix("DT_").lower() if number in pb.DataType.values() else str(number)


def number_of(dtype: np.dtype[Any]) -> pb.DataType:
    """Return the number of TensorFlow's DataType for a dtype.

    Raises:
        ValueError: the dtype has no place in the protocol as we speak it.
    """
    number = _BY_DTYPE.get(dtype.newbyteorder("<"))
    if number is None:
        raise ValueError(f"dtype {dtype.name} is not supported")
    return number


def to_array(tensor: pb.Tensor) -> Array:
    """Read a tensor from `tensor_content` or from the typed field of its dtype.

    As in TensorFlow: with fewer values than elements the last one repeats, without any value all are zero (strings are
    empty), and values in excess are ignored.

    Returns:
        An array of the tensor's shape and dtype, which may be read-only; strings are `bytes` in an object array.

    Raises:
        ValueError: the dtype is unknown here, the shape is impossible or above 2 GiB, or the content has another size.
    """
    if tensor.dtype not in _KINDS:
        raise ValueError(f"dtype {tensor.dtype} is not supported")
    kind = _KINDS[tensor.dtype]
    shape = _shape(tensor.tensor_shape)
    count = math.prod(shape)
    if count * kind.dtype.itemsize > _MAX_BYTES:
        raise ValueError(f"shape {list(shape)} needs {count * kind.dtype.itemsize} bytes; the limit is {_MAX_BYTES}")
    content = tensor.tensor_content  # protobuf makes a copy each time
    if content:
        return _from_content(content, kind.dtype, count).reshape(shape)
    return _from_values(tensor, kind, count).reshape(shape)


def _shape(shape: pb.TensorShape) -> tuple[int, ...]:
    sizes = tuple(dim.size for dim in shape.dim)
    if shape.unknown_rank:
        raise ValueError("the shape has an unknown rank")
    if len(sizes) > _MAX_RANK or any(size < 0 for size in sizes):
        raise ValueError(f"shape {list(sizes)} is impossible: at most {_MAX_RANK} dimensions, none below zero")
    return sizes


def _from_content(content: bytes, dtype: np.dtype[Any], count: int) -> Array:
    if dtype.hasobject:
        raise ValueError("strings are read from string_val, not from tensor_content")
    if len(content) != count * dtype.itemsize:
        raise ValueError(
            f"tensor_content has {len(content)} bytes; {count} of {dtype.name} need {count * dtype.itemsize}"
        )
    return np.frombuffer(content, dtype)


def _from_values(tensor: pb.Tensor, kind: _Kind, count: int) -> Array:
    values = list(getattr(tensor, kind.field)[:count])
    if kind.dtype.hasobject:
        return _objects(values + [values[-1] if values else b""] * (count - len(values)))
    if tensor.dtype == pb.DT_HALF:
        given = np.array(values, np.int64).astype(np.uint16).view(np.float16)
    else:
        given = np.array(values, np.int64 if kind.field == "int_val" else kind.dtype).astype(kind.dtype)
    array = np.zeros(count, kind.dtype)
    array[: len(given)] = given
    array[len(given) :] = given[-1] if len(given) else 0
    return array


def _objects(values: list[bytes]) -> Array:
    array = np.empty(len(values), np.dtype("O"))
    array[:] = values
    return array


def to_tensor(array: Array, *, as_content: bool = False) -> pb.Tensor:
    """Write an array as a tensor: into the typed field of its dtype, or into `tensor_content` when `as_content`.

    Strings go into `string_val` either way.

    Raises:
        ValueError: the dtype has no place in the protocol as we speak it.
    """
    dtype, number = array.dtype.newbyteorder("<"), number_of(array.dtype)
    tensor = pb.Tensor(dtype=number)
    tensor.tensor_shape.dim.extend(pb.TensorShape.Dim(size=size) for size in array.shape)
    if as_content and not dtype.hasobject:
        tensor.tensor_content = array.astype(dtype, copy=False).tobytes()
        return tensor
    flat = array.ravel()
    values = flat.astype(np.float16).view(np.uint16) if number == pb.DT_HALF else flat
    getattr(tensor, _KINDS[number].field).extend(values.tolist())
    return tensor
