"""A body to the images that it asks about. Pure functions, no I/O; each size is checked before anything is built."""

import base64
import binascii
import math
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta
from numpy.typing import NDArray

from gateway.errors import BodyTooLarge, InvalidInference, TooManyFiles
from gateway.openinference import binary
from gateway.openinference.messages import InferenceRequest, RequestInput

IMAGES, IMAGE = "images", "image"
"""The inputs: rows as the model takes them, and files as /predict takes them."""

_Sample = Annotated[int, Meta(ge=0, le=255)]
_SAMPLES: dict[int, msgspec.json.Decoder[Any]] = {
    1: msgspec.json.Decoder(list[_Sample]),
    4: msgspec.json.Decoder(list[list[list[list[_Sample]]]]),
}
_STRINGS: dict[int, msgspec.json.Decoder[Any]] = {
    1: msgspec.json.Decoder(list[str]),
    2: msgspec.json.Decoder(list[list[str]]),
}
_REQUEST = msgspec.json.Decoder(InferenceRequest)
_REMEDY = (
    "send one input: `images`, UINT8 of the shape that GET /v2/models/<name> tells, or `image`, BYTES with a PNG or "
    "JPEG in each element"
)


class Bounds(msgspec.Struct, frozen=True):
    """What bounds a request, beside the size of its body."""

    rows: int
    json_size: int
    """Bytes of the JSON, which is read while everybody waits."""


class Question(msgspec.Struct, frozen=True):
    """What is asked."""

    request: InferenceRequest
    images: list[bytes] | NDArray[np.uint8]
    """Files, or rows `[N, H, W, C]` of any H, W, C: it is the version that knows which it takes."""


def read(body: bytes, json_length: str | None, bounds: Bounds) -> Question:
    """Return what a body asks.

    Args:
        body: the whole.
        json_length: the header `Inference-Header-Content-Length`, where there is one.
        bounds: of the request.

    Raises:
        InvalidInference: it is no request of the protocol, or asks what cannot be answered here.
        TooManyFiles: it has more rows than the bound.
        BodyTooLarge: its JSON is larger than the bound.
    """
    try:
        text, behind = binary.split(body, json_length)
    except ValueError as error:
        raise InvalidInference(f"{error}; it is the length of the JSON in front of the binary data") from error
    if len(text) > bounds.json_size:
        raise BodyTooLarge(
            f"the JSON is {len(text)} bytes; the limit is PULMO_MAX_BODY_BYTES={bounds.json_size}. Send large tensors "
            "as binary data"
        )
    request = _decode(text)
    tensor = _the_input(request)
    content = _content(tensor, behind)
    rows = _rows(tensor, bounds.rows)
    images = _samples(tensor, content) if tensor.name == IMAGES else _files(tensor, content, rows)
    return Question(request, images)


def _decode(text: memoryview) -> InferenceRequest:
    try:
        return _REQUEST.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInference(f"the body is no inference request: {error}; {_REMEDY}") from error


def _the_input(request: InferenceRequest) -> RequestInput:
    if len(request.inputs) != 1 or request.inputs[0].name not in (IMAGES, IMAGE):
        names = [tensor.name[:40] for tensor in request.inputs]
        raise InvalidInference(f"the inputs are {names}; {_REMEDY}")
    [tensor] = request.inputs
    wanted = "UINT8" if tensor.name == IMAGES else "BYTES"
    if tensor.datatype != wanted:
        raise InvalidInference(f"{tensor.name} is {tensor.datatype[:40]!r}; it must be {wanted}; {_REMEDY}")
    if tensor.parameters.shared_memory_region is not UNSET:
        raise InvalidInference(f"{tensor.name} lies in shared memory, which is not offered; send its values")
    return tensor


def _content(tensor: RequestInput, behind: memoryview) -> memoryview | msgspec.Raw:
    """Return where the values of the only input stand: behind the JSON, or as JSON."""
    size = tensor.parameters.binary_data_size
    if (size is UNSET) == (tensor.data is UNSET):
        raise InvalidInference(f"{tensor.name} has both `data` and `binary_data_size`, or neither; send one of them")
    announced = 0 if size is UNSET else size
    if announced != len(behind):
        raise InvalidInference(
            f"{len(behind)} bytes stand behind the JSON; binary_data_size says {announced}. The header "
            "Inference-Header-Content-Length tells where the JSON ends"
        )
    return behind if tensor.data is UNSET else tensor.data


def _rows(tensor: RequestInput, most: int) -> int:
    """Return the number of images by the shape."""
    shape = tensor.shape
    fits = len(shape) == 4 if tensor.name == IMAGES else len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    if not fits or 0 in shape:
        wanted = "[images, height, width, channels]" if tensor.name == IMAGES else "[images] or [images, 1]"
        raise InvalidInference(f"the shape of {tensor.name} is {shape}; it must be {wanted}, with one image at least")
    if shape[0] > most:
        raise TooManyFiles(
            f"the shape of {tensor.name} says {shape[0]} images; PULMO_MAX_BATCH_FILES and three quarters of "
            f"PULMO_CONCURRENCY_LIMIT allow {most}. Send them in several requests"
        )
    return shape[0]


def _samples(tensor: RequestInput, content: memoryview | msgspec.Raw) -> NDArray[np.uint8]:
    shape = tuple(tensor.shape)
    if isinstance(content, memoryview):
        _check_count(tensor, len(content), "bytes")
        return np.frombuffer(content, np.uint8).reshape(shape)
    values = _values(tensor, content, _SAMPLES)
    if not _nested(values):
        _check_count(tensor, len(values), "numbers")
        return np.array(values, np.uint8).reshape(shape)
    if not _has_shape(values, shape):
        raise InvalidInference(f"the data of {tensor.name} is not nested as its shape {tensor.shape} says")
    return np.array(values, np.uint8)


def _files(tensor: RequestInput, content: memoryview | msgspec.Raw, rows: int) -> list[bytes]:
    if isinstance(content, memoryview):
        try:
            return binary.split_elements(content, rows)
        except ValueError as error:
            raise InvalidInference(f"the binary data of {tensor.name} is wrong: {error}") from error
    if tensor.parameters.content_type != "base64":
        raise InvalidInference(
            f"the data of {tensor.name} are JSON strings, which can hold no image as it is; send them in base64 with "
            'the input\'s parameters {"content_type": "base64"}, or as binary data'
        )
    values = _values(tensor, content, _STRINGS)
    if _nested(values):
        if not _has_shape(values, tuple(tensor.shape)):
            raise InvalidInference(f"the data of {tensor.name} is not nested as its shape {tensor.shape} says")
        values = [value for [value] in values]
    _check_count(tensor, len(values), "strings")
    return [_from_base64(tensor.name, row, value) for row, value in enumerate(values)]


def _values(tensor: RequestInput, content: msgspec.Raw, decoders: dict[int, msgspec.json.Decoder[Any]]) -> list[Any]:
    """Return the values as JSON has them: in one list, or in lists of lists."""
    text = bytes(content)
    brackets = len(text) - len(text.lstrip(b"[ \t\r\n"))  # with what may stand between them
    depth = text.count(b"[", 0, brackets)
    decoder = decoders.get(depth)
    if decoder is None:
        raise InvalidInference(f"the data of {tensor.name} is {depth} lists deep; send one list, or lists by its shape")
    try:
        values: list[Any] = decoder.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInference(f"the data of {tensor.name} cannot be read: {error}") from error
    return values


def _nested(values: Sequence[Any]) -> bool:
    return bool(values) and isinstance(values[0], list)


def _has_shape(values: Any, shape: Sequence[int]) -> bool:  # noqa: ANN401 - lists in lists
    """Say whether nested lists have as many elements on each level as `shape` says."""
    if len(values) != shape[0]:
        return False
    return len(shape) == 1 or all(_has_shape(value, shape[1:]) for value in values)


def _check_count(tensor: RequestInput, count: int, unit: str) -> None:
    wanted = math.prod(tensor.shape)
    if count != wanted:
        raise InvalidInference(f"{tensor.name} has {count} {unit}; its shape {tensor.shape} says {wanted}")


def _from_base64(name: str, row: int, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInference(f"row {row} of {name} is not base64: {error}") from error
