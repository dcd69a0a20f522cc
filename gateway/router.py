"""Holds the route that is in force, chooses by it, changes it, and tells who wants to know."""

import asyncio
import random
from collections.abc import Callable, Iterable

import msgspec
import structlog

from gateway.errors import HistoryUnavailable, InvalidRoute, ModelUnavailable, RouteConflict
from gateway.history.routes import RouteStore
from gateway.manifest import ModelVersion
from gateway.metrics import Metrics
from gateway.routing import (
    NO_TRIAL,
    Canary,
    Latest,
    Pinned,
    Role,
    Route,
    Shadow,
    Share,
    answering,
    choose,
    explain,
    previous,
    role_of,
    shares,
)
from gateway.schemas import RouteChange
from gateway.timestamps import now
from gateway.versions import Versions

_REASON_LENGTH = 1000  # characters
_FOLLOW_S = 0.2
_ATTEMPTS = 10


class Destination(msgspec.Struct, frozen=True):
    """Where one request goes."""

    version: ModelVersion
    role: Role
    shadow: ModelVersion | None
    """The version that is asked too."""


class Router:
    """The one place that knows the route. A change is kept in the database before it is in force.

    Other processes may change it too: whose change comes first in the database wins, and the others follow.
    """

    def __init__(
        self, versions: Versions, store: RouteStore, metrics: Metrics, draw: Callable[[], float] = random.random
    ) -> None:
        self._versions = versions
        self._store = store
        self._metrics = metrics
        self._draw = draw
        self._log = structlog.get_logger()
        self._changing = asyncio.Lock()
        self._observers: list[Callable[[RouteChange], None]] = []
        self._change = RouteChange(0, now(), Latest(), "default", "no route was ever set")

    async def load(self) -> None:
        """Take up the route that was in force when the gateway last ran, and follow the versions from now on.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        await self.refresh()
        self._versions.subscribe(self._show)
        self._show()

    async def refresh(self) -> None:
        """Take up what another process has set.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        newest = await self._store.newest()
        if newest is not None:
            self._take_up(newest)

    async def follow(self) -> None:
        """Take up what other processes set, until cancelled. The database offers no event to wait for."""
        readable = True
        while True:
            await asyncio.sleep(_FOLLOW_S)
            try:
                await self.refresh()
            except HistoryUnavailable as error:
                if readable:
                    self._log.warning("no word of the route", problem=error.detail, internals=error.internals)
                readable = False
            else:
                readable = True

    def change(self) -> RouteChange:
        """Return the route that is in force, and who set it when and why."""
        return self._change

    def subscribe(self, observer: Callable[[RouteChange], None]) -> None:
        """Call `observer` after each change of the route, on the event loop; it must not wait."""
        self._observers.append(observer)

    def shares(self) -> list[Share]:
        """Return who gets how much of the traffic now."""
        return shares(self._change.route, self._versions.usable())

    def explain(self) -> str:
        """Say why the traffic is shared otherwise than the route has it; empty where it is not."""
        return explain(self._change.route, self._versions.usable())

    def role(self, version: int) -> Role:
        """Return what an answer of `version` counts as now."""
        return role_of(self._change.route, version)

    async def current(self) -> ModelVersion:
        """Return the version that answers what no trial is made with.

        Raises:
            ModelUnavailable: no version can answer; the message says why.
        """
        usable = await self._versions.settled()
        if not usable:
            raise ModelUnavailable(self._versions.reason())
        return usable[answering(self._change.route, usable)]

    async def choose(self, key: str | None, *, trial: bool = True) -> Destination:
        """Choose the version for one request.

        Args:
            key: what the client wants to be treated alike by.
            trial: whether the candidate of a canary or a shadow may be chosen.

        Raises:
            ModelUnavailable: no version can answer; the message says why.
        """
        usable = await self._versions.settled()
        if not usable:
            raise ModelUnavailable(self._versions.reason())
        route = self._change.route
        choice = choose(route, usable, key, self._draw()) if trial else choose(route, usable, None, NO_TRIAL)
        if choice.fallback:
            self._metrics.route_fallbacks.labels(route.__struct_config__.tag).inc()
        shadow = None if choice.shadow is None else usable[choice.shadow]
        return Destination(usable[choice.version], choice.role, shadow)

    async def set(
        self, route: Route, *, actor: str, reason: str, after: int | None = None, caller: str | None = None
    ) -> RouteChange:
        """Change the route: keep it, put it in force, tell.

        Args:
            route: the new one; a trial without a stable version gets the one that answers now.
            actor: `operator` or `guard`.
            reason: for people, later.
            after: refuse if another change than this `sequence` is in force by now; None to change whatever is.
            caller: the name of the API key that it is changed with.

        Raises:
            InvalidRoute: the candidate is the stable version too.
            RouteConflict: a version cannot answer, or the route was changed meanwhile.
            HistoryUnavailable: the change cannot be kept, and is not in force.
        """
        wanted = RouteChange(0, now(), route, actor, reason[:_REASON_LENGTH], caller)
        async with self._changing:
            change = await self._keep(wanted, after)
        self._metrics.route_changes.labels(actor).inc()
        self._log.info("route changed", **msgspec.to_builtins(change))
        self._take_up(change)
        return change

    async def roll_back(
        self, *, actor: str, reason: str, after: int | None = None, caller: str | None = None
    ) -> RouteChange:
        """Pin the version that answered before: the stable one of a trial, else the next older one.

        Raises:
            RouteConflict: there is none that can answer, or the route was changed meanwhile.
            HistoryUnavailable: the change cannot be kept, and is not in force.
        """
        await self.refresh()
        usable, in_force = self._versions.usable(), self._change
        target = previous(in_force.route, usable)
        if target is None:
            raise RouteConflict(f"no version that could answer is there to go back to; {_list(usable)}")
        followed = in_force.sequence if after is None else after
        return await self.set(Pinned(target), actor=actor, reason=reason, after=followed, caller=caller)

    async def _keep(self, wanted: RouteChange, after: int | None) -> RouteChange:
        """Add the change to those in the database: after `after`, or after whatever is there."""
        for _ in range(_ATTEMPTS):
            await self.refresh()
            in_force = self._change.sequence
            if after not in (None, in_force):
                raise RouteConflict(f"the route was changed meanwhile: {in_force} is in force, no longer {after}")
            change = msgspec.structs.replace(
                wanted, sequence=in_force + 1, since=now(), route=self._resolve(wanted.route)
            )
            kept = await self._store.add(change, in_force)
            if kept is not None:
                return kept
        raise RouteConflict(f"the route was changed {_ATTEMPTS} times meanwhile; see GET /models/route, and try again")

    def _take_up(self, change: RouteChange) -> None:
        """Put a change in force and tell, unless a newer one is."""
        if change.sequence <= self._change.sequence:
            return
        self._change = change
        self._show()
        for observer in self._observers:
            observer(change)

    def _resolve(self, route: Route) -> Route:
        if isinstance(route, Latest):
            return route
        self._require(route.version)
        if isinstance(route, Pinned):
            return route
        stable = self._stable_for(route) if route.stable is None else route.stable
        if stable == route.version:
            raise InvalidRoute(f"version and stable are both {stable}; a trial compares two versions")
        self._require(stable)
        return msgspec.structs.replace(route, stable=stable)

    def _stable_for(self, route: Canary | Shadow) -> int:
        """Return the version that answers now, and is not the one on trial."""
        usable = self._versions.usable()
        others = [number for number in usable if number != route.version]
        if not others:
            raise RouteConflict(f"there is no stable version beside version {route.version}; {_list(usable)}")
        now_answering = answering(self._change.route, usable)
        return now_answering if now_answering in others else max(others)

    def _require(self, number: int) -> None:
        for report in self._versions.reports():
            if report.number == number and report.manifest is not None and not report.error:
                return
        raise RouteConflict(f"version {number} cannot answer; {_list(self._versions.usable())}")

    def _show(self) -> None:
        usable, parts = self._versions.usable(), self.shares()
        self._metrics.route_percent.show({(part.version, part.role): part.percent for part in parts})
        self._metrics.model_info.show({(part.version, usable[part.version].manifest.digest): 1 for part in parts})


def _list(usable: Iterable[int]) -> str:
    numbers = ", ".join(map(str, sorted(usable)))
    return f"those that can: {numbers}; see GET /models" if numbers else "none can; see GET /models"
