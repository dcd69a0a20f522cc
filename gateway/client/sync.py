"""The client for programs that wait: a thin transport; what is asked and how it is read stands in `calls`."""

import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from gateway.client import calls
from gateway.client.calls import Call
from gateway.client.failures import Broken, GatewayProblem
from gateway.client.images import Image, Limits, Packer, Source, load
from gateway.client.messages import (
    BatchEntry,
    Explanation,
    Feedback,
    Health,
    ModelEntry,
    ModelMetrics,
    Prediction,
    Retraining,
    RouteState,
    TrainingStatus,
    Uploaded,
)
from gateway.client.patience import Patience

Answer = TypeVar("Answer")


class Client:
    """Asks one gateway. Safe to share between threads. Every failure is a `ClientError`.

    A request that is refused with 429 or 503 is sent again when the gateway says, until `timeout` seconds are over.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float = 60.0,
        batch: Limits | None = None,
    ) -> None:
        """Remember what to ask; nothing is sent.

        Args:
            url: of the gateway.
            api_key: the environment's PULMO_API_KEY where it is None.
            timeout: seconds that a call may take, its repetitions included.
            batch: how much goes into one request of `predict_batch`.

        Raises:
            ClientError: the address or the key can be none.
        """
        self._http = httpx.Client(**calls.connection(url, api_key or os.environ.get("PULMO_API_KEY")))
        self._url = url
        self._patience = Patience(timeout)
        self._batch = batch or Limits()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def predict(self, image: Source) -> Prediction:
        """Have one image classified: its bytes, or the path of its file.

        Raises:
            OSError: the file cannot be read.
            ClientError: there is no answer.
        """
        return self._ask(calls.predict(load(image)))

    def predict_batch(self, images: Iterable[Source]) -> Iterator[BatchEntry]:
        """Have images classified, in requests of a bounded size; yield the answers in the order of the images.

        No more images are read than one request holds.

        Raises:
            OSError: a file cannot be read.
            ClientError: there is no answer.
        """
        packer = Packer[Image](self._batch)
        for source in images:
            image = load(source)
            yield from self.predict_images(packer.add(image, len(image.body)))
        yield from self.predict_images(packer.rest())

    def predict_images(self, images: list[Image]) -> list[BatchEntry]:
        """Have images classified that were read, in one request. Raises: ClientError."""
        return self._ask(calls.predict_batch(images)).predictions if images else []

    def explain(self, image: Source) -> Explanation:
        """Return where the network looks in one image.

        Raises:
            OSError: the file cannot be read.
            ClientError: there is no answer.
        """
        return self._ask(calls.explain(load(image)))

    def history(self, *, page: int = 100, **filters: str | float | None) -> Iterator[Prediction]:
        """Yield predictions, newest first, to the end; each page of them is fetched when it is needed.

        Args:
            page: predictions in a request.
            filters: as `GET /history` takes them: `class_`, `version`, `since`, `min_confidence` and so on.

        Raises:
            ClientError: there is no answer.
        """
        after = None
        while True:
            found = self._ask(calls.history(page, after, filters))
            yield from found.history
            after = found.next
            if after is None:
                return

    def health(self) -> Health:
        """Return how the gateway is.

        Raises:
            ClientError: there is no answer.
        """
        return self._ask(calls.health())

    def models(self) -> list[ModelEntry]:
        """Return the versions of the model, newest first.

        Raises:
            ClientError: there is no answer.
        """
        return self._ask(calls.models()).models

    def metrics(self) -> ModelMetrics:
        """Return what the trainer measured of the version that answers.

        Raises:
            ClientError: there is no answer.
        """
        return self._ask(calls.metrics())

    def route(self) -> RouteState:
        """Return which version answers.

        Raises:
            ClientError: there is no answer.
        """
        return self._ask(calls.route())

    def set_route(self, mode: str, **document: str | float | None) -> RouteState:
        """Say which version is to answer: `latest`, `pinned`, `canary` or `shadow`.

        Args:
            mode: one of these.
            document: `version`, `percent`, `stable` and `reason`, as `PUT /models/route` takes them.

        Raises:
            ClientError: it is not set.
        """
        return self._ask(calls.set_route({"mode": mode, **document}))

    def roll_back(self, reason: str = "") -> RouteState:
        """Go back to the version that answered before.

        Raises:
            ClientError: it is not set.
        """
        return self._ask(calls.roll_back(reason))

    def feedback(self, prediction_id: str, label: str) -> Feedback:
        """Tell the true label of an image that was classified.

        Raises:
            ClientError: it is not taken down.
        """
        return self._ask(calls.feedback(prediction_id, label))

    def retrain(self, parameters: Mapping[str, Any] | None = None) -> Retraining:
        """Start a retraining, or learn which one runs already.

        Raises:
            ClientError: none is started.
        """
        return self._ask(calls.retrain(parameters or {}))

    def training_status(self) -> TrainingStatus:
        """Return how far the retraining is.

        Raises:
            ClientError: there is no answer.
        """
        return self._ask(calls.status())

    def upload_data(self, images: Iterable[Source], label: str | None = None) -> Uploaded:
        """Leave images, all of one label, for a retraining, in one request.

        Raises:
            OSError: a file cannot be read.
            ClientError: none is kept.
        """
        return self._ask(calls.upload_data([load(image) for image in images], label))

    def _ask(self, call: Call[Answer]) -> Answer:
        begin = time.monotonic()
        for attempt in count(1):
            try:
                return call.answer(self._exchange(call, self._patience.left(time.monotonic() - begin)))
            except (GatewayProblem, Broken) as failure:
                pause = self._patience.pause(failure, attempt, time.monotonic() - begin, random.random())  # noqa: S311
                if pause is None or (isinstance(failure, Broken) and not call.again):
                    raise
            time.sleep(pause)  # as the gateway asked for with Retry-After, or a little longer each time
        raise AssertionError("unreachable")

    def _exchange(self, call: Call[Answer], seconds: float) -> httpx.Response:
        try:
            return self._send(call, seconds)
        except Broken:
            if not call.again:  # some do their work without a body, too
                raise
            reply = self._send(call.bare(), seconds)
            if calls.is_refusal(reply):
                return reply
            raise

    def _send(self, call: Call[Answer], seconds: float) -> httpx.Response:
        try:
            return self._http.send(self._http.build_request(call.method, call.path, **call.sent_with(seconds)))
        except httpx.HTTPError as error:
            raise calls.unreachable(self._url, error) from error
