"""The errors that a client can be told of, as one tree, and in one file so that it can be seen whole.

GatewayError
├── BadRequest
│   ├── MissingField
│   ├── MalformedForm
│   ├── BodyTooLarge
│   ├── BodyTimeout
│   ├── ClientGone
│   ├── TooManyFiles
│   ├── InvalidTimeout
│   ├── InvalidRoute
│   ├── InvalidFilter
│   ├── RouteConflict
│   ├── InvalidInference
│   ├── ModelUnknown
│   ├── InvalidParameters
│   ├── SessionUnknown
│   ├── SessionEnded
│   ├── InvalidLabels
│   ├── LabelConflict
│   ├── PredictionUnknown
│   ├── InvalidFeedback
│   └── BadImage
│       ├── EmptyImage
│       ├── UnsupportedFormat
│       ├── TruncatedImage
│       ├── CorruptImage
│       ├── TooManyPixels
│       ├── InvalidDicom
│       └── UnsupportedDicom
├── AccessDenied
│   ├── KeyMissing
│   ├── KeyInvalid
│   └── ScopeMissing
├── RateLimited
├── Overloaded
├── DeadlineExceeded
├── ModelUnavailable
│   ├── ModelBusy
│   └── VersionGone
├── ModelFailed
│   └── ModelRefused
├── ExplainUnavailable
├── RetrainingUnavailable
├── UploadsFull
├── UploadsUnavailable
└── HistoryUnavailable

`status` is the HTTP status, `name` the last part of the problem's `type` (RFC 9457) and the metric label, and the
class docstring is the documentation that `GET /problems/<name>` shows.
"""

from collections.abc import Iterator
from typing import ClassVar


class GatewayError(Exception):
    """Something that a client is told of: the value, the limit, the remedy."""

    status: ClassVar[int]
    name: ClassVar[str]
    title: ClassVar[str]
    retry_after: int | None = None
    """Seconds after which the same request may succeed; None where it never will."""
    challenge: ClassVar[str | None] = None
    """How a client is to prove who it is (`WWW-Authenticate`, RFC 6750); None where that is not the matter."""

    def __init__(self, detail: str, internals: str = "", retry_after: int | None = None) -> None:
        """Hold the sentence for this occurrence, what is logged beside it but told to nobody outside, and seconds."""
        super().__init__(detail)
        self.detail = detail
        self.internals = internals
        if retry_after is not None:
            self.retry_after = retry_after


class BadRequest(GatewayError):
    """The request itself cannot be answered; sending it again will not help."""


class MissingField(BadRequest):
    """The multipart form holds no file under the name that the endpoint reads."""

    status, name, title = 400, "missing-field", "A form field is missing"


class MalformedForm(BadRequest):
    """The body is announced as multipart/form-data but cannot be parsed as such (RFC 7578)."""

    status, name, title = 400, "malformed-form", "The form cannot be read"


class BodyTooLarge(BadRequest):
    """The body is larger than the gateway reads. Nothing of it was kept."""

    status, name, title = 413, "body-too-large", "The body is too large"


class BodyTimeout(BadRequest):
    """The body did not arrive in time: within what the gateway waits for one, or within the request's own timeout."""

    status, name, title = 408, "body-timeout", "The body came too slowly"


class ClientGone(BadRequest):
    """The client closed the connection before it was answered. The work for it was ended; nobody reads this answer."""

    status, name, title = 499, "client-gone", "The client has gone"


class TooManyFiles(BadRequest):
    """One batch request holds more files than the gateway accepts."""

    status, name, title = 413, "too-many-files", "Too many files in one request"


class InvalidTimeout(BadRequest):
    """The header `X-Request-Timeout` is not a number of seconds above 0; nothing was done."""

    status, name, title = 400, "timeout-invalid", "The timeout is not valid"


class InvalidRoute(BadRequest):
    """The route is no JSON document as `PUT /models/route` takes it, or it contradicts itself; nothing was changed."""

    status, name, title = 422, "route-invalid", "The route is not valid"


class InvalidFilter(BadRequest):
    """A filter of `GET /history` is of the wrong kind or out of its range, or two contradict each other."""

    status, name, title = 422, "filter-invalid", "A filter is not valid"


class RouteConflict(BadRequest):
    """The route cannot be set as things are: a version that it needs cannot answer, or the route is another by now."""

    status, name, title = 409, "route-conflict", "The route cannot be set now"


class InvalidInference(BadRequest):
    """The body is no inference request of the Open Inference Protocol, or none that this model takes."""

    status, name, title = 400, "inference-invalid", "The inference request is not valid"


class ModelUnknown(BadRequest):
    """There is no model of this name, or no such version of it."""

    status, name, title = 404, "model-unknown", "There is no such model"


class InvalidParameters(BadRequest):
    """The parameters of a retraining are no JSON object, or not what the trainer allows; nothing was started."""

    status, name, title = 422, "parameters-invalid", "The parameters are not valid"


class SessionUnknown(BadRequest):
    """There is no training session, or no session of uploads, of this identity."""

    status, name, title = 404, "session-unknown", "There is no such session"


class SessionEnded(BadRequest):
    """The training session has ended, so it cannot be cancelled."""

    status, name, title = 409, "session-ended", "The session has ended"


class InvalidLabels(BadRequest):
    """A label is none of the classes of the model, or there is not one label for each file; nothing was stored."""

    status, name, title = 422, "labels-invalid", "The labels are not valid"


class LabelConflict(BadRequest):
    """The same image was stored with another label before; it was not stored again, and keeps that one."""

    status, name, title = 409, "label-conflict", "The image has another label"


class PredictionUnknown(BadRequest):
    """The history has no prediction of this identity; it may have been deleted by now."""

    status, name, title = 404, "prediction-unknown", "There is no such prediction"


class InvalidFeedback(BadRequest):
    """The feedback is no JSON object with a prediction's identity and a label."""

    status, name, title = 422, "feedback-invalid", "The feedback is not valid"


class BadImage(BadRequest):
    """The file is not an image that the gateway accepts."""


class EmptyImage(BadImage):
    """The file or the body has no bytes."""

    status, name, title = 400, "image-empty", "The image is empty"


class UnsupportedFormat(BadImage):
    """The bytes are neither a PNG of one picture nor a usual JPEG: baseline or progressive, 8 bits, grey or colour."""

    status, name, title = 415, "image-format", "The image format is not supported"


class TruncatedImage(BadImage):
    """The file ends before the image does; it was probably cut off on its way."""

    status, name, title = 422, "image-truncated", "The image is truncated"


class CorruptImage(BadImage):
    """The file contradicts itself or its checksums, or it goes on after the end of its picture."""

    status, name, title = 422, "image-corrupt", "The image is corrupt"


class TooManyPixels(BadImage):
    """The image has more pixels than the gateway decodes; it was not decoded."""

    status, name, title = 413, "image-too-many-pixels", "The image has too many pixels"


class AccessDenied(GatewayError):
    """Who asks may not have what is asked for; the body was not read, and nothing was done."""


class KeyMissing(AccessDenied):
    """The request brings no API key, and needs one: as `Authorization: Bearer KEY`, or as `X-API-Key: KEY`."""

    status, name, title = 401, "key-missing", "An API key is needed"
    challenge = 'Bearer realm="pulmo"'


class KeyInvalid(AccessDenied):
    """The API key is not one of those that hold now. It may have been replaced; the operator gives out others."""

    status, name, title = 401, "key-invalid", "The API key is not valid"
    challenge = 'Bearer realm="pulmo", error="invalid_token"'


class ScopeMissing(AccessDenied):
    """The API key holds, but not for this: `predict` is for clients, `operate` for those who run the service."""

    status, name, title = 403, "scope-missing", "The API key does not allow this"
    challenge = 'Bearer realm="pulmo", error="insufficient_scope"'


class RateLimited(GatewayError):
    """The API key was used more often than the operator allows; nothing was done for this request."""

    status, name, title, retry_after = 429, "rate-limited", "The API key is used too often", 1


class InvalidDicom(BadImage):
    """The DICOM file is broken, or lacks what makes a picture of it: pixels, their layout, their rescaling."""

    status, name, title = 422, "dicom-invalid", "The DICOM file is not valid"


class UnsupportedDicom(BadImage):
    """The DICOM file is compressed, has several frames, or has colours that the gateway does not read."""

    status, name, title = 415, "dicom-unsupported", "The DICOM file is of a kind that is not supported"


class Overloaded(GatewayError):
    """The gateway is at its limit; nothing was done for this request."""

    status, name, title, retry_after = 429, "overloaded", "The gateway is at its limit", 1


class DeadlineExceeded(GatewayError):
    """The answer was not ready in time; it is not in the history."""

    status, name, title, retry_after = 504, "deadline-exceeded", "The answer was not ready in time", 1


class ModelUnavailable(GatewayError):
    """No version of the model can answer now: the model server is away, or has loaded none."""

    status, name, title, retry_after = 503, "model-unavailable", "No model is available", 1


class ModelBusy(ModelUnavailable):
    """The model server is there, and has no thread free for another call."""

    status, name, title, retry_after = 503, "model-busy", "The model server is busy", 1


class VersionGone(ModelUnavailable):
    """The version that a request was prepared for has left the model server; the gateway takes the next one."""


class ModelFailed(GatewayError):
    """The model server refused or failed a call that should have worked."""

    status, name, title, retry_after = 502, "model-failed", "The model failed", 1


class ModelRefused(ModelFailed):
    """The model takes none of the images in a call as they are; asked for alone, one of them may be answered."""


class ExplainUnavailable(GatewayError):
    """The version that answers has no signature `explain`, so it cannot say where it looked."""

    status, name, title = 501, "explain-unavailable", "The model cannot explain itself"


class RetrainingUnavailable(GatewayError):
    """This gateway cannot start the trainer: it is not installed beside it, or cannot be run."""

    status, name, title = 501, "retraining-unavailable", "Retraining is not available here"


class UploadsFull(GatewayError):
    """The space for uploaded images is used up; nothing of the request was stored."""

    status, name, title = 507, "uploads-full", "There is no space for uploads"


class UploadsUnavailable(GatewayError):
    """The uploaded images could not be written to the disk; nothing of the request counts as stored."""

    status, name, title, retry_after = 503, "uploads-unavailable", "Uploads cannot be stored", 10


class HistoryUnavailable(GatewayError):
    """The history cannot be written or read; a prediction that cannot be recorded is not given."""

    status, name, title, retry_after = 503, "history-unavailable", "The history is not available", 1


def documented() -> dict[str, type[GatewayError]]:
    """Return every error that has a problem type of its own, by its name."""

    def walk(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
        for child in kind.__subclasses__():
            yield child
            yield from walk(child)

    return {kind.name: kind for kind in walk(GatewayError) if "name" in vars(kind)}
