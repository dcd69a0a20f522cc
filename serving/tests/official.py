"""The official client of TensorFlow Serving, from the package tensorflow-serving-api."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.tensors import Array
from tests.modelserver import MODEL

Untyped = Any
"""A message or stub of the package, which has no types."""


@dataclass(frozen=True)
class Official:
    """Calls to the model `lung` of one server."""

    prediction: Untyped
    model: Untyped

    def predict(self, request: Untyped) -> Untyped:
        return self.prediction.Predict(request, timeout=30)

    def metadata(self, request: Untyped) -> Untyped:
        return self.prediction.GetModelMetadata(request, timeout=30)

    def status(self, request: Untyped) -> Untyped:
        return self.model.GetModelStatus(request, timeout=30)

    def states(self) -> dict[int, Untyped]:
        """Return the status of each version."""
        return {status.version: status for status in self.status(status_request()).model_version_status}

    def probabilities(self, images: Array, version: int | None = None) -> tuple[int, Array]:
        """Return the version that answered, and its answer."""
        reply = self.predict(predict_request(images, version))
        return reply.model_spec.version.value, tf.make_ndarray(reply.outputs["probabilities"])


@contextmanager
def connected(target: str) -> Iterator[Official]:
    """Connect to the server at `target`."""
    with grpc.insecure_channel(target) as channel:
        yield Official(PredictionServiceStub(channel), ModelServiceStub(channel))


def predict_request(images: Array, version: int | None = None) -> Untyped:
    request = PredictRequest()
    request.model_spec.name = MODEL
    if version is not None:
        request.model_spec.version.value = version
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(images))
    return request


def signature_request(signature: str, **inputs: object) -> Untyped:
    request = PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = signature
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


def metadata_request(*fields: str) -> Untyped:
    request = GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = MODEL
    return request


def status_request(version: int | None = None) -> Untyped:
    request = GetModelStatusRequest()
    request.model_spec.name = MODEL
    if version is not None:
        request.model_spec.version.value = version
    return request


def signatures(reply: Untyped) -> Untyped:
    """Return the SignatureDefMap in the reply to a metadata request."""
    found = SignatureDefMap()
    assert reply.metadata["signature_def"].Unpack(found)
    return found.signature_def
