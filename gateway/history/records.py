"""Predictions and routes to rows of the history and back."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.routing import Route
from gateway.schemas import Prediction, Recorded, RouteChange
from gateway.timestamps import from_us, to_us

_KEPT = ("id", "filename", "prediction", "confidence", "probabilities", "model_version", "timings", "abstain")
"""Fields of a prediction that are columns under the same name."""


def to_row(prediction: Prediction, caller: str | None = None) -> dict[str, Any]:
    """Return the row for a prediction, columns of `PREDICTIONS` without `sequence`.

    Args:
        prediction: as it is answered; where its answer is from, and why it abstains, is not kept.
        caller: the name of the API key that asked, None where there are none.
    """
    fields: dict[str, Any] = msgspec.to_builtins(prediction)
    row = {name: fields[name] for name in _KEPT}
    return {**row, "timestamp_us": to_us(prediction.timestamp), "caller": caller}


def from_row(row: Mapping[str, Any]) -> Recorded:
    """Return the prediction of a row."""
    stored = {name: row[name] for name in (*_KEPT, "caller")}
    return msgspec.convert({**stored, "timestamp": from_us(row["timestamp_us"])}, Recorded)


def route_to_row(change: RouteChange) -> dict[str, Any]:
    """Return the row for a change of the route, columns of `ROUTES` without `sequence`."""
    route = {"version": None, "stable": None, "percent": None, **msgspec.to_builtins(change.route)}
    about = {"actor": change.actor, "reason": change.reason, "caller": change.caller}
    return {**route, "timestamp_us": to_us(change.since), **about}


def route_from_row(row: Mapping[str, Any]) -> RouteChange:
    """Return the change of the route of a row."""
    stored = {name: row[name] for name in ("mode", "version", "stable", "percent") if row[name] is not None}
    return RouteChange(
        sequence=row["sequence"],
        since=from_us(row["timestamp_us"]),
        route=msgspec.convert(stored, Route),
        actor=row["actor"],
        reason=row["reason"],
        caller=row["caller"],
    )
