"""What REST replies with, as JSON: tensors by the rules of `util/json_tensor.cc`, statuses and metadata as there."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf import json_format

from proto import tfserving_pb2 as pb
from serving.errors import invalid, status_code
from serving.json_requests import Format
from serving.tensors import Array, to_array

_BYTES_SUFFIX = "_bytes"
"""An output of strings with such a name comes back as `{"b64": ...}`."""


def write_predict(outputs: Mapping[str, pb.Tensor], form: Format) -> bytes:
    """Write outputs as `predictions`, instance by instance, or as `outputs`; the only one stands without its name.

    NaN and infinities are bare tokens, as in the original; floats have the fewest digits that tell them apart. A
    string that is no UTF-8 stands as it is: name such an output `*_bytes`.

    Raises:
        ServingError: INVALID_ARGUMENT, the outputs have no rows, or not as many as each other.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    arrays = {name: to_array(outputs[name]) for name in sorted(outputs)}
    if form == "instances":
        _ensure_rows(arrays)
    values = {name: _values(array, as_bytes=name.endswith(_BYTES_SUFFIX)) for name, array in arrays.items()}
    if len(values) == 1:
        (content,) = values.values()
    elif form == "inputs":
        content = values
    else:
        content = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return _written({"predictions" if form == "instances" else "outputs": content})


def write_status(response: pb.GetModelStatusResponse) -> bytes:
    """Write the status of versions: codes and states by their names, versions as strings."""
    return _written({"model_version_status": [_version(status) for status in response.model_version_status]})


def _version(status: pb.ModelVersionStatus) -> dict[str, object]:
    outcome = {"error_code": status_code(status.status.error_code).name, "error_message": status.status.error_message}
    return {"version": str(status.version), "state": pb.ModelVersionStatus.State.Name(status.state), "status": outcome}


def write_metadata(response: pb.GetModelMetadataResponse) -> bytes:
    """Write a model's signatures; they stand twice under `signature_def`, as in the original."""
    signatures = pb.SignatureDefMap.FromString(response.metadata["signature_def"].value)
    options: dict[str, Any] = {"always_print_fields_with_no_presence": True, "preserving_proto_field_name": True}
    spec = json_format.MessageToDict(response.model_spec, **options)
    definition = json_format.MessageToDict(signatures, **options)
    return _written({"model_spec": spec, "metadata": {"signature_def": definition}})


def write_error(message: str) -> bytes:
    """Write what went wrong."""
    return _written({"error": message})


def _ensure_rows(arrays: Mapping[str, Array]) -> None:
    expected = None
    for name, array in arrays.items():
        if not array.shape:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if expected is not None and len(array) != expected:
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {expected}")
        expected = len(array)


def _values(array: Array, *, as_bytes: bool) -> Any:  # noqa: ANN401 - a number, a string, or lists of them
    if array.dtype.hasobject:
        write = _base64 if as_bytes else _string
        written = np.empty(array.shape, np.dtype("O"))
        written.ravel()[:] = [write(value) for value in array.ravel()]
        return written.tolist()
    if array.dtype.kind == "f" and array.dtype.itemsize < np.dtype(np.float64).itemsize:
        return array.astype(str).astype(np.float64).tolist()  # 0.2, not 0.20000000298023224
    return array.tolist()


def _base64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def _string(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _written(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode(errors="surrogateescape")
