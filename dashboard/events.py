"""What happened to the service last: a pure function of what the gateway keeps."""

from collections.abc import Iterable
from typing import Final

import msgspec

from dashboard import phrases
from dashboard.client.messages import ModelEntry, RouteChange, TrainingSession

_ACTORS: Final = {"guard": "The guard took a version back", "operator": "The route was changed"}
_ENDINGS: Final = {
    "completed": "A retraining published a version",
    "rejected": "A retraining was not good enough",
    "failed": "A retraining failed",
    "cancelled": "A retraining was cancelled",
}


class Event(msgspec.Struct, frozen=True, order=True):
    """One thing that happened."""

    at: str
    """RFC 3339, UTC."""
    what: str
    detail: str


def of_route(changes: Iterable[RouteChange]) -> list[Event]:
    """Return the changes of the route as events."""
    return [Event(change.since, _who(change), _why(change)) for change in changes]


def of_trainings(sessions: Iterable[TrainingSession]) -> list[Event]:
    """Return the starts and the ends of retrainings as events."""
    starts = [Event(session.started, "A retraining started", session.session_id) for session in sessions]
    ends = [
        Event(session.ended, _ENDINGS[session.status], session.message)
        for session in sessions
        if session.ended is not None and session.status in _ENDINGS
    ]
    return starts + ends


def of_models(models: Iterable[ModelEntry]) -> list[Event]:
    """Return the versions that are wrong, and those that came to answer."""
    return [
        Event(entry.since, f"Version {entry.version} cannot be used", entry.error)
        if entry.error
        else Event(entry.since, f"Version {entry.version} became {entry.state.lower()}", entry.architecture)
        for entry in models
    ]


def newest(events: Iterable[Event], count: int) -> list[Event]:
    """Return the last events, newest first."""
    return sorted(events, reverse=True)[:count]


def _who(change: RouteChange) -> str:
    what = _ACTORS.get(change.actor, "The route was changed")
    return f"{what} by {change.caller}" if change.caller else what


def _why(change: RouteChange) -> str:
    sentence = phrases.route(change.route)
    return f"{sentence[0].upper()}{sentence[1:]}" + (f" ({change.reason})" if change.reason else "")
