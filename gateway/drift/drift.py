"""Follows what each version sees and answers, and tells how far that is from what is usual."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable

import structlog

from gateway.drift.metrics import DriftMetrics
from gateway.drift.pool import Pool
from gateway.drift.reference import CLASS, CONFIDENCE, DriftReference
from gateway.drift.tally import Tally
from gateway.drift.window import Span, Window
from gateway.manifest import ModelVersion
from gateway.observations import Outcome
from gateway.versions import Versions

_INTERVAL_S = 1.0


class Watched:
    """A version that tells what is usual, and its last images."""

    def __init__(self, version: ModelVersion, reference: DriftReference, span: Span) -> None:
        self.version = version
        self._binned = reference.binned()
        self.usual = {CLASS: reference.classes, **{name: each.counts for name, each in self._binned.items()}}
        """Images in each bin of each feature."""
        self._places = {label: place for place, label in enumerate(version.manifest.labels)}
        self._window = Window([len(counts) for counts in self.usual.values()], span)

    def add(self, outcome: Outcome, now: float) -> None:
        """Count an answer of this version."""
        values = {CONFIDENCE: outcome.confidence, **outcome.seen}
        bins = [bisect_left(each.edges, values[name]) for name, each in self._binned.items()]
        self._window.add((self._places[outcome.label], *bins), now)

    def tally(self, now: float) -> Tally:
        """Return what is in the window."""
        self._window.expire(now)
        counts = {feature: [*bins] for feature, bins in zip(self.usual, self._window.counts, strict=True)}
        return Tally(self.version.number, self.version.manifest.digest, counts)


class Drift:
    """Counts every computed answer, and shows once a second what all workers together have seen of each version.

    Versions whose manifests tell nothing of what is usual, as those of old have it, are answered by and not watched.
    """

    def __init__(
        self,
        versions: Versions,
        span: Span,
        metrics: DriftMetrics,
        pool: Pool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to watch; see `start` and `run`.

        Args:
            versions: of which the usable ones are watched.
            span: of the images of each version that this worker answers.
            metrics: where it is shown.
            pool: what other workers have seen; None where there are none.
            clock: seconds, never going back.
        """
        self._versions = versions
        self._span = span
        self._metrics = metrics
        self._pool = pool
        self._clock = clock
        self._log = structlog.get_logger()
        self._watched: dict[int, Watched] = {}
        self._trouble = ""

    def start(self) -> None:
        """Follow the versions from now on."""
        self._versions.subscribe(self._follow)
        self._follow()

    def observe(self, outcome: Outcome) -> None:
        """Take note of an answer; of a failure there is nothing to see."""
        watched = self._watched.get(outcome.version)
        if watched is not None and outcome.model is watched.version:
            watched.add(outcome, self._clock())

    async def run(self) -> None:
        """Show for ever, until cancelled. That time passes, and what other workers see, is no event to wait for."""
        while True:
            await self.show()
            await asyncio.sleep(_INTERVAL_S)

    async def show(self) -> None:
        """Show what was seen until now."""
        now, watched = self._clock(), list(self._watched.values())
        own = [each.tally(now) for each in watched]
        try:
            others = await asyncio.to_thread(self._pool.exchange, own) if self._pool else []
        except OSError as error:
            self._tell(f"{error}")  # what is shown stays: a part of the workers is none to judge by
            return
        self._tell("")
        there = {id(each) for each in self._watched.values()}
        pairs = zip(own, watched, strict=True)
        self._metrics.show([(tally.plus(others), each.usual) for tally, each in pairs if id(each) in there])

    def _tell(self, trouble: str) -> None:
        """Log what keeps the workers from telling each other, when it begins."""
        if trouble and trouble != self._trouble:
            self._log.warning("drift not known", reason=trouble)
        self._trouble = trouble

    def _follow(self) -> None:
        """Watch the usable versions and no others; one that came back under its number begins anew."""
        before, self._watched = self._watched, {}
        for number, version in self._versions.usable().items():
            reference, known = version.manifest.drift_reference, before.get(number)
            if known is not None and known.version is version:
                self._watched[number] = known
            elif reference is not None:
                self._watched[number] = Watched(version, reference, self._span)
