"""A model server, as the gateway sees it. The only module of the gateway that speaks gRPC.

gRPC itself repeats only calls that no server has begun: those that never left, or that a closing connection gave back
(transparent retries, https://github.com/grpc/proposal/blob/master/A6-client-retries.md#transparent-retries; a
retry policy, which would repeat others, is not set). What fails here is repeated by `gateway.recovery` or by nobody.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Self

import grpc
import grpc.aio
import msgspec
import numpy as np
from google.protobuf.wrappers_pb2 import Int64Value
from numpy.typing import NDArray

from gateway.errors import (
    DeadlineExceeded,
    ExplainUnavailable,
    GatewayError,
    ModelBusy,
    ModelFailed,
    ModelRefused,
    ModelUnavailable,
    VersionGone,
)
from gateway.manifest import Manifest
from gateway.metrics import Metrics
from gateway.tensors import frame_images, unpack_floats, unpack_string
from proto import tfserving_pb2 as pb
from proto.methods import GET_MODEL_STATUS, PREDICT, Method, RequestT, ResponseT

_CONTROL_TIMEOUT_S = 2.0

# The server may return at any moment, so a lost connection is tried again at least once in half a second.
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
)

# What each gRPC status means to a client of the gateway (https://grpc.io/docs/guides/status-codes/).
ERRORS: dict[grpc.StatusCode, type[GatewayError]] = {
    grpc.StatusCode.CANCELLED: ModelUnavailable,
    grpc.StatusCode.UNKNOWN: ModelFailed,
    grpc.StatusCode.INVALID_ARGUMENT: ModelRefused,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.NOT_FOUND: VersionGone,
    grpc.StatusCode.ALREADY_EXISTS: ModelFailed,
    grpc.StatusCode.PERMISSION_DENIED: ModelFailed,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ModelBusy,
    grpc.StatusCode.FAILED_PRECONDITION: ModelFailed,
    grpc.StatusCode.ABORTED: ModelFailed,
    grpc.StatusCode.OUT_OF_RANGE: ModelFailed,
    grpc.StatusCode.UNIMPLEMENTED: ModelFailed,
    grpc.StatusCode.INTERNAL: ModelFailed,
    grpc.StatusCode.UNAVAILABLE: ModelUnavailable,
    grpc.StatusCode.DATA_LOSS: ModelFailed,
    grpc.StatusCode.UNAUTHENTICATED: ModelFailed,
}


class VersionStatus(msgspec.Struct, frozen=True):
    """A version of the model, as GetModelStatus tells it."""

    version: int
    state: str
    """TensorFlow Serving's name: START, LOADING, AVAILABLE, UNLOADING or END."""
    error: str
    """Why it could not be loaded; empty where it could."""


class Backend:
    """One model on one model server."""

    def __init__(self, channel: grpc.aio.Channel, target: str, model: str, metrics: Metrics) -> None:
        self.target = target
        """The address, as it was set."""
        self._channel = channel
        self._status = _bind(channel, GET_MODEL_STATUS)
        self._predict = _bind(channel, PREDICT)
        self._model = model
        self._metrics = metrics

    @classmethod
    def connect(cls, target: str, model: str, metrics: Metrics) -> Self:
        """Open a channel to `target`, `unix:PATH`, `HOST:PORT` or `dns:///NAME:PORT`; no server need be there yet."""
        return cls(grpc.aio.insecure_channel(target, options=[*_OPTIONS, _balancing(target)]), target, model, metrics)

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        await self._channel.close()

    def connected(self) -> bool:
        """Return whether a call would reach a server now that does not say that it is out of service."""
        return self._channel.get_state() is grpc.ChannelConnectivity.READY

    async def status(self) -> list[VersionStatus]:
        """Return the versions that the server knows, newest first.

        Raises:
            ModelUnavailable: the server is away, or does not know the model.
        """
        request = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name=self._model)).SerializeToString()
        reply = await self._call(self._status, GET_MODEL_STATUS, request, _CONTROL_TIMEOUT_S)
        statuses = [
            VersionStatus(
                version=entry.version,
                state=pb.ModelVersionStatus.State.Name(entry.state),
                error=entry.status.error_message,
            )
            for entry in reply.model_version_status
        ]
        return sorted(statuses, key=lambda status: status.version, reverse=True)

    async def describe(self, version: int) -> Manifest:
        """Return what a version says of itself.

        Raises:
            ModelUnavailable: the server is away, or the version has gone.
            ModelFailed: the version has no signature `describe`, or its manifest breaks the contract.
        """
        spec = pb.ModelSpec(name=self._model, version=Int64Value(value=version), signature_name="describe")
        reply = await self._call(
            self._predict, PREDICT, pb.PredictRequest(model_spec=spec).SerializeToString(), _CONTROL_TIMEOUT_S
        )
        try:
            return Manifest.from_json(unpack_string(reply.outputs["manifest"]))
        except ValueError as error:
            raise ModelFailed(f"version {version} describes itself wrongly: {error}") from error

    async def predict(self, version: int, images: Sequence[NDArray[np.uint8]], timeout_s: float) -> NDArray[np.float32]:
        """Ask one version for the probabilities of a batch.

        Args:
            version: the version that must answer.
            images: uint8 `[H, W, C]` each, all of one shape.
            timeout_s: seconds until the answer is of no use; the server is told.

        Returns:
            float32 `[N, K]`, row i for image i.

        Raises:
            VersionGone: the version has left the server.
            ModelUnavailable: the server is away or refuses work.
            DeadlineExceeded: no answer in time.
            ModelFailed: any other failure.
        """
        begin, code = time.perf_counter(), grpc.StatusCode.OK.name
        try:
            return await self.rehearse(version, images, timeout_s)
        except (GatewayError, asyncio.CancelledError) as error:
            code = _code(error)
            raise
        finally:
            self._metrics.backend_rpcs.labels(code).inc()
            if code == grpc.StatusCode.OK.name:
                self._metrics.backend_rpc_duration.observe(time.perf_counter() - begin)

    async def rehearse(
        self, version: int, images: Sequence[NDArray[np.uint8]], timeout_s: float
    ) -> NDArray[np.float32]:
        """Ask as `predict` does, for an answer that no client sees: it is not among the calls that are counted."""
        request = frame_images(self._model, version, images)
        reply = await self._call(self._predict, PREDICT, request, timeout_s)
        return _probabilities(reply, len(images))

    async def explain(
        self, version: int, image: NDArray[np.uint8], timeout_s: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ask one version where it looks in an image `[H, W, C]`; raises as `predict` does.

        Returns:
            The heat map, float32 `[H, W]`, and the probabilities, float32 `[K]`.

        Raises:
            ExplainUnavailable: the version has no signature `explain`.
        """
        request = frame_images(self._model, version, [image], "explain")
        try:
            reply = await self._call(self._predict, PREDICT, request, timeout_s)
        except ModelFailed as error:
            if _code(error) == grpc.StatusCode.FAILED_PRECONDITION.name:
                raise ExplainUnavailable(
                    f"version {version} has no signature `explain`; publish it with `trainer publish`, which adds one"
                ) from error
            raise
        try:
            [heat] = unpack_floats(reply.outputs["heatmaps"])
        except ValueError as error:
            raise ModelFailed(f"the model's heat map cannot be read: {error}") from error
        return heat, _probabilities(reply, 1)[0]

    async def _call(
        self,
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, ResponseT],
        method: Method[RequestT, ResponseT],
        request: bytes,
        timeout_s: float,
    ) -> ResponseT:
        """Call, and translate what gRPC raises: the one border where that happens."""
        try:
            return await call(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            message = f"{method.name} at the model server ended with {error.code().name}"
            raise ERRORS[error.code()](message, internals=f"{self.target}: {error.details() or ''}") from error


def _balancing(target: str) -> tuple[str, str]:
    """Let calls go round the addresses of a name, and connect to each again by itself when it is back.

    An address of a `dns:` target gets no calls while its health service says that it is out of service (gRFC A17,
    https://github.com/grpc/proposal/blob/master/A17-client-side-health-checking.md); one without that service, as
    TensorFlow Serving is unless told, counts as healthy. Not for other targets: gRPC prints an error for each such
    server, and a single server's state is heard from GetModelStatus.
    """
    config: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if target.startswith("dns:"):
        config["healthCheckConfig"] = {"serviceName": ""}
    return "grpc.service_config", json.dumps(config)


def _bind(
    channel: grpc.aio.Channel, method: Method[RequestT, ResponseT]
) -> grpc.aio.UnaryUnaryMultiCallable[bytes, ResponseT]:
    """Bind a method that takes its request as bytes, since `frame_images` makes them."""
    return channel.unary_unary(method.path, response_deserializer=method.response.FromString)


def _code(error: GatewayError | asyncio.CancelledError) -> str:
    """Return how a call ended: OK also where its answer could not be read, CANCELLED where nobody waited for it."""
    if isinstance(error, asyncio.CancelledError):
        return grpc.StatusCode.CANCELLED.name
    cause = error.__cause__
    return cause.code().name if isinstance(cause, grpc.aio.AioRpcError) else grpc.StatusCode.OK.name


def _probabilities(reply: pb.PredictResponse, rows: int) -> NDArray[np.float32]:
    try:
        probabilities = unpack_floats(reply.outputs["probabilities"])
    except ValueError as error:
        raise ModelFailed(f"the model's answer cannot be read: {error}") from error
    if probabilities.ndim != 2 or len(probabilities) != rows:  # rows and classes
        raise ModelFailed(f"the model answered {list(probabilities.shape)} to {rows} images")
    return probabilities
