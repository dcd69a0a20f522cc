"""The way of an image through the gateway: choose a version, decode, batch, predict, record, answer."""

import asyncio
import time
from functools import partial

import msgspec
from msgspec import UNSET

from gateway.admission import Admission
from gateway.answers import Scored, check, interpret
from gateway.batching.batcher import Batcher
from gateway.cache.cache import ResultCache
from gateway.decoding import Decoder
from gateway.dicom import is_dicom
from gateway.errors import DeadlineExceeded, ModelFailed, VersionGone
from gateway.history.records import to_row
from gateway.history.writer import HistoryWriter
from gateway.lanes import Priority
from gateway.metrics import STAGES, Metrics
from gateway.observations import Observer, Outcome
from gateway.passage import Passage
from gateway.router import Destination, Router
from gateway.schemas import Prediction
from gateway.shadow import Copied, ShadowTraffic
from gateway.stopwatch import Stopwatch
from gateway.uploads import Upload
from gateway.versions import Versions

_ATTEMPTS = 8  # versions that may vanish or fail under one request; its deadline ends it in any case


class Pipeline:
    """Classifies images. `classify` is the whole story."""

    def __init__(  # noqa: PLR0913 - what a request meets on its way
        self,
        *,
        admission: Admission,
        versions: Versions,
        router: Router,
        cache: ResultCache,
        decoder: Decoder,
        batcher: Batcher,
        shadow: ShadowTraffic,
        history: HistoryWriter,
        observe: Observer,
        metrics: Metrics,
    ) -> None:
        self._admission = admission
        self._versions = versions
        self._router = router
        self._cache = cache
        self._decoder = decoder
        self._batcher = batcher
        self._shadow = shadow
        self._history = history
        self._observe = observe
        self._metrics = metrics

    async def classify(
        self,
        upload: Upload,
        arrived: float,
        deadline: float,
        key: str | None = None,
        priority: Priority = "interactive",
    ) -> Prediction:
        """Classify one image, and record the answer before it is given.

        Args:
            upload: the image, read at this moment.
            arrived: when the request's headers were read, `time.monotonic` seconds.
            deadline: when the answer is of no use any more, `time.monotonic` seconds.
            key: what the client wants to be treated alike by, where versions share the traffic.
            priority: the class of traffic that the image belongs to.

        Raises:
            BadImage: the upload is not an image that is accepted.
            ModelUnavailable, ModelFailed: the model cannot answer.
            DeadlineExceeded: it does not answer in time.
            HistoryUnavailable: the answer cannot be recorded.
        """
        with self._admission.work():
            stopwatch = Stopwatch(arrived)
            stopwatch.lap("read")
            scored = await self._score_in_time(Passage(upload.body, deadline, key, priority, stopwatch))
            prediction = interpret(scored, upload.filename, stopwatch.timings())
            kept = await self._history.record(to_row(_recorded(prediction, upload)))
            stopwatch.lap("persist")
            recorded = UNSET if kept else False
            prediction = msgspec.structs.replace(prediction, timings=stopwatch.timings(), recorded=recorded)
            self._count(prediction)
            return prediction

    async def _score_in_time(self, passage: Passage) -> Scored:
        try:
            async with asyncio.timeout(passage.deadline - time.monotonic()):
                return await self._score(passage)
        except TimeoutError as error:
            raise DeadlineExceeded(f"the answer was not ready after {passage.stopwatch.elapsed_s:.1f} s") from error

    async def _score(self, passage: Passage) -> Scored:
        """Ask the version that the route has for this request.

        When it vanishes meanwhile, what took its place is asked; when a candidate fails, the stable version.
        """
        trial = True
        for attempt in range(1, _ATTEMPTS + 1):
            destination = await self._router.choose(passage.key, trial=trial)
            try:
                return await self._cache.find(destination, passage, partial(self._ask, destination, passage))
            except VersionGone:
                passage.stopwatch.lap("backend")
                if attempt == _ATTEMPTS:
                    raise
                await self._versions.replace(destination.version)
            except ModelFailed:
                if attempt == _ATTEMPTS or not trial or destination.role != "candidate":
                    raise
                passage.stopwatch.lap("backend")
                trial = False
        raise AssertionError("unreachable")

    async def _ask(self, destination: Destination, passage: Passage) -> Scored:
        """Decode for one version and ask it, in a batch with others; its shadow gets a copy."""
        version, role, stopwatch = destination.version, destination.role, passage.stopwatch
        with self._batcher.expect(version.number) as ticket:
            image, strange = await self._decoder.examine(passage.body, version.manifest, passage.priority)
            stopwatch.lap("decode")
            scores = await self._batcher.submit(ticket, image, passage.deadline, passage.priority)
            stopwatch.part("queue", scores.queue_s)
            stopwatch.lap("backend")
        try:
            check(scores.probabilities, version.manifest)
        except ModelFailed as error:
            self._observe(Outcome(version.number, role, scores.backend_s, error=error.name))
            raise
        scored = Scored(version, role, scores.probabilities, scores.backend_s, scores.batch, strange)
        self._observe(Outcome.of(scored))
        if destination.shadow is not None:
            self._shadow.offer(Copied(destination.shadow, passage.body, image, scored))
        return scored

    def _count(self, prediction: Prediction) -> None:
        for stage in STAGES:
            self._metrics.stage_duration.labels(stage).observe(getattr(prediction.timings, stage) / 1000)
        self._metrics.predictions.labels(prediction.model_version, prediction.prediction).inc()
        self._metrics.confidence.observe(prediction.confidence)
        if prediction.abstain:
            self._metrics.abstention.count(prediction.model_version, prediction.abstain_reason)


def _recorded(prediction: Prediction, upload: Upload) -> Prediction:
    """Return a prediction as the history keeps it: DICOM files are often named after their patients."""
    return msgspec.structs.replace(prediction, filename=None) if is_dicom(upload.body) else prediction
