"""The gRPC methods that Pulmo speaks, TensorFlow Serving's and gRPC's own: their paths, and what they carry."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from proto import tfserving_pb2 as pb

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


@dataclass(frozen=True)
class Method(Generic[RequestT, ResponseT]):
    """One gRPC method with one request; all but HEALTH_WATCH have one response."""

    service: str
    name: str
    request: type[RequestT]
    response: type[ResponseT]

    @property
    def path(self) -> str:
        """The path of the method on the wire, `/<service>/<method>`."""
        return f"/{self.service}/{self.name}"


_PREDICTION = "tensorflow.serving.PredictionService"
_MODEL = "tensorflow.serving.ModelService"
_HEALTH = "grpc.health.v1.Health"

PREDICT = Method(_PREDICTION, "Predict", pb.PredictRequest, pb.PredictResponse)
GET_MODEL_METADATA = Method(_PREDICTION, "GetModelMetadata", pb.GetModelMetadataRequest, pb.GetModelMetadataResponse)
GET_MODEL_STATUS = Method(_MODEL, "GetModelStatus", pb.GetModelStatusRequest, pb.GetModelStatusResponse)
RELOAD_CONFIG = Method(_MODEL, "HandleReloadConfigRequest", pb.ReloadConfigRequest, pb.ReloadConfigResponse)
HEALTH_CHECK = Method(_HEALTH, "Check", pb.HealthCheckRequest, pb.HealthCheckResponse)
HEALTH_WATCH = Method(_HEALTH, "Watch", pb.HealthCheckRequest, pb.HealthCheckResponse)
