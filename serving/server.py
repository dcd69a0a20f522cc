"""The gRPC side of the model server: PredictionService and ModelService of TensorFlow Serving, without TensorFlow."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from proto import tfserving_pb2 as pb
from proto.methods import GET_MODEL_METADATA, GET_MODEL_STATUS, PREDICT, Method, RequestT, ResponseT
from serving.errors import ServingError, invalid
from serving.prediction import ensure_wanted, predict
from serving.versions import Versions

_REFUSERS = 2
"""Threads kept back to tell callers that all others are busy."""
_Handlers = dict[str, "grpc.RpcMethodHandler[Any, Any]"]
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]


class Servicer:
    """The three methods, each from request to response; every ServingError is for the client."""

    def __init__(self, versions: Versions, *, as_content: bool) -> None:
        self._versions = versions
        self._as_content = as_content

    def predict(self, request: pb.PredictRequest, context: grpc.ServicerContext) -> pb.PredictResponse:
        """PredictionService.Predict."""
        ensure_wanted(context)
        spec = request.model_spec
        with self._versions.borrow(self._version(request.HasField("model_spec"), spec)) as (version, model):
            response = predict(model, request, context, as_content=self._as_content)
        response.model_spec.name = spec.name
        response.model_spec.version.value = version
        return response

    def metadata(self, request: pb.GetModelMetadataRequest, _: grpc.ServicerContext) -> pb.GetModelMetadataResponse:
        """PredictionService.GetModelMetadata (`servables/tensorflow/get_model_metadata_impl.cc`)."""
        spec = request.model_spec
        wanted = self._version(request.HasField("model_spec"), spec)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        with self._versions.borrow(wanted) as (version, model):
            signatures = pb.SignatureDefMap(signature_def=model.signatures)
        response = pb.GetModelMetadataResponse(model_spec=pb.ModelSpec(name=spec.name))
        response.model_spec.version.value = version
        type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        response.metadata["signature_def"].CopyFrom(AnyMessage(type_url=type_url, value=signatures.SerializeToString()))
        return response

    def status(self, request: pb.GetModelStatusRequest, _: grpc.ServicerContext) -> pb.GetModelStatusResponse:
        """ModelService.GetModelStatus (`model_servers/get_model_status_impl.cc`); a label is ignored, as there."""
        spec = request.model_spec
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        known = self._versions.statuses() if spec.name == self._versions.name else []
        pinned = spec.HasField("version")
        found = [status for status in known if not pinned or status.version == spec.version.value]
        if not found:
            what = f"version {spec.version.value}" if pinned else "any versions"
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"Could not find {what} of model {spec.name}")
        return pb.GetModelStatusResponse(model_version_status=found)

    def _version(self, present: bool, spec: pb.ModelSpec) -> int | None:  # noqa: FBT001 - what HasField answers
        """Return the version that a spec pins, None for the latest (`ServerCore::ServableRequestFromModelSpec`)."""
        if not present:
            raise invalid("Missing ModelSpec")
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        if spec.HasField("version_label"):
            raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        version = spec.version.value if spec.HasField("version") else None
        if spec.name != self._versions.name:
            wanted = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
        return version


@contextmanager
def listening(servicer: Servicer, addresses: Sequence[str], *, threads: int, grace: float) -> Iterator[None]:
    """Serve on `addresses`; at the end take no new calls, and let those that run finish within `grace` seconds.

    `threads` calls run at a time; further ones are refused at once. Messages may be as large as gRPC can carry.

    Raises:
        OSError: an address is taken or not allowed.
    """
    with ThreadPoolExecutor(threads + _REFUSERS, thread_name_prefix="grpc") as pool:
        server = grpc.server(pool, options=_OPTIONS, maximum_concurrent_rpcs=2 * (threads + _REFUSERS))
        server.add_generic_rpc_handlers(_handlers(servicer, threading.BoundedSemaphore(threads)))
        for address in addresses:
            _bind(server, address)
        server.start()
        try:
            yield
        finally:
            server.stop(grace).wait()


def _bind(server: grpc.Server, address: str) -> None:
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error


def _handlers(servicer: Servicer, free: threading.BoundedSemaphore) -> tuple[grpc.GenericRpcHandler, ...]:
    prediction: _Handlers = {
        PREDICT.name: _unary(PREDICT, servicer.predict, free),
        GET_MODEL_METADATA.name: _unary(GET_MODEL_METADATA, servicer.metadata, free),
    }
    model: _Handlers = {GET_MODEL_STATUS.name: _unary(GET_MODEL_STATUS, servicer.status, free)}
    return (
        grpc.method_handlers_generic_handler(PREDICT.service, prediction),
        grpc.method_handlers_generic_handler(GET_MODEL_STATUS.service, model),
    )


def _unary(
    method: Method[RequestT, ResponseT],
    answer: Callable[[RequestT, grpc.ServicerContext], ResponseT],
    free: threading.BoundedSemaphore,
) -> "grpc.RpcMethodHandler[RequestT, ResponseT]":
    """Bind a method: refuse it if no thread is free, and turn a ServingError into the status of the call."""

    def handle(request: RequestT, context: grpc.ServicerContext) -> ResponseT:
        if not free.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
        try:
            return answer(request, context)
        except ServingError as error:
            context.abort(error.code, error.text)
        finally:
            free.release()

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=method.request.FromString, response_serializer=method.response.SerializeToString
    )
