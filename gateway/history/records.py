"""Predictions and routes to rows of the history and back."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.routing import Route
from gateway.schemas import Prediction, RouteChange
from gateway.timestamps import from_us, to_us


def to_row(prediction: Prediction) -> dict[str, Any]:
    """Return the row for a prediction, columns of `PREDICTIONS` without `sequence`."""
    row: dict[str, Any] = msgspec.to_builtins(prediction)
    row.pop("cache", None)  # the row is the same wherever the answer is from
    return {**row, "timestamp_us": to_us(row.pop("timestamp"))}


def from_row(row: Mapping[str, Any]) -> Prediction:
    """Return the prediction of a row."""
    stored = {name: row[name] for name in Prediction.__struct_fields__ if name not in {"timestamp", "cache"}}
    return msgspec.convert({**stored, "timestamp": from_us(row["timestamp_us"])}, Prediction)


def route_to_row(change: RouteChange) -> dict[str, Any]:
    """Return the row for a change of the route, columns of `ROUTES` without `sequence`."""
    route = {"version": None, "stable": None, "percent": None, **msgspec.to_builtins(change.route)}
    return {**route, "timestamp_us": to_us(change.since), "actor": change.actor, "reason": change.reason}


def route_from_row(row: Mapping[str, Any]) -> RouteChange:
    """Return the change of the route of a row."""
    stored = {name: row[name] for name in ("mode", "version", "stable", "percent") if row[name] is not None}
    return RouteChange(
        sequence=row["sequence"],
        since=from_us(row["timestamp_us"]),
        route=msgspec.convert(stored, Route),
        actor=row["actor"],
        reason=row["reason"],
    )
