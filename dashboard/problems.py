"""What can go wrong between the console and the gateway, in words that an operator can act on."""

import http
from typing import Final

import httpx
import msgspec

_REMEDIES: Final = {
    401: "Sign in with a valid API key, or give the console one in PULMO_API_KEY.",
    403: "Sign in with an API key that may do this.",
    404: "Look again: it may have been deleted by now, or the gateway is of another release.",
    409: "Look at the present state, and decide again.",
    413: "Send less at a time.",
    422: "Correct the value that is named, and try again.",
    501: "Ask whoever runs the gateway to do that.",
    507: "Ask whoever runs the gateway to do that.",
}
_IMAGE_REMEDIES: Final = {
    400: "Upload a PNG, JPEG or DICOM image.",
    413: "Upload a smaller image.",
    415: "Upload a PNG or JPEG image, or an uncompressed DICOM slice.",
    422: "Upload a PNG, JPEG or DICOM image that opens elsewhere.",
}
OF_THE_KEY: Final = frozenset({401, 403})
"""Statuses that say who asks, and nothing of the service."""
OF_THE_IMAGE: Final = frozenset(_IMAGE_REMEDIES)
"""Statuses of an image that would be refused again."""
_EXPLAIN_REMEDIES: Final = {501: "Roll out a version that explains itself, as every export of the trainer does."}
_LOOK_AT_THE_LOG: Final = "If this lasts, look at the gateway's log."
_MEDIA_TYPE: Final = "application/problem+json"


class GatewayProblem(Exception):
    """The gateway refused, failed or did not answer."""

    def __init__(
        self, title: str, detail: str, remedy: str, retry_after: int | None = None, status: int | None = None
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.title = title
        """One line: what is wrong."""
        self.detail = detail
        """What happened this time."""
        self.remedy = remedy
        """What to do about it."""
        self.retry_after = retry_after
        """Seconds after which another attempt makes sense, where the gateway said so."""
        self.status = status
        """The HTTP status; None where nothing answered, or nothing that is understood."""


class ProblemDocument(msgspec.Struct, frozen=True):
    """The members of an RFC 9457 problem document that are read here."""

    title: str = ""
    detail: str = ""


def unreachable(url: str, error: httpx.HTTPError) -> GatewayProblem:
    """Tell that no answer came from `url`."""
    if isinstance(error, httpx.TimeoutException):
        return GatewayProblem(
            "The gateway did not answer in time",
            f"{url} took longer than the console waits.",
            "Try again; if this lasts, look at the gateway's load.",
        )
    return GatewayProblem(
        "The gateway does not answer",
        f"Nothing answers at {url} ({error}).",
        "Start it with `make run`, or set PULMO_GATEWAY_URL to its address and start the console again.",
    )


def no_prometheus(url: str, reason: Exception) -> GatewayProblem:
    """Tell that the figures of Prometheus are not to be had."""
    return GatewayProblem(
        "Prometheus does not answer",
        f"No figures came from {url} ({reason}).",
        "Start it, or set PULMO_PROMETHEUS_URL to its address and start the console again.",
    )


def not_understood(url: str, error: Exception) -> GatewayProblem:
    """Tell that something answered at `url`, and not as a gateway does."""
    return GatewayProblem(
        "The answer is not that of a gateway",
        f"{url} answered something else than expected: {error}",
        "Check that PULMO_GATEWAY_URL is the address of a Pulmo gateway of the same release.",
    )


def no_version(url: str) -> GatewayProblem:
    """Tell that there is nobody to ask."""
    return GatewayProblem(
        "There is no version to ask",
        f"The model server of {url} tells of none.",
        "Publish one with `trainer train --publish`, or start the model server.",
    )


def refused(response: httpx.Response) -> GatewayProblem:
    """Translate an answer that is not 2xx."""
    document = _document(response)
    retry_after = _retry_after(response)
    remedy = remedy_for(response.request.url.path, response.status_code)
    if retry_after is not None:
        remedy = f"Try again in {retry_after} second{'' if retry_after == 1 else 's'}. {_LOOK_AT_THE_LOG}"
    return GatewayProblem(
        document.title or f"The gateway answered {response.status_code} {_phrase(response.status_code)}".strip(),
        document.detail or f"{response.request.url} gave no further detail.",
        remedy,
        retry_after,
        response.status_code,
    )


def remedy_for(path: str, status: int) -> str:
    """Return what helps against a refusal, of an image that was sent or of something else."""
    remedies = dict(_REMEDIES)
    if path.endswith(("/predict", "/predict-batch", "/explain")):
        remedies |= _IMAGE_REMEDIES
    if path.endswith("/explain"):
        remedies |= _EXPLAIN_REMEDIES
    return remedies.get(status, _LOOK_AT_THE_LOG)


def too_much(limit_bytes: int) -> GatewayProblem:
    """Tell that a file is larger than the console holds for a visitor."""
    return GatewayProblem(
        "The file is too large for the console",
        f"It has more than {limit_bytes // 1_000_000} MB, which is what the console holds at a time.",
        "Narrow the filters, or run `python -m gateway history export` where the history is.",
    )


def _document(response: httpx.Response) -> ProblemDocument:
    if not response.headers.get("content-type", "").startswith(_MEDIA_TYPE):
        return ProblemDocument()
    try:
        return msgspec.json.decode(response.content, type=ProblemDocument)
    except msgspec.MsgspecError:
        return ProblemDocument()


def _retry_after(response: httpx.Response) -> int | None:
    value = response.headers.get("retry-after", "")
    return int(value) if value.isascii() and value.isdigit() else None


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase if status in http.HTTPStatus.__members__.values() else ""
