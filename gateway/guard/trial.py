"""Which version is on trial against which: a rule, as a pure function of the route and of what answered before."""

from typing import Literal

import msgspec

from gateway.routing import Canary, Latest, Route, Shadow

Kind = Literal["canary", "shadow", "rollout"]


class Trial(msgspec.Struct, frozen=True):
    """A version that is compared with a stable one."""

    kind: Kind
    candidate: int
    stable: int
    since: float
    """When it began, on the guard's clock, seconds."""


def next_trial(trial: Trial | None, route: Route, answering: int, before: int | None, now: float) -> Trial | None:
    """Return the trial that holds now; `trial` itself where that goes on.

    A canary and a shadow are on trial for as long as they are routed. Under `latest` a version is on trial when it
    takes the place of an older one. A version that is pinned is not: whoever pins one has decided. Nor is an older
    version that comes back because the newest has gone: that is what a rollback looks like in the store.

    Args:
        trial: what held until now.
        route: what the operator or the guard has set.
        answering: the version that answers those requests that no canary takes.
        before: the version that did when this was last asked; None at first.
        now: on the guard's clock, seconds.
    """
    if isinstance(route, Canary | Shadow):
        kind: Kind = "canary" if isinstance(route, Canary) else "shadow"
        wanted = Trial(kind, route.version, answering if route.stable is None else route.stable, now)
        return trial if trial and _same(trial, wanted) else wanted
    if not isinstance(route, Latest):
        return None
    if before is not None and answering > before:
        return Trial("rollout", answering, before, now)
    return trial if trial and trial.kind == "rollout" and trial.candidate == answering else None


def _same(one: Trial, other: Trial) -> bool:
    return (one.kind, one.candidate, one.stable) == (other.kind, other.candidate, other.stable)
