"""The way of an image through the gateway: choose a version, decode, batch, predict, record, answer."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from msgspec import UNSET

from gateway.abstention import look
from gateway.admission import Admission
from gateway.answers import Scored, check, interpret
from gateway.batching.batcher import Batcher
from gateway.batching.entries import Row
from gateway.cache.cache import ResultCache
from gateway.decoding import Decoder
from gateway.dicom import is_dicom
from gateway.errors import BadImage, DeadlineExceeded, InvalidInference, ModelFailed, VersionGone
from gateway.history.records import to_row
from gateway.history.writer import HistoryWriter
from gateway.lanes import Priority
from gateway.manifest import ModelVersion
from gateway.metrics import STAGES, Metrics
from gateway.observations import Observer, Outcome
from gateway.passage import Passage
from gateway.router import Destination, Router
from gateway.schemas import Prediction
from gateway.shadow import Copied, ShadowTraffic
from gateway.stopwatch import Stopwatch
from gateway.tasks import together
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
        caller: str | None = None,
    ) -> Prediction:
        """Classify one image, and record the answer before it is given.

        Args:
            upload: the image, read at this moment.
            arrived: when the request's headers were read, `time.monotonic` seconds.
            deadline: when the answer is of no use any more, `time.monotonic` seconds.
            key: what the client wants to be treated alike by, where versions share the traffic.
            priority: the class of traffic that the image belongs to.
            caller: the name of the API key that asks.

        Raises:
            BadImage: the upload is not an image that is accepted.
            ModelUnavailable, ModelFailed: the model cannot answer.
            DeadlineExceeded: it does not answer in time.
            HistoryUnavailable: the answer cannot be recorded.
        """
        stopwatch = Stopwatch(arrived)
        stopwatch.lap("read")
        passage = Passage(upload.body, deadline, key, priority, stopwatch, upload.filename, caller)
        [scored] = await self._score_in_time([passage])
        return await self._record(scored, passage)

    async def classify_together(self, passages: Sequence[Passage]) -> list[Prediction]:
        """Classify the images of one request by one version: all are answered, in their order, or none is.

        Args:
            passages: one for each image, read at this moment; alike but for the image itself.

        Raises:
            BadImage: one of them is not an image that is accepted; the message says which.
            InvalidInference: they are rows of another shape than the version takes.
            ModelUnknown: the version that must answer is not there.
            ModelUnavailable, ModelFailed, DeadlineExceeded, HistoryUnavailable: as for `classify`.
        """
        for passage in passages:
            passage.stopwatch.lap("read")
        scored = await self._score_in_time(passages)
        for passage in passages:
            passage.stopwatch.lap("backend")  # each has waited for the others
        return await together([self._record(*each) for each in zip(scored, passages, strict=True)])

    async def _score_in_time(self, passages: Sequence[Passage]) -> list[Scored]:
        first = passages[0]
        try:
            async with asyncio.timeout(first.deadline - time.monotonic()):
                return await self._score(passages)
        except TimeoutError as error:
            raise DeadlineExceeded(f"the answer was not ready after {first.stopwatch.elapsed_s:.1f} s") from error

    async def _score(self, passages: Sequence[Passage]) -> list[Scored]:
        """Ask the version that the route has for this request, or the one that it names itself.

        When it vanishes meanwhile, what took its place is asked; when a candidate fails, or takes other rows than those
        that were posted, the stable version.
        """
        trial = passages[0].version is None
        for attempt in range(1, _ATTEMPTS + 1):
            destination = await self._choose(passages[0], trial=trial)
            try:
                return await together([self._find(destination, passage) for passage in passages])
            except VersionGone:
                if attempt == _ATTEMPTS:
                    raise
                await self._versions.replace(destination.version)
            except (ModelFailed, InvalidInference):
                if attempt == _ATTEMPTS or not trial or destination.role != "candidate":
                    raise
                trial = False
            for passage in passages:
                passage.stopwatch.lap("backend")
        raise AssertionError("unreachable")

    async def _choose(self, passage: Passage, *, trial: bool) -> Destination:
        if passage.version is None:
            return await self._router.choose(passage.key, trial=trial)
        version = await self._versions.find(passage.version)
        return Destination(version, self._router.role(version.number), None)

    async def _find(self, destination: Destination, passage: Passage) -> Scored:
        """Return what one version answers to one image: kept from before, or computed now."""
        try:
            with self._admission.work():
                return await self._cache.find(destination, passage, partial(self._ask, destination, passage))
        except BadImage as error:
            if passage.index is None:
                raise
            raise type(error)(f"row {passage.index}: {error.detail}") from error

    async def _ask(self, destination: Destination, passage: Passage) -> Scored:
        """Decode for one version and ask it, in a batch with others; its shadow gets a copy."""
        version, role, stopwatch = destination.version, destination.role, passage.stopwatch
        with self._batcher.expect(version.number) as ticket:
            image, seen = await self._examine(passage, version)
            stopwatch.lap("decode")
            scores = await self._batcher.submit(ticket, image, passage.deadline, passage.priority)
            stopwatch.part("queue", scores.queue_s)
            stopwatch.lap("backend")
        try:
            check(scores.probabilities, version.manifest)
        except ModelFailed as error:
            self._observe(Outcome(version.number, role, scores.backend_s, error=error.name))
            raise
        scored = Scored(version, role, scores.probabilities, scores.backend_s, scores.batch, seen)
        self._observe(Outcome.of(scored))
        if destination.shadow is not None:
            self._shadow.offer(Copied(destination.shadow, passage.body, image, scored))
        return scored

    async def _examine(self, passage: Passage, version: ModelVersion) -> tuple[Row, Mapping[str, float]]:
        """Return what the version takes, decoded or as posted, and what it looks like."""
        manifest, row = version.manifest, passage.row
        if row is None:
            return await self._decoder.examine(passage.body, manifest, passage.priority)
        if row.shape != manifest.image.shape:
            raise InvalidInference(
                f"the rows are of shape {list(row.shape)}; version {version.number} takes "
                f"{list(manifest.image.shape)}. Send them so, or the files themselves"
            )
        return row, await self._decoder.work(partial(look, row, manifest), passage.priority)

    async def _record(self, scored: Scored, passage: Passage) -> Prediction:
        """Give the answer its meaning, and return it when it is in the history, without the name of a DICOM file.

        Such files are often named after their patients.
        """
        stopwatch = passage.stopwatch
        prediction = interpret(scored, passage.filename, stopwatch.timings())
        row = to_row(prediction, passage.caller)
        row = {**row, "filename": None} if is_dicom(passage.body) else row
        kept = await self._history.record(row, partial(self._count, prediction, stopwatch))
        recorded = UNSET if kept else False
        return msgspec.structs.replace(prediction, timings=stopwatch.timings(), recorded=recorded)

    def _count(self, prediction: Prediction, stopwatch: Stopwatch) -> None:
        """Count an answer, which may be given now, whether or not its client has stayed for it."""
        stopwatch.lap("persist")
        timings = stopwatch.timings()
        for stage in STAGES:
            self._metrics.stage_duration.labels(stage).observe(getattr(timings, stage) / 1000)
        self._metrics.predictions.labels(prediction.model_version, prediction.prediction).inc()
        self._metrics.confidence.observe(prediction.confidence)
        if prediction.abstain:
            self._metrics.abstention.count(prediction.model_version, prediction.abstain_reason)
