"""Our messages and those of TensorFlow Serving are the same bytes, and the methods have the same paths."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest, ReloadConfigResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from proto import tfserving_pb2 as pb
from proto.methods import GET_MODEL_METADATA, GET_MODEL_STATUS, PREDICT, RELOAD_CONFIG, Method

SHAPE = pb.TensorShape(dim=[pb.TensorShape.Dim(size=-1, name="batch"), pb.TensorShape.Dim(size=2)])
SPEC = pb.ModelSpec(name="lung", signature_name="serving_default", version={"value": 2**40})
VALUES: dict[str, Any] = {
    "half_val": [0x3C00],
    "float_val": [0.5],
    "double_val": [0.25],
    "int_val": [-1, 7],
    "string_val": [b"\xff"],
    "int64_val": [-(2**62)],
    "bool_val": [True, False],
    "uint32_val": [2**32 - 1],
    "uint64_val": [2**64 - 1],
}
TENSORS = {name: pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=SHAPE, **{name: values}) for name, values in VALUES.items()}
TENSORS["content"] = pb.Tensor(dtype=pb.DT_UINT8, tensor_shape=SHAPE, version_number=3, tensor_content=b"ab")
INFO = pb.TensorInfo(name="serving_default_images:0", dtype=pb.DT_UINT8, tensor_shape=SHAPE)
SIGNATURE = pb.SignatureDef(inputs={"images": INFO}, outputs={"probabilities": INFO}, method_name="predict")
REQUEST = pb.PredictRequest(model_spec=SPEC, inputs=TENSORS, output_filter=["probabilities"])
RESPONSE = pb.PredictResponse(model_spec=SPEC, outputs=TENSORS)
STATUS = pb.ModelVersionStatus(
    version=7,
    state=pb.ModelVersionStatus.AVAILABLE,
    status=pb.ModelVersionStatus.Status(error_code=15, error_message="lost"),
)
Policy = pb.FileSystemStoragePathSourceConfig.ServableVersionPolicy


def reload_request(policy: Policy) -> pb.ReloadConfigRequest:
    model = pb.ModelConfig(name="lung", base_path="/models/lung", model_platform="tensorflow")
    model.model_version_policy.CopyFrom(policy)
    model.version_labels["stable"] = 2**40
    typed = pb.ModelConfig(name="bone", base_path="/models/bone", model_type=pb.TENSORFLOW)
    models = pb.ModelConfigList(config=[model, typed])
    return pb.ReloadConfigRequest(config=pb.ModelServerConfig(model_config_list=models), metric_names=["m"])


PAIRS = [
    (SPEC, ModelSpec),
    (pb.ModelSpec(name="lung", version_label="canary"), ModelSpec),
    (REQUEST, PredictRequest),
    (RESPONSE, PredictResponse),
    (pb.SignatureDefMap(signature_def={"serving_default": SIGNATURE}), SignatureDefMap),
    (pb.GetModelMetadataRequest(model_spec=SPEC, metadata_field=["signature_def"]), GetModelMetadataRequest),
    (pb.GetModelMetadataResponse(model_spec=SPEC), GetModelMetadataResponse),
    (pb.GetModelStatusRequest(model_spec=SPEC), GetModelStatusRequest),
    (pb.GetModelStatusResponse(model_version_status=[STATUS]), GetModelStatusResponse),
    (
        pb.PredictionLog(predict_log=pb.PredictionLog.PredictLog(request=REQUEST, response=RESPONSE)),
        PredictionLog,
    ),
    (reload_request(Policy(latest=Policy.Latest(num_versions=2))), ReloadConfigRequest),
    (reload_request(Policy(all=Policy.All())), ReloadConfigRequest),
    (reload_request(Policy(specific=Policy.Specific(versions=[-1, 2**40]))), ReloadConfigRequest),
    (
        pb.ReloadConfigResponse(status=pb.StatusProto(error_code=9, error_message="not available")),
        ReloadConfigResponse,
    ),
]


@pytest.mark.parametrize(("ours", "official"), PAIRS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_message_says_the_same_on_both_sides(ours: Message, official: type[Message]) -> None:
    theirs = official.FromString(ours.SerializeToString())

    assert _plain(theirs) == _plain(ours)
    assert type(ours).FromString(theirs.SerializeToString()) == ours


def _plain(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, use_integers_for_enums=True)


@pytest.mark.parametrize("name", pb.DataType.keys())
def test_a_dtype_has_the_same_number(name: str) -> None:
    assert pb.DataType.Value(name) == types_pb2.DataType.Value(name)


@pytest.mark.parametrize(
    ("method", "stub"),
    [
        pytest.param(PREDICT, PredictionServiceStub, id="Predict"),
        pytest.param(GET_MODEL_METADATA, PredictionServiceStub, id="GetModelMetadata"),
        pytest.param(GET_MODEL_STATUS, ModelServiceStub, id="GetModelStatus"),
        pytest.param(RELOAD_CONFIG, ModelServiceStub, id="HandleReloadConfigRequest"),
    ],
)
def test_a_method_has_the_path_that_the_official_stub_calls(
    method: Method[Any, Any], stub: Callable[[grpc.Channel], object]
) -> None:
    with grpc.insecure_channel("unix:/nowhere") as channel:
        assert getattr(stub(channel), method.name)._method == method.path.encode()  # noqa: SLF001 - nowhere else
