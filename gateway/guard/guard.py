"""The guard: hears what becomes of every image, judges once a second, and routes back by itself."""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from gateway.errors import HistoryUnavailable, RouteConflict
from gateway.guard.judgement import Thresholds, Violation, judge
from gateway.guard.trial import Trial, next_trial
from gateway.guard.window import Summary, Window
from gateway.manifest import ModelVersion
from gateway.metrics import GUARD_STATES, Metrics
from gateway.observations import Outcome
from gateway.router import Router
from gateway.routing import Pinned, answering
from gateway.schemas import RouteChange
from gateway.versions import Versions

_INTERVAL_S = 1.0
_WORDS = {"canary": "as a canary", "shadow": "as a shadow", "rollout": "after its rollout"}


class Spans(msgspec.Struct, frozen=True):
    """How long the guard looks, seconds."""

    window_s: float
    """What is compared are the last seconds of each version."""
    rollout_s: float
    """A new version is watched this long under `latest`."""


class Guard:
    """Compares the version on trial with the stable one. One event loop; no locks.

    It goes back once: what it sets is a pin, and a pin stays until an operator sets another route. Whatever is tried
    after that, the same version too, is judged by what it does from then on.
    """

    def __init__(
        self,
        router: Router,
        versions: Versions,
        thresholds: Thresholds,
        spans: Spans,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._router = router
        self._versions = versions
        self._thresholds = thresholds
        self._spans = spans
        self._metrics = metrics
        self._clock = clock
        self._log = structlog.get_logger()
        self._heard = asyncio.Event()
        self._windows: dict[int, Window] = {}
        self._answering: ModelVersion | None = None
        self._trial: Trial | None = None
        self._replaced: ModelVersion | None = None
        self._baseline = Summary()
        self._helpless = False

    def start(self) -> None:
        """Follow the route and the versions from now on."""
        self._router.subscribe(self._on_route)
        self._versions.subscribe(self._follow)
        self._follow()
        self._show()

    def observe(self, outcome: Outcome) -> None:
        """Take note of what became of an image."""
        window = self._windows.setdefault(outcome.version, Window(self._spans.window_s))
        window.add(outcome, self._clock())
        self._heard.set()

    async def run(self) -> None:
        """Judge for ever, until cancelled: once a second while there is traffic, not at all while there is none."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            await self.look()
            await asyncio.sleep(_INTERVAL_S)

    async def look(self) -> None:
        """Judge what was heard until now, and go back to the stable version if that is called for."""
        now = self._clock()
        self._windows = {number: window for number, window in self._windows.items() if not window.empty(now)}
        trial = self._trial
        if trial is None:
            return
        if trial.kind == "rollout" and now - trial.since > self._spans.rollout_s:
            self._begin(None)
        elif violations := self._judge(trial, now):
            await self._go_back(trial, violations)

    def _judge(self, trial: Trial, now: float) -> list[Violation]:
        if trial.candidate not in self._windows:
            return []
        stable = self._baseline if trial.kind == "rollout" else self._summary(trial.stable, now)
        thresholds = self._thresholds
        if not self._same_classes(trial):
            thresholds = msgspec.structs.replace(thresholds, classes=1.0, disagreement=1.0)
        window = self._windows[trial.candidate]
        return judge(window.summary(now), window.moments(now), stable, thresholds)

    def _same_classes(self, trial: Trial) -> bool:
        usable = self._versions.usable()
        candidate, stable = usable.get(trial.candidate), usable.get(trial.stable, self._replaced)
        if candidate is None or stable is None:
            return False
        return set(candidate.manifest.labels) == set(stable.manifest.labels)

    def _summary(self, number: int, now: float) -> Summary:
        window = self._windows.get(number)
        return window.summary(now) if window else Summary()

    async def _go_back(self, trial: Trial, violations: Sequence[Violation]) -> None:
        reason = f"version {trial.candidate} {_WORDS[trial.kind]}: {'; '.join(each.sentence for each in violations)}"
        if trial.stable not in self._versions.usable():
            self._despair(trial, reason)
            return
        in_force = self._router.change().sequence
        try:
            await self._router.set(Pinned(trial.stable), actor="guard", reason=reason, after=in_force)
        except (RouteConflict, HistoryUnavailable) as error:  # the next look decides anew
            self._log.warning("guard could not route back", reason=reason, problem=error.detail)
        else:
            self._metrics.guard_rollbacks.labels(violations[0].measure).inc()
            self._log.error("guard routed back", version=trial.stable, reason=reason)

    def _despair(self, trial: Trial, reason: str) -> None:
        if not self._helpless:
            self._helpless = True
            self._metrics.guard_helpless.inc()
            self._log.error("guard has nothing to route back to", version=trial.stable, reason=reason)
            self._show()

    def _on_route(self, _change: RouteChange) -> None:
        self._follow()

    def _follow(self) -> None:
        """Take note of another route, or of other versions; while no version can answer there is nothing to note."""
        usable = self._versions.usable()
        if not usable:
            return
        route, before = self._router.change().route, self._answering
        self._answering = usable[answering(route, usable)]
        number = self._answering.number
        trial = next_trial(self._trial, route, number, before.number if before else None, self._clock())
        if trial is not self._trial:
            self._replaced = before
            self._begin(trial)

    def _begin(self, trial: Trial | None) -> None:
        self._trial, self._helpless = trial, False
        if trial:
            self._windows.pop(trial.candidate, None)
            self._baseline = self._summary(trial.stable, self._clock())
            self._log.info("guard watches", kind=trial.kind, version=trial.candidate, stable=trial.stable)
        self._show()

    def _show(self) -> None:
        state = "helpless" if self._helpless else "watching" if self._trial else "idle"
        for each in GUARD_STATES:
            self._metrics.guard_state.labels(each).set(each == state)
