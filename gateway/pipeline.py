"""The way of an image through the gateway: decode, batch, predict, record, answer."""

import asyncio
import time
import uuid
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.batching import Batcher
from gateway.decoding import Decoder
from gateway.errors import DeadlineExceeded, ModelFailed, VersionGone
from gateway.history.records import to_row
from gateway.history.writer import HistoryWriter
from gateway.metrics import STAGES, Metrics
from gateway.schemas import Prediction, Timings
from gateway.uploads import Upload
from gateway.versions import ModelVersion, Versions

_ATTEMPTS = 3  # versions that may vanish under one request


class Scored(msgspec.Struct, frozen=True):
    """The model's answer to one image, before it has a meaning."""

    version: ModelVersion
    probabilities: NDArray[np.float32]
    """`[K]`"""
    decode_s: float
    queue_s: float
    backend_s: float


class Pipeline:
    """Classifies images. `classify` is the whole story."""

    def __init__(
        self, versions: Versions, decoder: Decoder, batcher: Batcher, history: HistoryWriter, metrics: Metrics
    ) -> None:
        self._versions = versions
        self._decoder = decoder
        self._batcher = batcher
        self._history = history
        self._metrics = metrics

    async def classify(self, upload: Upload, arrived: float, deadline: float) -> Prediction:
        """Classify one image, and record the answer before it is given.

        Args:
            upload: the image, read at this moment.
            arrived: when the request's headers were read, `time.monotonic` seconds.
            deadline: when the answer is of no use any more, `time.monotonic` seconds.

        Raises:
            BadImage: the upload is not an image that is accepted.
            ModelUnavailable, ModelFailed: the model cannot answer.
            DeadlineExceeded: it does not answer in time.
            HistoryUnavailable: the answer cannot be recorded.
        """
        read_s = time.monotonic() - arrived
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                scored = await self._score(upload.body, deadline)
        except TimeoutError as error:
            raise DeadlineExceeded(f"the answer was not ready after {time.monotonic() - arrived:.1f} s") from error
        prediction = interpret(scored, upload.filename, read_s)
        begin = time.monotonic()
        await self._history.record(to_row(prediction))
        prediction = _finish(prediction, persist_s=time.monotonic() - begin, total_s=time.monotonic() - arrived)
        self._observe(prediction)
        return prediction

    async def _score(self, body: bytes, deadline: float) -> Scored:
        """Decode for the current version and ask it; when it vanishes meanwhile, the one that took its place."""
        for attempt in range(1, _ATTEMPTS + 1):
            version = self._versions.current()
            begin = time.monotonic()
            image = await self._decoder.decode(body, version.manifest.image)
            decode_s = time.monotonic() - begin
            try:
                scores = await self._batcher.submit(version.number, image, deadline)
            except VersionGone:
                if attempt == _ATTEMPTS:
                    raise
                await self._versions.replace(version)
            else:
                return Scored(version, scores.probabilities, decode_s, scores.queue_s, scores.backend_s)
        raise AssertionError("unreachable")

    def _observe(self, prediction: Prediction) -> None:
        for stage in STAGES:
            self._metrics.stage_duration.labels(stage).observe(getattr(prediction.timings, stage) / 1000)
        self._metrics.predictions.labels(prediction.model_version, prediction.prediction).inc()
        self._metrics.confidence.observe(prediction.confidence)


def interpret(scored: Scored, filename: str | None, read_s: float) -> Prediction:
    """Give the model's numbers their meaning: labels, the winner, an id and a time.

    Raises:
        ModelFailed: the version answers another number of classes than it describes.
    """
    manifest = scored.version.manifest
    if len(scored.probabilities) != len(manifest.labels):
        raise ModelFailed(
            f"the model answered {len(scored.probabilities)} classes; it describes {len(manifest.labels)}"
        )
    winner = int(np.argmax(scored.probabilities))
    return Prediction(
        id=uuid.uuid4().hex,
        filename=filename,
        prediction=manifest.labels[winner],
        confidence=float(scored.probabilities[winner]),
        probabilities=dict(zip(manifest.labels, scored.probabilities.tolist(), strict=True)),
        model_version=scored.version.number,
        timestamp=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        timings=Timings(
            read=_ms(read_s),
            decode=_ms(scored.decode_s),
            queue=_ms(scored.queue_s),
            backend=_ms(scored.backend_s),
        ),
    )


def _finish(prediction: Prediction, persist_s: float, total_s: float) -> Prediction:
    timings = msgspec.structs.replace(prediction.timings, persist=_ms(persist_s), total=_ms(total_s))
    return msgspec.structs.replace(prediction, timings=timings)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
