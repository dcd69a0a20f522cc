"""Feedback in the database: a row each time; of one prediction the newest counts."""

import msgspec
from sqlalchemy import Connection, case, func, insert, select

from gateway.feedback.accuracy import Accuracy
from gateway.history.reader import HistoryReader
from gateway.history.schema import FEEDBACK, PREDICTIONS
from gateway.history.writer import HistoryWriter
from gateway.timestamps import now, to_us


class Answered(msgspec.Struct, frozen=True):
    """What was predicted for an image."""

    id: str
    prediction: str
    model_version: int
    labels: tuple[str, ...]
    """The classes that the version knew."""


class FeedbackRecords:
    """Writes through the writer of this process, and reads beside it. All methods raise `HistoryUnavailable`."""

    def __init__(self, writer: HistoryWriter, reader: HistoryReader) -> None:
        self._writer = writer
        self._reader = reader

    async def answered(self, prediction: str) -> Answered | None:
        """Return what was predicted under an identity; None where the history knows nothing of it."""
        columns = (PREDICTIONS.c.id, PREDICTIONS.c.prediction, PREDICTIONS.c.model_version, PREDICTIONS.c.probabilities)
        query = select(*columns).where(PREDICTIONS.c.id == prediction)
        row = await self._reader.run(lambda connection: connection.execute(query).first())
        return None if row is None else Answered(row.id, row.prediction, row.model_version, tuple(row.probabilities))

    async def add(self, answered: Answered, label: str) -> None:
        """Keep the true label of a prediction."""
        row = {
            "prediction_id": answered.id,
            "timestamp_us": to_us(now()),
            "label": label,
            "prediction": answered.prediction,
            "model_version": answered.model_version,
        }

        def add(connection: Connection) -> None:
            connection.execute(insert(FEEDBACK).values(row))

        await self._writer.run(add)

    async def newest(self) -> int:
        """Return the sequence of the row that was added last; 0 where there is none."""
        query = select(func.coalesce(func.max(FEEDBACK.c.sequence), 0))
        return await self._reader.run(lambda connection: int(connection.execute(query).scalar_one()))

    async def accuracies(self) -> dict[int, Accuracy]:
        """Return how often each version was right, by its number."""
        later = FEEDBACK.alias()
        newest = select(func.max(later.c.sequence)).where(later.c.prediction_id == FEEDBACK.c.prediction_id)
        right = func.sum(case((FEEDBACK.c.label == FEEDBACK.c.prediction, 1), else_=0))
        counted = select(FEEDBACK.c.model_version, func.count(), right)
        query = counted.where(FEEDBACK.c.sequence == newest.scalar_subquery()).group_by(FEEDBACK.c.model_version)
        rows = await self._reader.run(lambda connection: connection.execute(query).all())
        return {int(version): Accuracy(int(images), int(rights)) for version, images, rights in rows}
