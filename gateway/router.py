"""Holds the route that is in force, chooses by it, changes it, and tells who wants to know."""

import asyncio
import random
from collections.abc import Callable, Iterable

import msgspec
import structlog

from gateway.errors import InvalidRoute, ModelUnavailable, RouteConflict
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


class Destination(msgspec.Struct, frozen=True):
    """Where one request goes."""

    version: ModelVersion
    role: Role
    shadow: ModelVersion | None
    """The version that is asked too."""


class Router:
    """The one place that knows the route. A change is kept in the database before it is in force."""

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
        self._change = await self._store.newest() or self._change
        self._versions.subscribe(self._show)
        self._show()

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

    async def set(self, route: Route, *, actor: str, reason: str, after: int | None = None) -> RouteChange:
        """Change the route: keep it, put it in force, tell.

        Args:
            route: the new one; a trial without a stable version gets the one that answers now.
            actor: `operator` or `guard`.
            reason: for people, later.
            after: refuse if another change than this `sequence` is in force by now; None to change whatever is.

        Raises:
            InvalidRoute: the candidate is the stable version too.
            RouteConflict: a version cannot answer, or the route was changed meanwhile.
            HistoryUnavailable: the change cannot be kept, and is not in force.
        """
        async with self._changing:
            if after is not None and after != self._change.sequence:
                raise RouteConflict(f"the route was changed meanwhile: {self._change.sequence} follows {after}")
            resolved = self._resolve(route)
            change = RouteChange(self._change.sequence + 1, now(), resolved, actor, reason[:_REASON_LENGTH])
            self._change = await self._store.add(change)
        self._metrics.route_changes.labels(actor).inc()
        self._log.info("route changed", **msgspec.to_builtins(self._change))
        self._show()
        for observer in self._observers:
            observer(self._change)
        return self._change

    async def roll_back(self, *, actor: str, reason: str, after: int | None = None) -> RouteChange:
        """Pin the version that answered before: the stable one of a trial, else the next older one.

        Raises:
            RouteConflict: there is none that can answer, or the route was changed meanwhile.
            HistoryUnavailable: the change cannot be kept, and is not in force.
        """
        usable, in_force = self._versions.usable(), self._change
        target = previous(in_force.route, usable)
        if target is None:
            raise RouteConflict(f"no version that could answer is there to go back to; {_list(usable)}")
        return await self.set(
            Pinned(target), actor=actor, reason=reason, after=in_force.sequence if after is None else after
        )

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
