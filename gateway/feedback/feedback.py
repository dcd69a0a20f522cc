"""Takes true labels of predictions, and tells how often each version was right by them."""

import asyncio
from collections.abc import Mapping

import structlog

from gateway.errors import HistoryUnavailable, InvalidLabels, PredictionUnknown
from gateway.feedback.accuracy import Accuracy
from gateway.feedback.metrics import FeedbackMetrics
from gateway.feedback.records import Answered, FeedbackRecords
from gateway.identities import is_identity

_FOLLOW_S = 5.0
_SHOWN = 64  # characters of a label that is wrong


class Feedback:
    """The feedback of all clients, whichever process they told."""

    def __init__(self, records: FeedbackRecords, metrics: FeedbackMetrics) -> None:
        self._records = records
        self._metrics = metrics
        self._log = structlog.get_logger()
        self._newest = 0

    async def take(self, prediction: str, label: str) -> Answered:
        """Keep the true label of a prediction, which counts instead of an earlier one; return what was predicted.

        Raises:
            PredictionUnknown: the history has no such prediction.
            InvalidLabels: the version that predicted knew no such class.
            HistoryUnavailable: the database is away; nothing was kept.
        """
        answered = await self._records.answered(prediction) if is_identity(prediction) else None
        if answered is None:
            raise PredictionUnknown("the history has no prediction of this identity; GET /history lists them")
        if label not in answered.labels:
            raise InvalidLabels(f"the label {label[:_SHOWN]!r} is none of {', '.join(answered.labels)}")
        await self._records.add(answered, label)
        return answered

    async def accuracies(self) -> Mapping[int, Accuracy]:
        """Return how often each version was right, by its number.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        return await self._records.accuracies()

    async def follow(self) -> None:
        """Show in the metrics what all processes were told, until cancelled. The database offers no event."""
        readable = True
        while True:
            try:
                await self._show()
            except HistoryUnavailable as error:
                if readable:
                    self._log.warning("no word of feedback", problem=error.detail, internals=error.internals)
                readable = False
            else:
                readable = True
            await asyncio.sleep(_FOLLOW_S)

    async def _show(self) -> None:
        newest = await self._records.newest()
        if newest != self._newest:
            self._metrics.show(await self._records.accuracies())
            self._newest = newest
