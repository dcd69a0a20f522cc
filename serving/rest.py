"""The REST API, from a request to its reply, without transport: `model_servers/http_rest_api_handler.cc`."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import grpc

from proto import tfserving_pb2 as pb
from serving.accounting import Calls
from serving.errors import ServingError, invalid, unimplemented
from serving.json_replies import write_error, write_metadata, write_predict, write_status
from serving.json_requests import parse_predict
from serving.prediction import DEFAULT_SIGNATURE, Call, ensure_wanted
from serving.rest_paths import Route, route

_Code = grpc.StatusCode
_STATUS = {
    _Code.OK: 200,
    _Code.CANCELLED: 499,
    _Code.UNKNOWN: 500,
    _Code.INVALID_ARGUMENT: 400,
    _Code.DEADLINE_EXCEEDED: 504,
    _Code.NOT_FOUND: 404,
    _Code.ALREADY_EXISTS: 409,
    _Code.PERMISSION_DENIED: 403,
    _Code.UNAUTHENTICATED: 401,
    _Code.RESOURCE_EXHAUSTED: 429,
    _Code.FAILED_PRECONDITION: 400,
    _Code.ABORTED: 409,
    _Code.OUT_OF_RANGE: 400,
    _Code.UNIMPLEMENTED: 501,
    _Code.INTERNAL: 500,
    _Code.UNAVAILABLE: 503,
    _Code.DATA_LOSS: 500,
}
"""The HTTP status for each code (`ToHTTPStatusCode` in `model_servers/http_server.cc`)."""


class Services(Protocol):
    """The part of `serving.services.Servicer` that the API translates to."""

    def predict(self, request: pb.PredictRequest, call: Call, /) -> pb.PredictResponse:
        """PredictionService.Predict."""

    def metadata(self, request: pb.GetModelMetadataRequest, call: Call, /) -> pb.GetModelMetadataResponse:
        """PredictionService.GetModelMetadata."""

    def status(self, request: pb.GetModelStatusRequest, call: Call, /) -> pb.GetModelStatusResponse:
        """ModelService.GetModelStatus."""


class Reply(NamedTuple):
    """What the client gets."""

    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True)
class RestCall:
    """A call over HTTP (`serving.prediction.Call`)."""

    deadline: float | None
    """A time of `clock`."""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when the client leaves."""
    clock: Callable[[], float] = time.monotonic

    def is_active(self) -> bool:
        """Whether the client still waits."""
        return not self.gone.is_set()

    def time_remaining(self) -> float | None:
        """Seconds until the deadline; None without one."""
        return None if self.deadline is None else self.deadline - self.clock()


class RestApi:
    """Answers requests from `services`, and counts them in `calls`; from any thread."""

    def __init__(self, services: Services, calls: Calls) -> None:
        self._services = services
        self._calls = calls

    def answer(self, verb: str, path: str, body: bytes, call: Call) -> Reply:
        """Answer a request whose path belongs to the API; what goes wrong is a reply too."""
        try:
            with self._calls.one("REST") as asked:
                wanted = route(verb, path)
                asked.model = wanted.spec.name
                asked.api = wanted.method if verb == "POST" else ""
                ensure_wanted(call)
                return Reply(200, self._content(wanted, body, call))
        except ServingError as error:
            return failure(error)

    def refuse(self, verb: str, path: str, error: ServingError) -> Reply:
        """Count and answer a request that is not taken because of `error`."""
        try:
            with self._calls.one("REST") as asked:
                asked.model = route(verb, path).spec.name
                raise error
        except ServingError:
            return failure(error)

    def _content(self, wanted: Route, body: bytes, call: Call) -> bytes:
        if wanted.method == "predict":
            return self._predict(wanted.spec, body, call)
        if wanted.method == "status":
            return write_status(self._services.status(pb.GetModelStatusRequest(model_spec=wanted.spec), call))
        if wanted.method == "metadata":
            return write_metadata(self._services.metadata(_metadata_request(wanted.spec), call))
        raise unimplemented(f"{wanted.method} is not offered by the embedded server: use predict")

    def _predict(self, spec: pb.ModelSpec, body: bytes, call: Call) -> bytes:
        parsed = parse_predict(body, lambda signature: self._inputs(spec, signature, call))
        request = pb.PredictRequest(model_spec=spec, inputs=parsed.inputs)
        request.model_spec.signature_name = parsed.signature
        return write_predict(self._services.predict(request, call).outputs, parsed.format)

    def _inputs(self, spec: pb.ModelSpec, signature: str, call: Call) -> Mapping[str, pb.TensorInfo]:
        metadata = self._services.metadata(_metadata_request(spec), call)
        known = pb.SignatureDefMap.FromString(metadata.metadata["signature_def"].value).signature_def
        name = signature or DEFAULT_SIGNATURE
        if name not in known:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        return known[name].inputs


def failure(error: ServingError) -> Reply:
    """Return the reply to a call that failed."""
    return Reply(_STATUS[error.code], write_error(error.text))


def _metadata_request(spec: pb.ModelSpec) -> pb.GetModelMetadataRequest:
    return pb.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
