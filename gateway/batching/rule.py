"""The rule by which a batch is due: a pure function of how things stand."""

import math
from typing import Literal

import msgspec

Trigger = Literal["full", "idle", "ahead", "linger", "probe", "drain"]


class Standing(msgspec.Struct, frozen=True):
    """How things stand for the images of one version."""

    waiting: int
    """Images that are ready for a call."""
    coming: int
    """Images that were being decoded already when the first of these was ready, and still are."""
    waited_s: float
    """Seconds for which the first of these has been ready."""
    in_flight: int
    """Calls that are under way, of all versions, without those that are long overdue."""
    ending: int
    """Of these, those that are about to end."""


class Limits(msgspec.Struct, frozen=True):
    """What bounds a batch."""

    max_batch: int
    """Images in a call to the model."""
    computed_at_once: int
    """Calls that the model server computes at a time."""
    max_in_flight: int
    """Calls at one time: those, and one on its way."""
    patience_s: float
    """Seconds for which the first image may be kept from an idle model, for others that are being decoded."""
    probing: bool
    """Whether it is time to see what one call more than those that are computed at a time does."""


def due(standing: Standing, limits: Limits, *, draining: bool = False) -> Trigger | None:
    """Say whether a batch must go now, and why.

    A full batch goes while calls are allowed. A smaller one goes when the model is idle, which is while it computes
    fewer calls than it can: at once where nothing is coming that could join (`idle`), else when the first image has
    waited for that long enough (`linger`). It counts as idle a moment before a call ends, so that the next one is there
    in time (`ahead`). And now and then it is given one call more than it is known to compute, to learn (`probe`).
    """
    if not standing.waiting or standing.in_flight >= limits.max_in_flight:
        return None
    if standing.waiting >= limits.max_batch:
        return "full"
    if draining:
        return "drain"
    if standing.in_flight - standing.ending >= limits.computed_at_once:
        return "probe" if limits.probing and not standing.coming else None
    if standing.coming:
        return "linger" if standing.waited_s >= limits.patience_s else None
    return "ahead" if standing.in_flight >= limits.computed_at_once else "idle"


def share(standing: Standing, limits: Limits) -> int:
    """Return how many images a batch that is due has at most: the calls that could go now get equal shares."""
    idle = limits.computed_at_once + limits.probing - (standing.in_flight - standing.ending)
    return min(limits.max_batch, math.ceil(standing.waiting / max(idle, 1)))
