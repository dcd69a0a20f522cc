"""Whether the server takes calls, as gRPC's health checking protocol asks (`grpc/health/v1/health.proto`)."""

import threading
from collections.abc import Iterator

import grpc

from proto import tfserving_pb2 as pb
from serving.errors import ServingError

_SERVICES = ("", "ModelService", "PredictionService")
"""The whole server, and the names that TensorFlow Serving registers (`model_servers/server.cc`), without a package."""
_HEED = 1.0
"""Seconds after which a watcher is looked for, in case that it has left."""
_Response = pb.HealthCheckResponse


class Health:
    """Says SERVING until the server drains, and NOT_SERVING from then on; for any thread."""

    def __init__(self) -> None:
        self._draining = threading.Event()

    def drain(self) -> None:
        """Take the server out of service."""
        self._draining.set()

    def check(self, request: pb.HealthCheckRequest) -> pb.HealthCheckResponse:
        """Health.Check.

        Raises:
            ServingError: NOT_FOUND, there is no such service.
        """
        if request.service not in _SERVICES:
            raise ServingError(grpc.StatusCode.NOT_FOUND, "unknown service")
        return _Response(status=self._status())

    def watch(self, request: pb.HealthCheckRequest, context: grpc.ServicerContext) -> Iterator[pb.HealthCheckResponse]:
        """Health.Watch: the status now and when it changes; ends with the server, or when the client leaves."""
        if request.service not in _SERVICES:
            yield _Response(status=_Response.SERVICE_UNKNOWN)
        elif not self._draining.is_set():
            yield _Response(status=_Response.SERVING)
        while context.is_active() and not self._draining.wait(_HEED):
            pass
        if request.service in _SERVICES and self._draining.is_set():
            yield _Response(status=_Response.NOT_SERVING)

    def _status(self) -> pb.HealthCheckResponse.ServingStatus:
        return _Response.NOT_SERVING if self._draining.is_set() else _Response.SERVING
