"""NumPy arrays to and from tensors that TensorFlow's C API owns (tensorflow/c/tf_tensor.h, tf_tstring.h)."""

import ctypes
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_int64, c_void_p

import grpc
import numpy as np

from serving.errors import ServingError
from serving.libtensorflow import LibTensorFlow
from serving.tensors import Array, dtype_of, number_of

_STRING = 24
"""Bytes of a TF_TString."""


@contextmanager
def borrowed(library: LibTensorFlow, arrays: Sequence[Array]) -> Iterator["ctypes.Array[c_void_p]"]:
    """Lend tensors with the values of `arrays`, each copied once, and free them at the end of the block.

    Raises:
        ValueError: TensorFlow has no such dtype.
    """
    tensors = (c_void_p * len(arrays))()
    try:
        for position, array in enumerate(arrays):
            tensors[position] = _allocate(library, array)
        yield tensors
    finally:
        for tensor, array in zip(tensors, arrays, strict=True):
            if tensor and array.dtype.hasobject:
                _free_strings(library, c_void_p(tensor), array.size)
            if tensor:
                library.TF_DeleteTensor(c_void_p(tensor))


def taken(library: LibTensorFlow, tensor: c_void_p) -> Array:
    """Return the values of a tensor, strings as `bytes` in an object array, and free the tensor.

    Raises:
        ServingError: UNIMPLEMENTED, the tensor is of a dtype that is not supported.
    """
    try:
        number = library.TF_TensorType(tensor)
        shape = tuple(library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor)))
        dtype = dtype_of(number)
        if dtype is None:
            raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"dtype {number} is not supported")
        data = library.TF_TensorData(tensor)
        if dtype.hasobject:
            return _strings(library, data, math.prod(shape)).reshape(shape)
        size = library.TF_TensorByteSize(tensor)
        return np.frombuffer(ctypes.string_at(data, size) if size else b"", dtype).reshape(shape)
    finally:
        library.TF_DeleteTensor(tensor)


def _allocate(library: LibTensorFlow, array: Array) -> int:
    sizes = (c_int64 * array.ndim)(*array.shape)
    width = _STRING if array.dtype.hasobject else array.itemsize
    tensor: int = library.TF_AllocateTensor(number_of(array.dtype), sizes, array.ndim, array.size * width)
    data = library.TF_TensorData(c_void_p(tensor))
    if array.dtype.hasobject:
        for position, value in enumerate(array.ravel()):
            string = c_void_p(data + position * _STRING)
            library.TF_StringInit(string)
            library.TF_StringCopy(string, value, len(value))
    elif array.size:
        contiguous = np.ascontiguousarray(array)
        ctypes.memmove(data, contiguous.ctypes.data, contiguous.nbytes)
    return tensor


def _strings(library: LibTensorFlow, data: int, count: int) -> Array:
    values = np.empty(count, np.dtype("O"))
    for position in range(count):
        string = c_void_p(data + position * _STRING)
        values[position] = ctypes.string_at(library.TF_StringGetDataPointer(string), library.TF_StringGetSize(string))
    return values


def _free_strings(library: LibTensorFlow, tensor: c_void_p, count: int) -> None:
    data = library.TF_TensorData(tensor)
    for position in range(count):
        library.TF_StringDealloc(c_void_p(data + position * _STRING))
