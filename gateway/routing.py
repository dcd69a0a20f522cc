"""Which version answers which request: the rules, as pure functions of the route and the versions that can answer."""

from collections.abc import Collection
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Role = Literal["stable", "candidate", "shadow"]
"""`stable` answers, `candidate` answers on trial, `shadow` is asked too and its answer only compared."""

NO_TRIAL = 1.0
"""A draw that no candidate wins."""

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Percent = Annotated[float, Meta(gt=0, le=100)]


class Latest(msgspec.Struct, frozen=True, tag_field="mode", tag="latest", forbid_unknown_fields=True):
    """The newest version answers: what TensorFlow Serving does by itself."""


class Pinned(msgspec.Struct, frozen=True, tag_field="mode", tag="pinned", forbid_unknown_fields=True):
    """One version answers, whatever is published."""

    version: Number


class Canary(msgspec.Struct, frozen=True, tag_field="mode", tag="canary", forbid_unknown_fields=True):
    """`version` answers `percent` of the requests, `stable` the others."""

    version: Number
    percent: Percent
    stable: Number | None = None
    """None only until the route is set: then the version that answers at that moment."""


class Shadow(msgspec.Struct, frozen=True, tag_field="mode", tag="shadow", forbid_unknown_fields=True):
    """`stable` answers; `percent` of the requests are put to `version` too, and the answers compared."""

    version: Number
    percent: Percent
    stable: Number | None = None
    """None only until the route is set: then the version that answers at that moment."""


Route = Latest | Pinned | Canary | Shadow


class Choice(msgspec.Struct, frozen=True):
    """What becomes of one request."""

    version: int
    """The version that answers."""
    role: Role
    shadow: int | None = None
    """The version that is asked too."""
    fallback: bool = False
    """Whether the version that was wanted cannot answer."""


class Share(msgspec.Struct, frozen=True):
    """How much of the traffic a version gets."""

    version: int
    role: Role
    percent: float


def choose(route: Route, available: Collection[int], key: str | None, draw: float) -> Choice:
    """Choose the version for one request.

    Args:
        route: what the operator wants.
        available: the versions that can answer; at least one.
        key: what the client wants to be treated alike by; the same key meets the same side of a candidate each time.
        draw: a random number in [0, 1), which decides where there is no key.
    """
    main = answering(route, available)
    choice = Choice(main, role_of(route, main), fallback=main != wanted(route, available))
    if isinstance(route, Latest | Pinned):
        return choice
    drawn = (draw if key is None else place(key, route.version)) * 100 < route.percent
    if not drawn or main == route.version:
        return choice
    if isinstance(route, Shadow):
        return msgspec.structs.replace(choice, shadow=route.version) if route.version in available else choice
    if route.version in available:
        return Choice(route.version, "candidate")
    return msgspec.structs.replace(choice, fallback=True)


def place(key: str, candidate: int) -> float:
    """Return where a key lies in [0, 1): evenly spread, and elsewhere for each candidate.

    A key among the first 10 % is among the first 20 % too, so a canary that grows keeps its clients.
    """
    digest = blake2b(key.encode(), digest_size=8, salt=candidate.to_bytes(8, "big"))
    return int.from_bytes(digest.digest(), "big") / 2**64


def answering(route: Route, available: Collection[int]) -> int:
    """Return the version that answers what no trial is made with: the wanted one, else the newest other one.

    `available` are the versions that can answer, at least one. The candidate comes last.
    """
    version = wanted(route, available)
    if version in available:
        return version
    return max((number for number in available if number != candidate_of(route)), default=max(available))


def wanted(route: Route, available: Collection[int]) -> int:
    """Return the version that should answer what no trial is made with, available or not."""
    if isinstance(route, Latest):
        return max(available)
    if isinstance(route, Pinned):
        return route.version
    return max(available) if route.stable is None else route.stable


def candidate_of(route: Route) -> int | None:
    """Return the version on trial, None where there is none."""
    return route.version if isinstance(route, Canary | Shadow) else None


def role_of(route: Route, version: int) -> Role:
    """Return what an answer of `version` counts as."""
    return "candidate" if isinstance(route, Canary) and version == route.version else "stable"


def shares(route: Route, available: Collection[int]) -> list[Share]:
    """Return who gets how much of the traffic; nobody where no version can answer."""
    if not available:
        return []
    main = answering(route, available)
    if isinstance(route, Latest | Pinned) or route.version not in available or route.version == main:
        return [Share(main, role_of(route, main), 100.0)]
    if isinstance(route, Shadow):
        return [Share(main, "stable", 100.0), Share(route.version, "shadow", route.percent)]
    return [Share(main, "stable", 100.0 - route.percent), Share(route.version, "candidate", route.percent)]


def explain(route: Route, available: Collection[int]) -> str:
    """Say why it is not as the route has it; empty where it is."""
    if not available:
        return "no version can answer"
    main, first = answering(route, available), wanted(route, available)
    reasons = [f"version {first} cannot answer; version {main} answers in its place"] if first != main else []
    candidate = candidate_of(route)
    if candidate is not None and candidate not in available:
        reasons.append(f"version {candidate}, the candidate, cannot answer and gets nothing")
    return "; ".join(reasons)


def previous(route: Route, available: Collection[int]) -> int | None:
    """Return the version that a rollback goes to, None where there is none.

    That is the stable version of a trial, and else the newest one that is older than the one that answers now.
    """
    if not available:
        return None
    main = answering(route, available)
    if isinstance(route, Latest | Pinned):
        return max((number for number in available if number < main), default=None)
    return main if main != route.version else None
