"""What REST replies with, as text."""

import json

import grpc
import numpy as np
import pytest

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.json_replies import write_error, write_metadata, write_predict, write_status
from serving.tensors import Array, to_tensor


def outputs(**arrays: Array) -> dict[str, pb.Tensor]:
    return {name: to_tensor(array) for name, array in arrays.items()}


def strings(*values: bytes) -> Array:
    array = np.empty(len(values), np.dtype("O"))
    array[:] = values
    return array


A, B = np.array([[1, 2], [3, 4]], np.int32), np.array([0.2, 9e6], np.float32)


def test_the_only_output_stands_without_its_name() -> None:
    assert write_predict(outputs(a=A), "instances") == b'{"predictions": [[1, 2], [3, 4]]}'
    assert write_predict(outputs(a=A), "inputs") == b'{"outputs": [[1, 2], [3, 4]]}'


def test_several_outputs_stand_row_by_row_or_column_by_column() -> None:
    rows = [{"a": [1, 2], "b": 0.2}, {"a": [3, 4], "b": 9e6}]

    assert json.loads(write_predict(outputs(a=A, b=B), "instances")) == {"predictions": rows}
    assert json.loads(write_predict(outputs(a=A, b=B), "inputs")) == {"outputs": {"a": A.tolist(), "b": [0.2, 9e6]}}


def test_a_scalar_is_no_list() -> None:
    assert write_predict(outputs(a=np.array(7, np.int64)), "inputs") == b'{"outputs": 7}'


def test_floats_have_no_noise_and_whole_ones_a_point() -> None:
    assert write_predict(outputs(b=B), "instances") == b'{"predictions": [0.2, 9000000.0]}'
    assert write_predict(outputs(b=B[:1].astype(np.float16)), "instances") == b'{"predictions": [0.2]}'


def test_no_number_and_infinities_are_bare() -> None:
    content = outputs(a=np.array([np.nan, np.inf, -np.inf], np.float32))

    assert write_predict(content, "instances") == b'{"predictions": [NaN, Infinity, -Infinity]}'


def test_strings_are_text_and_bytes_are_base64() -> None:
    values = strings(b"\xc3\xa9", b"\xff")

    assert write_predict(outputs(a=values), "instances") == b'{"predictions": ["\xc3\xa9", "\xff"]}'
    assert write_predict(outputs(a_bytes=values), "instances") == b'{"predictions": [{"b64": "w6k="}, {"b64": "/w=="}]}'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (outputs(a=np.array(7, np.int64)), "Tensor name: a has no shape information "),
        (outputs(a=A, b=B[:1]), "Tensor name: b has inconsistent batch size: 1 expecting: 2"),
        ({}, "Cannot convert empty tensor map to JSON"),
    ],
)
def test_outputs_without_rows_cannot_stand_row_by_row(content: dict[str, pb.Tensor], text: str) -> None:
    with pytest.raises(ServingError) as caught:
        write_predict(content, "instances")

    assert (caught.value.code, str(caught.value)) == (grpc.StatusCode.INVALID_ARGUMENT, text)


def test_a_status_has_names_and_its_version_is_a_string() -> None:
    status = pb.ModelVersionStatus(version=2**53 + 1, state=pb.ModelVersionStatus.END)
    status.status.error_code, status.status.error_message = 15, "lost"

    assert json.loads(write_status(pb.GetModelStatusResponse(model_version_status=[status]))) == {
        "model_version_status": [
            {
                "version": "9007199254740993",
                "state": "END",
                "status": {"error_code": "DATA_LOSS", "error_message": "lost"},
            }
        ]
    }


def test_metadata_hold_the_signatures_twice_below_their_name() -> None:
    shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=-1)])
    info = pb.TensorInfo(name="x:0", dtype=pb.DT_UINT8, tensor_shape=shape)
    signatures = pb.SignatureDefMap(signature_def={"serving_default": pb.SignatureDef(inputs={"x": info})})
    response = pb.GetModelMetadataResponse(model_spec=pb.ModelSpec(name="lung", version={"value": 1}))
    response.metadata["signature_def"].value = signatures.SerializeToString()

    written = json.loads(write_metadata(response))

    assert written["model_spec"] == {"name": "lung", "version": "1", "signature_name": ""}
    assert written["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"] == {
        "name": "x:0",
        "dtype": "DT_UINT8",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
    }


def test_an_error_is_an_object() -> None:
    assert write_error('a "b"') == rb'{"error": "a \"b\""}'
