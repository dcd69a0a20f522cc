"""Changes of the route: which ones are at hand, and what each does, in words. Pure functions."""

from collections.abc import Sequence
from typing import Final

import msgspec

from dashboard import phrases
from dashboard.client.messages import ModelEntry, Route, RouteChange, RouteState

_EFFECTS: Final = {
    "latest": "Each version that is published from then on answers as soon as it can.",
    "pinned": "Versions that are published later do not answer until the route is changed again.",
    "canary": "The guard, where it is on, ends the trial if the version does worse.",
    "shadow": "No client gets an answer of the version on trial.",
}


class Change(msgspec.Struct, frozen=True):
    """A change that may be made."""

    label: str
    """What the button says."""
    route: Route
    """What is in force afterwards."""
    sequence: int
    """Of the route that it was thought of under."""
    pair: tuple[int, int] | None = None
    """The version that answers and the one that takes its place, or that is on trial; None where there is no other."""
    back: bool = False
    """Whether it is the gateway that says where to go back to."""


def answering(models: Sequence[ModelEntry]) -> int | None:
    """Return the version that answers what no trial is made with; None where none can."""
    return next((entry.version for entry in models if entry.current), None)


def ready(models: Sequence[ModelEntry]) -> list[int]:
    """Return the versions that can answer, newest first."""
    return sorted((entry.version for entry in models if entry.ready), reverse=True)


def planned(route: Route, state: RouteState, models: Sequence[ModelEntry]) -> Change:
    """Return the change to a route."""
    newest = max(ready(models), default=None)
    asked = newest if route.mode == "latest" else route.version
    before = answering(models) if route.stable is None else route.stable
    pair = None if before is None or asked is None or before == asked else (before, asked)
    return Change("Change the route", route, state.sequence, pair)


def promotion(state: RouteState, models: Sequence[ModelEntry]) -> Change | None:
    """Return the change by which the version on trial answers everything; None where none is on trial."""
    route = state.current
    if route.mode not in {"canary", "shadow"} or route.version not in ready(models):
        return None
    change = planned(Route("pinned", route.version), state, models)
    return msgspec.structs.replace(change, label=f"Promote version {route.version}")


def rollback(state: RouteState, models: Sequence[ModelEntry]) -> Change | None:
    """Return the change by which the version that answered before answers again; None where there is none.

    That is the stable version of a trial, and else the next older one, as the gateway has it.
    """
    now, route = answering(models), state.current
    if now is None:
        return None
    if route.mode in {"canary", "shadow"}:
        leaving, target = route.version, now if now != route.version else None
    else:
        leaving, target = now, max((number for number in ready(models) if number < now), default=None)
    if target is None:
        return None
    pair = None if leaving is None else (leaving, target)
    return Change(f"Roll back to version {target}", Route("pinned", target), state.sequence, pair, back=True)


def sentence(change: Change, state: RouteState) -> str:
    """Say what happens when a change is made."""
    return (
        f"Now {phrases.route(state.current)}. Afterwards, from the next image on, {phrases.route(change.route)}. "
        f"{_EFFECTS[change.route.mode]}"
    )


def signed(name: str, why: str) -> str:
    """Return the reason of a change with the name of who makes it, where no key tells that."""
    return f"{name}: {why}" if name else why


def who(change: RouteChange | RouteState) -> str:
    """Say who made a change."""
    return change.caller or change.actor
