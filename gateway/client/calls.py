"""What can be asked of a gateway: each call as a request and the type of its answer. Nothing is sent here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, Self, TypeVar

import httpx
import msgspec

from gateway.client.failures import Broken, ClientError, GatewayProblem, NotUnderstood, ProblemDocument, Unreachable
from gateway.client.images import Image
from gateway.client.messages import (
    Batch,
    Explanation,
    Feedback,
    Health,
    HistoryPage,
    ModelMetrics,
    Models,
    Prediction,
    Retraining,
    RouteState,
    TrainingStatus,
    Uploaded,
)

Answer = TypeVar("Answer")

_PROBLEM = "application/problem+json"
_FOR_THE_HEAD = {401, 403, 429, 503}
_TIMEOUT = "X-Request-Timeout"


class Call(msgspec.Struct, Generic[Answer], frozen=True, kw_only=True):
    """A request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    """From a 2xx answer; a msgspec.MsgspecError is told as `NotUnderstood`."""
    options: Mapping[str, Any] = {}
    """Of httpx: `params`, `json`, `content`, `files`, `data`, `headers`."""
    bounded: bool = False
    """Whether the gateway is told how long the answer is of use."""

    again: bool = False
    """Whether it may be sent again though it may have been done: where that changes nothing, or adds a row at most."""

    def bare(self) -> Self:
        """Return a call that may be sent `again` without its body.

        It is refused as the whole one would be, and that refusal is not lost.
        """
        kept = {name: value for name, value in self.options.items() if name in {"params", "headers"}}
        return msgspec.structs.replace(self, options=kept)

    def sent_with(self, seconds: float) -> dict[str, Any]:
        """Return the arguments for `build_request` of httpx, for an attempt that may take so long."""
        headers = {**self.options.get("headers", {}), **({_TIMEOUT: f"{seconds:.3f}"} if self.bounded else {})}
        return {**self.options, "headers": headers, "timeout": seconds}

    def answer(self, reply: httpx.Response) -> Answer:
        """Read the answer.

        Raises:
            GatewayProblem: the gateway refused or failed.
            NotUnderstood: the answer is no gateway's.
        """
        if not reply.is_success:
            raise problem_of(reply)
        try:
            return self.read(reply)
        except msgspec.MsgspecError as error:
            raise NotUnderstood(f"{reply.request.url} answered something else than expected: {error}") from error


def connection(url: str, api_key: str | None) -> dict[str, Any]:
    """Return the arguments for a client of httpx.

    Raises:
        ClientError: the address or the key can be none.
    """
    key = (api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ClientError("the API key has characters that a header cannot carry")  # httpx would show the key
    try:
        return {"base_url": httpx.URL(url), "headers": {"Authorization": f"Bearer {key}"} if key else {}}
    except httpx.InvalidURL as error:
        raise ClientError(f"{url!r} is no address: {error}") from error


def unreachable(url: str, error: httpx.HTTPError) -> Unreachable:
    """Tell that no answer came."""
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError):
        return Broken(f"{url} closed the connection; it does so when a body is larger than it reads")
    return Unreachable(f"{url} gave no answer: {str(error) or type(error).__name__}")


def is_refusal(reply: httpx.Response) -> bool:
    """Return whether an answer was given for the request's head alone."""
    return reply.status_code in _FOR_THE_HEAD


def problem_of(reply: httpx.Response) -> GatewayProblem:
    """Return what an answer that is not 2xx says."""
    document = ProblemDocument(title=reply.reason_phrase, status=reply.status_code, detail=f"at {reply.request.url}")
    if reply.headers.get("content-type", "").startswith(_PROBLEM):
        with suppress(msgspec.MsgspecError):  # a proxy's, perhaps: the status says enough
            document = msgspec.json.decode(reply.content, type=ProblemDocument)
    return GatewayProblem(document, _retry_after(reply.headers.get("retry-after", "")))


def _retry_after(value: str) -> float | None:
    """Return the seconds of a `Retry-After`, which is a number of them or a date (RFC 9110, section 10.2.3)."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _json(kind: type[Answer]) -> Callable[[httpx.Response], Answer]:
    return lambda reply: msgspec.json.decode(reply.content, type=kind)


def _image(image: Image) -> dict[str, Any]:
    if image.filename is None:
        return {"content": image.body}
    return {"files": {"file": (image.filename, image.body)}}


def _files(images: Sequence[Image]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (image.filename or f"{place}", image.body)) for place, image in enumerate(images)]


def predict(image: Image) -> Call[Prediction]:
    """Have one image classified."""
    return Call(method="POST", path="/predict", read=_json(Prediction), options=_image(image), bounded=True, again=True)


def predict_batch(images: Sequence[Image]) -> Call[Batch]:
    """Have several images classified in one request."""
    options = {"files": _files(images)}
    return Call(method="POST", path="/predict-batch", read=_json(Batch), options=options, bounded=True, again=True)


def explain(image: Image) -> Call[Explanation]:
    """Ask where the network looks in one image."""

    def read(reply: httpx.Response) -> Explanation:
        about = {name: value for name, value in reply.headers.items() if name.startswith("pulmo-")}
        return Explanation(reply.content, about)

    return Call(method="POST", path="/explain", read=read, options=_image(image), bounded=True, again=True)


def history(limit: int, after: int | None, filters: Mapping[str, Any]) -> Call[HistoryPage]:
    """Ask for a page of the history; a filter that is called as a word of Python has a `_` behind it."""
    named = {name.rstrip("_"): value for name, value in filters.items()}
    params = {name: value for name, value in {**named, "limit": limit, "after": after}.items() if value is not None}
    return Call(method="GET", again=True, path="/history", read=_json(HistoryPage), options={"params": params})


def health() -> Call[Health]:
    """Ask how the gateway is."""
    return Call(method="GET", again=True, path="/health", read=_json(Health))


def models() -> Call[Models]:
    """Ask which versions there are."""
    return Call(method="GET", again=True, path="/models", read=_json(Models))


def metrics() -> Call[ModelMetrics]:
    """Ask what the trainer measured of the version that answers."""
    options = {"headers": {"Accept": "application/json"}}
    return Call(method="GET", again=True, path="/metrics", read=_json(ModelMetrics), options=options)


def route() -> Call[RouteState]:
    """Ask which version answers."""
    return Call(method="GET", again=True, path="/models/route", read=_json(RouteState))


def set_route(document: Mapping[str, Any]) -> Call[RouteState]:
    """Say which version is to answer."""
    wanted = {name: value for name, value in document.items() if value is not None}
    return Call(method="PUT", path="/models/route", read=_json(RouteState), options={"json": wanted})


def roll_back(reason: str) -> Call[RouteState]:
    """Go back to the version that answered before."""
    return Call(method="POST", path="/models/rollback", read=_json(RouteState), options={"json": {"reason": reason}})


def feedback(prediction_id: str, label: str) -> Call[Feedback]:
    """Tell the true label of an image that was classified."""
    document = {"prediction_id": prediction_id, "label": label}
    return Call(method="POST", path="/feedback", read=_json(Feedback), options={"json": document})


def retrain(parameters: Mapping[str, Any]) -> Call[Retraining]:
    """Start a retraining, or learn which one runs already."""
    options = {"json": dict(parameters)} if parameters else {}
    return Call(method="POST", path="/retrain", read=_json(Retraining), options=options)


def status() -> Call[TrainingStatus]:
    """Ask how far the retraining is."""
    return Call(method="GET", again=True, path="/status", read=_json(TrainingStatus))


def upload_data(images: Sequence[Image], label: str | None) -> Call[Uploaded]:
    """Leave images, all of one label, for a retraining."""
    options: dict[str, Any] = {"files": _files(images)}
    if label is not None:
        options["data"] = {"label": label}
    return Call(method="POST", path="/upload-data", read=_json(Uploaded), options=options)
