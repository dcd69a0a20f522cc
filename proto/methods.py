"""The gRPC methods of TensorFlow Serving that Pulmo speaks: their paths, and the messages that they carry."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from proto import tfserving_pb2 as pb

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


@dataclass(frozen=True)
class Method(Generic[RequestT, ResponseT]):
    """One unary gRPC method."""

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

PREDICT = Method(_PREDICTION, "Predict", pb.PredictRequest, pb.PredictResponse)
GET_MODEL_METADATA = Method(_PREDICTION, "GetModelMetadata", pb.GetModelMetadataRequest, pb.GetModelMetadataResponse)
GET_MODEL_STATUS = Method(_MODEL, "GetModelStatus", pb.GetModelStatusRequest, pb.GetModelStatusResponse)
