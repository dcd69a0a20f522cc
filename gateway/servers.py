"""Several model servers for one model, asked as if they were one. `merge` is the rule; it knows no server.

Each call goes to the server with the fewest calls under way, of those that are connected and have the version. Where a
server is lost, the one retry of `gateway.recovery` goes to another. A server that has just started takes part again
when it has loaded what it loads: the versions that it does not have yet are not taken from the others meanwhile.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.backend import Backend, VersionStatus
from gateway.errors import DeadlineExceeded, GatewayError, ModelBusy, ModelUnavailable, VersionGone
from gateway.manifest import Manifest
from gateway.metrics import Metrics

_AVAILABLE = "AVAILABLE"
_UNDER_WAY = ("START", "LOADING")
_LEAST_FIRST = ("END", "UNLOADING", "START", "LOADING", _AVAILABLE)


class _Server:
    """One model server, and what it last said of its versions."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.statuses: list[VersionStatus] | None = None
        """None while it does not answer."""
        self.takes_part = False
        """Whether its versions count, and calls go to it where others take them too."""
        self.in_flight = 0

    def has_loaded(self) -> bool:
        states = {status.state for status in self.statuses or ()}
        return _AVAILABLE in states and states.isdisjoint(_UNDER_WAY)

    def lose(self) -> None:
        self.statuses, self.takes_part = None, False

    def has(self, version: int) -> bool:
        return any(status.version == version and status.state == _AVAILABLE for status in self.statuses or ())

    def fitness(self, version: int) -> tuple[bool, bool, bool]:
        return self.backend.connected(), self.has(version), self.takes_part


class Servers:
    """One model on one or several model servers."""

    def __init__(self, backends: Sequence[Backend], metrics: Metrics) -> None:
        self._servers = [_Server(backend) for backend in backends]
        self._longest_unasked_first = list(self._servers)
        self._metrics = metrics

    @classmethod
    def connect(cls, targets: Sequence[str], model: str, metrics: Metrics) -> Self:
        """Open a channel to each of `targets`; the servers need not be there yet."""
        return cls([Backend.connect(target, model, metrics) for target in targets], metrics)

    async def close(self) -> None:
        """Close all channels; calls under way are cancelled."""
        for server in self._servers:
            await server.backend.close()

    async def status(self) -> list[VersionStatus]:
        """Return the versions that the servers know, newest first, as `merge` sees them.

        A server that is late is taken at its last word; one that is away does not count.

        Raises:
            DeadlineExceeded, ModelBusy: there is no news.
            ModelUnavailable: no server is there, or none knows the model.
        """
        errors = [error for error in await asyncio.gather(*map(self._hear, self._servers)) if error is not None]
        self._admit()
        if len(errors) == len(self._servers):
            late = [error for error in errors if isinstance(error, DeadlineExceeded | ModelBusy)]
            raise (late or errors)[0]
        return merge({server.backend.target: server.statuses or [] for server in self._servers if server.takes_part})

    async def describe(self, version: int) -> Manifest:
        """Return what a version says of itself on one of the servers; raises as `Backend.describe` does."""
        with self._chosen(version) as backend:
            return await backend.describe(version)

    async def predict(self, version: int, images: Sequence[NDArray[np.uint8]], timeout_s: float) -> NDArray[np.float32]:
        """Ask one server for the probabilities of a batch; arguments, answer and errors are `Backend.predict`'s."""
        with self._chosen(version) as backend:
            return await backend.predict(version, images, timeout_s)

    async def rehearse(
        self, version: int, images: Sequence[NDArray[np.uint8]], timeout_s: float
    ) -> NDArray[np.float32]:
        """Ask as `predict` does, for an answer that no client sees."""
        with self._chosen(version) as backend:
            return await backend.rehearse(version, images, timeout_s)

    async def explain(
        self, version: int, image: NDArray[np.uint8], timeout_s: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ask one server where a version looks; arguments, answer and errors are `Backend.explain`'s."""
        with self._chosen(version) as backend:
            return await backend.explain(version, image, timeout_s)

    async def probe(
        self, version: int, images: Sequence[NDArray[np.uint8]], timeout_s: float
    ) -> list[NDArray[np.float32]]:
        """Rehearse at each server that has the version, at the same time; return float32 `[N, K]` of each."""
        servers = [server for server in self._servers if server.has(version)] or [self._choose(version)]
        calls = [server.backend.rehearse(version, images, timeout_s) for server in servers]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def _hear(self, server: _Server) -> GatewayError | None:
        """Ask one server what versions it has; return why it does not say."""
        try:
            server.statuses = await server.backend.status()
        except (DeadlineExceeded, ModelBusy) as error:
            return error
        except GatewayError as error:
            server.lose()
            return error
        return None

    def _admit(self) -> None:
        """Let those take part that have loaded what they load; where nobody does, all that are there."""
        first = not any(server.takes_part for server in self._servers)
        for server in self._servers:
            server.takes_part |= server.statuses is not None and (first or server.has_loaded())
            self._metrics.server_ready.labels(server.backend.target).set(server.takes_part)

    @contextmanager
    def _chosen(self, version: int) -> Iterator[Backend]:
        """Choose a server for one call, and notice when it is lost."""
        server = self._choose(version)
        server.in_flight += 1
        try:
            yield server.backend
        except ModelUnavailable as error:
            if not isinstance(error, ModelBusy | VersionGone):
                server.lose()
            raise
        finally:
            server.in_flight -= 1

    def _choose(self, version: int) -> _Server:
        """Return the least busy of the fittest; of equals, who was not asked for the longest time."""
        fittest = max(server.fitness(version) for server in self._servers)
        fit = [server for server in self._longest_unasked_first if server.fitness(version) == fittest]
        chosen = min(fit, key=lambda server: server.in_flight)
        self._longest_unasked_first.remove(chosen)
        self._longest_unasked_first.append(chosen)
        return chosen


def merge(reports: Mapping[str, Sequence[VersionStatus]]) -> list[VersionStatus]:
    """Say what several servers have, as if they were one.

    A version is AVAILABLE where it is so at each of them; else its state is that of the server that is furthest from
    it, and START where a server does not know it. So a version that comes to one server after the other appears once,
    at the end. Where no version is AVAILABLE everywhere, since servers that keep one version swap it one after
    the other, those count that are AVAILABLE anywhere.

    Args:
        reports: by the server's target, the versions that it knows.

    Returns:
        The versions, newest first; an error names its server where there are several.
    """
    versions = sorted({status.version for statuses in reports.values() for status in statuses}, reverse=True)
    by_version = [_reports_of(version, reports) for version in versions]
    least = [min(statuses, key=_rank) for statuses in by_version]
    most = [max(statuses, key=_rank) for statuses in by_version]
    everywhere = any(status.state == _AVAILABLE for status in least)
    anywhere = any(status.state == _AVAILABLE for status in most)
    return most if anywhere and not everywhere else least


def _reports_of(version: int, reports: Mapping[str, Sequence[VersionStatus]]) -> list[VersionStatus]:
    """Return what each server says of one version."""
    found = []
    for target, statuses in reports.items():
        unknown = VersionStatus(version=version, state="START", error="")
        status = next((status for status in statuses if status.version == version), unknown)
        if status.error and len(reports) > 1:
            status = msgspec.structs.replace(status, error=f"{target}: {status.error}")
        found.append(status)
    return found


def _rank(status: VersionStatus) -> int:
    return _LEAST_FIRST.index(status.state) if status.state in _LEAST_FIRST else -1
