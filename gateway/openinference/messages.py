"""The protocol's JSON objects, as far as they are read and written here. Unknown fields are ignored.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Datatype = Literal["UINT8", "FP32", "BYTES"]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]

_ID_LENGTH = 1024  # characters
_MOST_TENSORS = 16


class InputParameters(msgspec.Struct, frozen=True):
    """How the values of an input are sent."""

    binary_data_size: Size | UnsetType = UNSET
    """Bytes of it behind the JSON; without it the values are in the JSON."""
    content_type: str | UnsetType = UNSET
    """`base64` where the strings of a BYTES tensor are that."""
    shared_memory_region: str | UnsetType = UNSET


class RequestInput(msgspec.Struct, frozen=True):
    """A tensor that is asked about."""

    name: str
    shape: Annotated[list[Size], Meta(max_length=8)]
    datatype: str
    parameters: InputParameters = InputParameters()
    data: msgspec.Raw | UnsetType = UNSET
    """The values as they stand in the JSON; read once it is known what they must be."""


class OutputParameters(msgspec.Struct, frozen=True):
    """How the values of an output are wanted."""

    binary_data: bool | UnsetType = UNSET
    """Whether they are to come behind the JSON."""
    classification: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    """How many of the highest are wanted, with their labels, instead of all values; 0 for all values."""
    shared_memory_region: str | UnsetType = UNSET


class RequestOutput(msgspec.Struct, frozen=True):
    """A tensor that is wanted."""

    name: str
    parameters: OutputParameters = OutputParameters()


class RequestParameters(msgspec.Struct, frozen=True):
    """How all outputs are wanted."""

    binary_data_output: bool = False
    """Whether the values of outputs that do not say so themselves are to come behind the JSON."""


class InferenceRequest(msgspec.Struct, frozen=True):
    """What a client asks."""

    inputs: Annotated[list[RequestInput], Meta(max_length=_MOST_TENSORS)]
    id: Annotated[str, Meta(max_length=_ID_LENGTH)] | UnsetType = UNSET
    """Comes back in the response."""
    parameters: RequestParameters = RequestParameters()
    outputs: Annotated[list[RequestOutput], Meta(max_length=_MOST_TENSORS)] = []
    """Those that are wanted; none for all."""


class BinarySize(msgspec.Struct, frozen=True):
    """That the values of an output stand behind the JSON."""

    binary_data_size: int
    """Bytes."""


class ResponseOutput(msgspec.Struct, frozen=True):
    """A tensor of the answer."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: BinarySize | UnsetType = UNSET
    data: Sequence[float | str] | UnsetType = UNSET
    """The values, row by row; absent where they stand behind the JSON."""


class InferenceResponse(msgspec.Struct, frozen=True):
    """The answer: row i of each output belongs to row i of the input."""

    model_name: str
    model_version: str
    outputs: list[ResponseOutput]
    id: str | UnsetType = UNSET


class TensorMetadata(msgspec.Struct, frozen=True):
    """What a tensor looks like."""

    name: str
    datatype: Datatype
    shape: list[int]
    """-1 for the number of images."""


class ModelMetadata(msgspec.Struct, frozen=True):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    """Those that can be asked now."""
    platform: str
    inputs: list[TensorMetadata]
    """Two ways to send images, of which a request takes one."""
    outputs: list[TensorMetadata]


class ServerMetadata(msgspec.Struct, frozen=True):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(msgspec.Struct, frozen=True):
    """That the server answers."""

    live: bool = True


class ServerReady(msgspec.Struct, frozen=True):
    """That a version can answer."""

    ready: bool = True


class ModelReady(msgspec.Struct, frozen=True):
    """That the model, or the version that was asked for, can answer."""

    name: str
    ready: bool = True


class IndexRequest(msgspec.Struct, frozen=True):
    """What of the repository is wanted."""

    ready: bool = False
    """Whether only the versions that can answer."""


class IndexEntry(msgspec.Struct, frozen=True):
    """A version in the repository."""

    name: str
    version: str
    state: str
    """Triton's name: READY, LOADING, UNLOADING or UNAVAILABLE."""
    reason: str
