"""The gateway's HTTP API as the console uses it."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

import httpx
import msgspec

from dashboard import problems
from dashboard.client.messages import (
    Accuracies,
    BatchReply,
    Explanation,
    FeedbackReply,
    Health,
    HistoryPage,
    Models,
    Prediction,
    Refusal,
    Route,
    RouteChanges,
    RouteState,
    Scope,
    TrainingSessions,
    TrainingStatus,
)
from dashboard.client.openinference import IndexEntry, Opinion, Reply, question
from dashboard.kept import Kept

_GLANCE: Final = httpx.Timeout(1.5, connect=1)
"""For what decides which pages there are: nothing is drawn before that."""
_QUICK: Final = httpx.Timeout(2, connect=1)
"""For what a page shows without being asked to."""
_SEARCH: Final = httpx.Timeout(8, connect=1)
"""For a page of the history: the gateway looks through so many rows at a time, and no more."""
_PATIENT: Final = httpx.Timeout(30, connect=3)
"""For what a visitor asked for."""
_FRESH_S: Final = 4.0
"""An answer that every page shows is asked for this often at most, however many visitors look."""
_EVENTS: Final = 20

Answer = TypeVar("Answer")


class GatewayClient:
    """Asks one gateway with one key. Every failure is a `GatewayProblem`. Threads may share it.

    Args:
        http: the connections, which other clients may use too.
        url: of the gateway.
        key: its API key; empty for none.
        clock: seconds.
    """

    def __init__(
        self, http: httpx.Client, url: str, key: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.url = url
        self.has_key = bool(key)
        """Whether requests bring a key."""
        self._key = key
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._clock = clock
        self._recent: dict[str, Kept[Any]] = {}

    def credentials(self) -> dict[str, str]:
        """Return the environment by which a program of ours asks with the same key; empty without one."""
        return {"PULMO_API_KEY": self._key} if self._key else {}

    def scope(self) -> Scope | None:
        """Return what the key may do, or what may be done without one; None where that is nothing.

        Raises:
            GatewayProblem: the gateway does not answer.
        """
        try:
            self._send("GET", "/models/route", timeout=_GLANCE)
        except problems.GatewayProblem as problem:
            if problem.status is None:
                raise
            return {401: None, 403: "predict"}.get(problem.status, "operate")  # other answers come to who may ask
        return "operate"

    def health(self) -> Health:
        """Ask whether the service can predict."""
        return self._look("/health", Health)

    def models(self) -> Models:
        """Ask for the versions that the model server knows."""
        return self._look("/models", Models)

    def route(self) -> RouteState:
        """Ask which version is to answer."""
        return self._look("/models/route", RouteState)

    def route_changes(self) -> RouteChanges:
        """Ask for the last changes of the route."""
        return self._look(f"/models/route/history?limit={_EVENTS}", RouteChanges)

    def accuracies(self) -> Accuracies:
        """Ask how often each version was right, by feedback."""
        return self._look("/feedback/accuracy", Accuracies)

    def set_route(self, route: Route, reason: str) -> RouteState:
        """Change which version is to answer."""
        return self._change("PUT", "/models/route", {**route.fields(), "reason": reason})

    def roll_back(self, reason: str) -> RouteState:
        """Go back to the version that answered before."""
        return self._change("POST", "/models/rollback", {"reason": reason})

    def model(self) -> str:
        """Return the name of the model that is served."""
        found = self._decode(self._send("POST", "/v2/repository/index", timeout=_QUICK), list[IndexEntry])
        if not found:
            raise problems.no_version(self.url)
        return found[0].name

    def opinion(self, model: str, version: int, image: bytes) -> Opinion:
        """Put one image to one version, whatever the route says. The history has the answer."""
        headers, body = question(image)
        path = f"/v2/models/{quote(model, safe='')}/versions/{version}/infer"
        response = self._send("POST", path, content=body, headers=headers)
        try:
            return self._decode(response, Reply).opinion()
        except ValueError as error:
            raise problems.not_understood(self.url, error) from error

    def forget(self) -> None:
        """Ask anew for what every page shows: it has changed."""
        self._recent.clear()

    def training(self) -> TrainingStatus:
        """Ask how the retraining is doing."""
        return self._look("/status", TrainingStatus)

    def trainings(self) -> TrainingSessions:
        """Ask for the last retrainings."""
        return self._look(f"/training-sessions?limit={_EVENTS}", TrainingSessions)

    def metrics(self) -> str:
        """Return what a scrape of Prometheus would get, in its text format."""
        return self._send("GET", "/metrics", headers={"Accept": "text/plain"}, timeout=_QUICK).text

    def predict(self, filename: str, body: bytes) -> Prediction:
        """Have one image classified."""
        response = self._send("POST", "/predict", files={"file": (filename, body)})
        return self._decode(response, Prediction)

    def predict_batch(self, images: Sequence[tuple[str, bytes]]) -> list[Prediction | Refusal]:
        """Have several images classified, given by name and content; the outcomes are in their order."""
        response = self._send("POST", "/predict-batch", files=[("files", image) for image in images])
        try:
            return self._decode(response, BatchReply).outcomes()
        except msgspec.MsgspecError as error:
            raise problems.not_understood(self.url, error) from error

    def explain(self, filename: str, body: bytes) -> Explanation:
        """Ask where the model looked."""
        response = self._send("POST", "/explain", files={"file": (filename, body)})
        version = response.headers.get("Pulmo-Model-Version", "")
        return Explanation(
            png=response.content,
            prediction=unquote(response.headers.get("Pulmo-Prediction", "")),
            model_version=int(version) if version.isascii() and version.isdigit() else 0,
        )

    def give_feedback(self, prediction_id: str, label: str) -> FeedbackReply:
        """Tell the true label of a prediction."""
        response = self._send("POST", "/feedback", json={"prediction_id": prediction_id, "label": label})
        return self._decode(response, FeedbackReply)

    def history(self, filters: Mapping[str, str], limit: int, after: int | None) -> HistoryPage:
        """Return a page of the history.

        Args:
            filters: as `GET /history` has them.
            limit: 1 to 500 predictions.
            after: the `next` of the page before; None for the first.
        """
        query = {**filters, "limit": str(limit), **({} if after is None else {"after": str(after)})}
        return self._decode(self._send("GET", "/history", params=query, timeout=_SEARCH), HistoryPage)

    def export(self, filters: Mapping[str, str], kind: str, limit_bytes: int) -> bytes:
        """Return the part of the history that the filters let through as a file, `csv` or `json`.

        Raises:
            GatewayProblem: also where it has more than `limit_bytes`.
        """
        request = self._build("GET", "/history/export", params={**filters, "format": kind}, timeout=_PATIENT)
        content = bytearray()
        try:
            with self._http.stream(request.method, request.url, headers=request.headers, timeout=_PATIENT) as response:
                if not response.is_success:
                    response.read()
                    raise problems.refused(response)
                for part in response.iter_bytes():
                    content += part
                    if len(content) > limit_bytes:
                        raise problems.too_much(limit_bytes)
        except httpx.HTTPError as error:
            raise problems.unreachable(self.url, error) from error
        return bytes(content)

    def ask(self, method: str, path: str, answer: type[Answer], **content: Any) -> Answer:  # noqa: ANN401 - of httpx
        """Ask what a visitor has asked for; what is shown is asked for anew where something was to change.

        Args:
            method: of HTTP.
            path: of the endpoint.
            answer: what comes.
            content: what httpx is to send.
        """
        response = self._send(method, path, **content)
        if method != "GET":
            self._recent.clear()
        return self._decode(response, answer)

    def read(self, path: str) -> bytes:
        """Return a document that a page shows."""
        return self._send("GET", path, timeout=_QUICK).content

    def _change(self, method: str, path: str, document: Mapping[str, Any]) -> RouteState:
        try:
            response = self._send(method, path, json=document)
        finally:  # it may have been taken although no answer came
            self.forget()
        return self._decode(response, RouteState)

    def _look(self, path: str, answer: type[Answer]) -> Answer:
        """Return an answer, or the problem that came instead, that is a few seconds old at most."""
        kept: Kept[Answer] = self._recent.setdefault(
            path, Kept(partial(self._get, path, answer), _FRESH_S, self._clock)
        )
        return kept.get()

    def _get(self, path: str, answer: type[Answer]) -> Answer:
        return self._decode(self._send("GET", path, timeout=_QUICK), answer)

    def _send(self, method: str, path: str, *, timeout: httpx.Timeout = _PATIENT, **options: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
        request = self._build(method, path, timeout=timeout, **options)
        try:
            response = self._http.send(request)
        except httpx.HTTPError as error:
            raise problems.unreachable(self.url, error) from error
        if not response.is_success:
            raise problems.refused(response)
        return response

    def _build(self, method: str, path: str, **options: Any) -> httpx.Request:  # noqa: ANN401 - of httpx
        headers = {**self._headers, **options.pop("headers", {})}
        return self._http.build_request(method, self.url + path, headers=headers, **options)

    def _decode(self, response: httpx.Response, answer: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.MsgspecError as error:
            raise problems.not_understood(self.url, error) from error
