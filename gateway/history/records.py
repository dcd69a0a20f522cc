"""Predictions to rows of the history and back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gateway.schemas import Prediction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_row(prediction: Prediction) -> dict[str, Any]:
    """Return the row for a prediction, columns of `PREDICTIONS` without `sequence`."""
    row: dict[str, Any] = msgspec.to_builtins(prediction)
    moment = datetime.fromisoformat(row.pop("timestamp"))
    return {**row, "timestamp_us": (moment - _EPOCH) // timedelta(microseconds=1)}


def from_row(row: Mapping[str, Any]) -> Prediction:
    """Return the prediction of a row."""
    moment = _EPOCH + timedelta(microseconds=row["timestamp_us"])
    timestamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    stored = {name: row[name] for name in Prediction.__struct_fields__ if name != "timestamp"}
    return msgspec.convert({**stored, "timestamp": timestamp}, Prediction)
