"""JSON values as arrays: the rules and texts of TensorFlow Serving's `util/json_tensor.cc`.

Values are converted as a whole; only what cannot be is walked through, for the text that says where it goes wrong.
One thing is stricter than there: a number that does not fit its dtype is refused, not wrapped around.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from proto import tfserving_pb2 as pb
from serving.errors import ServingError, invalid, unimplemented
from serving.tensors import Array, dtype_of, type_name

Json = Any
"""What `json.loads` returns."""

_SHOWN = 1024
"""Characters of a value that an error shows; nobody reads more, and a client could make it as long as its body."""
_INTEGERS: dict[int, "np.iinfo[Any]"] = {
    pb.DT_INT8: np.iinfo(np.int8),
    pb.DT_INT16: np.iinfo(np.int16),
    pb.DT_INT32: np.iinfo(np.int32),
    pb.DT_INT64: np.iinfo(np.int64),
    pb.DT_UINT8: np.iinfo(np.uint8),
    pb.DT_UINT32: np.iinfo(np.uint32),
    pb.DT_UINT64: np.iinfo(np.uint64),
}
_FLOATS: dict[int, "np.finfo[Any]"] = {pb.DT_FLOAT: np.finfo(np.float32), pb.DT_DOUBLE: np.finfo(np.float64)}


def convert(value: Json, dtype: pb.DataType) -> Array | None:
    """Return `value` as an array of a dtype that `serving.tensors` knows, or None if any part of it does not fit."""
    shape = dimensions(value)
    flat = [value]
    for size in shape:
        if set(map(type, flat)) != {list} or set(map(len, flat)) != {size}:
            return None
        flat = list(chain.from_iterable(flat))
    leaves = _leaves(flat, dtype)
    return None if leaves is None else leaves.reshape(shape)


def _leaves(flat: list[Json], dtype: pb.DataType) -> Array | None:
    if not flat:
        return np.empty(0, dtype_of(dtype))
    kinds = set(map(type, flat))
    if dtype == pb.DT_STRING:
        return _strings(flat)
    if dtype == pb.DT_BOOL:
        return np.array(flat, np.bool_) if kinds == {bool} else None
    if dtype in _INTEGERS:
        limits = _INTEGERS[dtype]
        fits = kinds == {int} and limits.min <= min(flat) and max(flat) <= limits.max
        return np.array(flat, limits.dtype) if fits else None
    return _floats(flat, _FLOATS[dtype]) if dtype in _FLOATS and kinds <= {int, float} else None


def _floats(flat: list[float], limits: "np.finfo[Any]") -> Array | None:
    """Take integers as far as the type has all of them, and decimals that round to a number of it."""
    bound = 1 << (limits.nmant + 1)
    integers = [leaf for leaf in flat if type(leaf) is int]
    if integers and not -bound < min(integers) <= max(integers) < bound:
        return None
    values = np.array(flat, np.float64)
    with np.errstate(over="ignore"):
        rounded = values.astype(limits.dtype)
    return None if (np.isinf(rounded) & np.isfinite(values)).any() else rounded


def _strings(flat: list[Json]) -> Array | None:
    leaves = np.empty(len(flat), np.dtype("O"))
    for index, leaf in enumerate(flat):
        content = leaf.encode() if isinstance(leaf, str) else _decoded(leaf)
        if content is None:
            return None
        leaves[index] = content
    return leaves


def dimensions(value: Json) -> list[int]:
    """Return the shape that the first element of each list gives."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def faults(value: Json, level: int, shape: list[int], dtype: pb.DataType) -> Iterator[ServingError]:
    """Go through `value` as the original does, and yield what is wrong with it."""
    if not isinstance(value, list):
        if level != len(shape):
            place = f"found at incorrect level: {level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            yield invalid(f"JSON Value: {shown(value)} {place}")
        elif (error := _fault(value, dtype)) is not None:
            yield error
    elif level >= len(shape):
        yield invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    elif len(value) != shape[level]:
        yield invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    else:
        for part in value:
            yield from faults(part, level + 1, shape, dtype)


def _fault(leaf: Json, dtype: pb.DataType) -> ServingError | None:
    if _leaves([leaf], dtype) is not None:
        return None
    name = type_name(dtype)
    if isinstance(leaf, dict) and dtype == pb.DT_STRING:
        if is_base64(leaf):
            return invalid("Unable to base64 decode")
        return invalid(f"JSON Value: {shown(leaf)} not formatted correctly for base64 data")
    if dtype in _FLOATS and type(leaf) in {int, float}:
        return invalid(f"Cannot convert JSON value: {shown(leaf)} to {name} without loss of precision.")
    if dtype not in {pb.DT_STRING, pb.DT_BOOL, *_INTEGERS, *_FLOATS} and not isinstance(leaf, dict):
        return unimplemented(f"Conversion of JSON Value: {shown(leaf)} to type: {name}")
    return invalid(f"JSON Value: {shown(leaf)} Type: {_type(leaf)} is not of expected type: {name}")


def is_base64(value: Json) -> bool:
    """Whether a value is `{"b64": "..."}`, which stands for bytes."""
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _decoded(value: Json) -> bytes | None:
    """Return the bytes in `{"b64": ...}`, with or without padding, or None."""
    if not is_base64(value):
        return None
    text = value["b64"].rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _type(value: Json) -> str:
    """Return RapidJSON's name for the type of a value."""
    if isinstance(value, bool):
        return str(value)
    names = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number", type(None): "Null"}
    return names[type(value)]


def shown(value: Json) -> str:
    """Return the beginning of a value as JSON."""
    text = ""
    for part in json.JSONEncoder(indent=4).iterencode(value):
        text += part[:_SHOWN]
        if len(text) > _SHOWN:
            return f"{text[:_SHOWN]}..."
    return text
