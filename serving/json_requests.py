"""The body of a REST Predict request, from JSON to tensors: the rules and texts of `util/json_tensor.cc`.

A request is read column by column; only one that cannot be is gone through row by row, for the text that says where.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from proto import tfserving_pb2 as pb
from serving.errors import ServingError, invalid, unimplemented
from serving.json_values import Json, convert, dimensions, faults, is_base64, shown
from serving.tensors import dtype_of, to_tensor, type_name

Format = Literal["instances", "inputs"]
"""How the tensors stand in a request: instance by instance, or each as a whole."""
Inputs = Callable[[str], Mapping[str, pb.TensorInfo]]
"""The inputs of the signature with that name; empty stands for the default one."""

_PARSE_ERRORS = {
    "Expecting value": "Invalid value.",
    "Extra data": "The document root must not be followed by other values.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting ',' delimiter": "Missing a comma or ] or } after an element.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid encoding in string.",
}
"""Python's words for what is wrong with a document, and RapidJSON's."""


class Parsed(NamedTuple):
    """A request as its JSON says it; the model's name and version are not in it."""

    signature: str
    """Empty for the default one."""
    format: Format
    inputs: dict[str, pb.Tensor]


def parse_predict(body: bytes, inputs_of: Inputs) -> Parsed:
    """Read the body of a Predict request; `inputs_of` tells the dtypes, and what it raises is for the client.

    Raises:
        ServingError: INVALID_ARGUMENT, or UNIMPLEMENTED for a dtype that JSON cannot be read as.
    """
    document = _document(body)
    signature = document.get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid(
            f"JSON Value: {shown(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    infos = inputs_of(signature)
    if not infos:
        raise invalid(f"Failed to get input map for signature: {signature or 'DEFAULT'}")
    for name, info in infos.items():
        if dtype_of(info.dtype) is None:
            raise unimplemented(f"input {name} has the type {type_name(info.dtype)}, which is not supported")
    if "instances" in document:
        return Parsed(signature, "instances", _rows(document, infos))
    if "inputs" in document:
        return Parsed(signature, "inputs", _columns(document["inputs"], infos))
    raise invalid("Missing 'inputs' or 'instances' key")


def _document(body: bytes) -> dict[str, Json]:
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        text = body.decode()
        document = json.loads(text)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair could not be written anywhere
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {_PARSE_ERRORS.get(error.msg, error.msg)} at offset: {error.pos}") from error
    except UnicodeDecodeError as error:
        raise invalid(f"JSON Parse error: Invalid encoding in string. at offset: {error.start}") from error
    except UnicodeEncodeError as error:
        raise invalid("JSON Parse error: The surrogate pair in string is invalid.") from error
    except RecursionError as error:
        raise invalid("JSON Parse error: lists are nested too deeply.") from error
    except ValueError as error:  # an integer with thousands of digits
        raise invalid("JSON Parse error: Number too big to be stored in double.") from error
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {shown(document)} Is not object")
    return document


def _rows(document: dict[str, Json], infos: Mapping[str, pb.TensorInfo]) -> dict[str, pb.Tensor]:
    """Read `instances`: a list of values for the only input, or of objects with a value for each input."""
    rows = document["instances"]
    if "inputs" in document:
        rule = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        raise invalid(f"JSON Value: {shown(document)} {rule}")
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {shown(document)} Excepting 'instances' to be an list/array")
    if not rows:
        raise invalid(f"JSON Value: {shown(document)} No values in 'instances' array")
    if not isinstance(rows[0], dict) and len(infos) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    columns = _transposed(rows, infos)
    if columns is not None:
        arrays = {name: convert(column, infos[name].dtype) for name, column in columns.items()}
        found = {name: array for name, array in arrays.items() if array is not None}
        if len(found) == len(columns):
            return {name: to_tensor(array, as_content=True) for name, array in found.items()}
    raise _explain_rows(rows, infos)


def _transposed(rows: list[Json], infos: Mapping[str, pb.TensorInfo]) -> dict[str, list[Json]] | None:
    """Return the values of each input, or None if a row is not what it should be."""
    if not _is_row_object(rows[0]):
        return None if any(map(_is_row_object, rows)) else {min(infos): rows}
    if not all(_is_row_object(row) and row.keys() == infos.keys() for row in rows):
        return None
    return {name: [row[name] for row in rows] for name in infos}


def _explain_rows(rows: list[Json], infos: Mapping[str, pb.TensorInfo]) -> ServingError:
    """Find the first row that cannot be read, as the original goes through them."""
    shapes: dict[str, list[int]] = {}
    objects = _is_row_object(rows[0])
    for number, row in enumerate(rows):
        if objects != _is_row_object(row):
            wanted, given = ("object", "list") if objects else ("value/list", "object")
            return invalid(f"Expecting {wanted} but got {given} at item {number} of input list")
        values = row if objects else {min(infos): row}
        for name, value in values.items():
            error = _explain_row(value, name, infos, shapes)
            if error:
                key = f" key: {name}" if objects else ""
                inner = f"{error.code.name}: {error}"
                return invalid(f"Failed to process element: {number}{key} of 'instances' list. Error: {inner}")
        if objects and row.keys() != infos.keys():
            rule = f"keys must be equal to: {','.join(sorted(infos))}"
            return invalid(f"Failed to process element: {number} of 'instances' list. JSON object: {shown(row)} {rule}")
    raise AssertionError("a request was refused without a reason. This is a bug.")


def _explain_row(
    value: Json, name: str, infos: Mapping[str, pb.TensorInfo], shapes: dict[str, list[int]]
) -> ServingError | None:
    if name not in infos:
        return invalid(f"JSON object: does not have named input: {name}")
    shape = dimensions(value)
    error = next(faults(value, 0, shape, infos[name].dtype), None)
    if error:
        return error
    first = shapes.setdefault(name, shape)
    if math.prod(first) != math.prod(shape):
        return invalid(f"Expecting tensor size: {math.prod(first)} but got: {math.prod(shape)}")
    if first != shape:
        return invalid(f"Expecting shape {_sizes(first)} but got: {_sizes(shape)}")
    return None


def _columns(value: Json, infos: Mapping[str, pb.TensorInfo]) -> dict[str, pb.Tensor]:
    """Read `inputs`: the only input as it is, or an object with a value for each input."""
    if not isinstance(value, dict) or is_base64(value):
        if len(infos) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        value = {min(infos): value}
    for name in sorted(infos):
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: _column(value[name], infos[name].dtype) for name in sorted(infos)}


def _column(value: Json, dtype: pb.DataType) -> pb.Tensor:
    array = convert(value, dtype)
    if array is None:
        raise next(faults(value, 0, dimensions(value), dtype))
    return to_tensor(array, as_content=True)


def _is_row_object(row: Json) -> bool:
    return isinstance(row, dict) and not is_base64(row)


def _sizes(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
