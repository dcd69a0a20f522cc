"""Follows the versions of the model: what the model server says of each, and which of them can answer."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
import structlog

from gateway.backend import VersionStatus
from gateway.errors import DeadlineExceeded, GatewayError, ModelBusy, ModelUnavailable, ModelUnknown
from gateway.manifest import Manifest, ModelVersion
from gateway.metrics import Metrics
from gateway.preparation import Preparation, PreparationLimits
from gateway.servers import Servers
from gateway.timestamps import now

_AVAILABLE, _END = "AVAILABLE", "END"
_SHOWN = 32  # versions with metrics of their own; TensorFlow Serving never forgets one that failed


class VersionReport(msgspec.Struct, frozen=True):
    """All that is known of a version now."""

    number: int
    state: str
    """TensorFlow Serving's name."""
    since: str
    """When the gateway first saw it in this state; RFC 3339, UTC."""
    error: str
    """Why it could not be loaded, or cannot be used although it was; empty where nothing is wrong."""
    ready: bool
    """Whether requests may be routed to it."""
    manifest: Manifest | None
    """What it says of itself; None until it has."""


class Versions:
    """The versions of one model, as the model server last told them."""

    def __init__(self, backend: Servers, poll_s: float, max_batch: int, metrics: Metrics) -> None:
        self._backend = backend
        self._poll_s = poll_s
        self._limits = PreparationLimits(poll_s, max_batch)
        self._metrics = metrics
        self._log = structlog.get_logger()
        self._refreshing = asyncio.Lock()
        self._news = asyncio.Event()
        self._statuses: dict[int, VersionStatus] = {}
        self._since: dict[int, str] = {}
        self._preparations: dict[int, Preparation] = {}
        self._usable: dict[int, ModelVersion] = {}
        self._told: tuple[Mapping[int, ModelVersion], str] | None = None
        self._trouble, self._internals = "the model server has not been asked yet", ""
        self._observers: list[Callable[[], None]] = []

    def usable(self) -> Mapping[int, ModelVersion]:
        """Return the versions that requests may be routed to, by their numbers.

        Those are the ones that have been tried. Where there is none, a client is better served by one that has not.
        """
        return self._usable

    async def settled(self) -> Mapping[int, ModelVersion]:
        """Return the usable versions, as soon as there is one or it is clear that there is none."""
        while not self._usable and self._pending():
            self._news.clear()
            await self._news.wait()
        return self._usable

    async def find(self, number: int) -> ModelVersion:
        """Return one usable version.

        Raises:
            ModelUnknown: the model server has no such version.
            ModelUnavailable: it has it, and it is not usable now; or it cannot be asked.
        """
        usable = await self.settled()
        if number in usable:
            return usable[number]
        status = self._statuses.get(number)
        if status is not None and status.state != _END:
            raise ModelUnavailable(f"version {number} is {status.state} and cannot answer yet; see GET /models")
        if not self._statuses:
            raise ModelUnavailable(self.reason())
        raise ModelUnknown(f"there is no version {number} now; see GET /models")

    def reason(self) -> str:
        """Say why no version is usable; empty where one is."""
        if self._usable:
            return ""
        mute = "has not described itself yet"
        problems = [f"version {number}: {work.problem or mute}" for number, work in self._preparations.items()]
        return "; ".join(problems) or self._trouble

    def reports(self) -> list[VersionReport]:
        """Return all versions that the model server knew when it was last asked, newest first."""
        return [self._report(status) for status in self._statuses.values()]

    def subscribe(self, observer: Callable[[], None]) -> None:
        """Call `observer` whenever other versions are usable than before."""
        self._observers.append(observer)

    async def follow(self) -> None:
        """Ask the model server again and again, until cancelled. It offers no event to wait for."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._poll_s)

    async def refresh(self) -> None:
        """Ask the model server now. What it cannot answer is remembered as the reason, not raised."""
        async with self._refreshing:
            await self._ask()

    async def replace(self, gone: ModelVersion) -> None:
        """Ask the model server what took the place of a version that has gone, once for all who noticed."""
        async with self._refreshing:
            if self._usable.get(gone.number) is gone:
                await self._ask()

    async def close(self) -> None:
        """End what is being prepared; nobody waits for it any more."""
        ending, self._preparations = self._preparations, {}
        self._news.set()
        for work in ending.values():
            await work.cancel()

    async def _ask(self) -> None:
        try:
            statuses = {status.version: status for status in await self._backend.status()}
        except (DeadlineExceeded, ModelBusy) as error:  # no answer is no news: the version may well be computing
            self._log.warning("no word of the model server", reason=error.detail)
            return
        except GatewayError as error:
            statuses = {}  # whoever comes back under the same number may be another
            self._trouble, self._internals = error.detail, error.internals
        else:
            self._trouble, self._internals = "the model server has no version that is AVAILABLE", ""
        self._note(statuses)
        available = {number for number, status in statuses.items() if status.state == _AVAILABLE}
        gone = [self._preparations.pop(number) for number in self._preparations.keys() - available]
        needed = not any(work.version and not work.problem for work in self._preparations.values())
        for number in available - self._preparations.keys():
            work = Preparation(number, self._backend, self._limits, self._metrics, self._weigh)
            self._preparations[number] = work
            work.start(needed=needed)
        self._weigh()
        for work in gone:
            await work.cancel()

    def _pending(self) -> bool:
        return any(not work.attempted for work in self._preparations.values())

    def _note(self, statuses: dict[int, VersionStatus]) -> None:
        """Take over what the model server says, and notice what is new."""
        known = self._statuses
        for number, status in statuses.items():
            before = known.get(number)
            if before is None or before.state != status.state:
                self._since[number] = now()
            if status.error and (before is None or before.error != status.error):
                self._metrics.version_failures.labels("load").inc()
                self._log.error("version not loaded", version=number, state=status.state, reason=status.error)
        self._since = {number: self._since[number] for number in statuses}
        self._statuses = statuses

    def _weigh(self) -> None:
        """Find out which versions are usable, and tell."""
        described = {number: work for number, work in self._preparations.items() if work.version is not None}
        tried = {number for number, work in described.items() if work.tried}
        sound = {number for number, work in described.items() if not work.problem}
        last_resort = set() if self._pending() else described.keys()  # a better one may be there in a moment
        chosen = tried or sound or last_resort
        self._usable = {number: work.version for number, work in described.items() if work.version and number in chosen}
        self._news.set()
        if not self._usable and self._pending():
            return  # what comes next is known in a moment, and requests wait for it
        self._show()
        told, self._told = self._told, (self._usable, self.reason())
        if self._told != told:
            self._tell()

    def _tell(self) -> None:
        if self._usable:
            self._log.info("versions usable", versions=sorted(self._usable))
        else:
            self._log.warning("no version available", reason=self.reason(), internals=self._internals)
        for observer in self._observers:
            observer()

    def _show(self) -> None:
        self._metrics.backend_ready.set(bool(self._usable))
        there = [status for status in self._statuses.values() if status.state != _END or status.error][:_SHOWN]
        self._metrics.version_state.show({(status.version, status.state): 1 for status in there})
        self._metrics.version_ready.show({(status.version,): status.version in self._usable for status in there})

    def _report(self, status: VersionStatus) -> VersionReport:
        work = self._preparations.get(status.version)
        return VersionReport(
            number=status.version,
            state=status.state,
            since=self._since[status.version],
            error=status.error or (work.problem if work else ""),
            ready=status.version in self._usable,
            manifest=work.version.manifest if work and work.version else None,
        )
