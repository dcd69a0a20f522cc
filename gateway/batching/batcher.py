"""The task around the rule: takes images one by one, asks the model for batches, and gives each image its answer."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from gateway.batching.calls import Call, Calls
from gateway.batching.entries import Answer, Entry, Model, Row, Scores
from gateway.batching.pace import Pace
from gateway.batching.rule import Limits, Trigger, due, share
from gateway.batching.waiting import WaitingRoom
from gateway.errors import DeadlineExceeded, ModelUnavailable
from gateway.lanes import Priority
from gateway.metrics import Metrics


class Statistics(msgspec.Struct, frozen=True):
    """What a batcher is doing."""

    waiting: int
    in_flight: int
    max_in_flight: int
    """Calls that may be under way now."""


class Ticket(msgspec.Struct, eq=False):
    """An image that is being decoded."""

    version: int
    number: int
    used: bool = False
    """Whether the image is expected no more: it waits already, or never will."""


class Batcher:
    """Answers images one by one by asking the model for batches. One event loop; no locks.

    Args:
        model: what answers.
        max_batch: images in a call at most.
        quota: calls at one time at most; how many there are is adapted to the model server.
        metrics: of the gateway.
        clock: seconds.
    """

    def __init__(
        self, model: Model, max_batch: int, quota: int, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._max_batch = max_batch
        self._metrics = metrics
        self._clock = clock
        self._quota = quota
        self._pace = Pace(quota)
        self._rooms: dict[int, WaitingRoom] = {}  # by version; the one that had a call last stands last
        self._calls = Calls()
        self._alarm: asyncio.TimerHandle | None = None
        self._closing = False

    @contextmanager
    def expect(self, version: int) -> Iterator[Ticket]:
        """Tell that an image is being decoded for `version`, which must answer: a batch may wait a moment for it."""
        ticket = Ticket(version, self._room(version).expect())
        try:
            yield ticket
        finally:
            if self._use(ticket):
                self._dispatch()

    async def submit(self, ticket: Ticket, row: Row, deadline: float, priority: Priority = "interactive") -> Scores:
        """Return the model's answer to an image that was expected.

        Cancelling the caller takes the image out of the queue. A call goes on for its neighbours, and is cancelled when
        nobody waits for any of its images.

        Args:
            ticket: what `expect` gave; once only.
            row: uint8 `[H, W, C]`.
            deadline: when the answer is of no use any more, on the batcher's clock.
            priority: the class of traffic that it belongs to.

        Raises:
            GatewayError: what the model answered to this image; DeadlineExceeded when it waited too long.
        """
        if self._closing:
            raise ModelUnavailable("the gateway is shutting down; send the request again")
        now = self._clock()
        entry = Entry(ticket.version, row, deadline, now, asyncio.get_running_loop().create_future())
        self._room(ticket.version).add(entry, priority, now)
        self._use(ticket)
        self._dispatch()
        try:
            return await entry.answer
        finally:
            self._leave(entry)

    def statistics(self) -> Statistics:
        """Return what waits and what is under way."""
        return Statistics(
            waiting=sum(map(len, self._rooms.values())),
            in_flight=len(self._calls),
            max_in_flight=self._pace.max_in_flight,
        )

    async def close(self) -> None:
        """Answer what waits, and take nothing more."""
        self._closing = True
        self._dispatch()
        while self._calls:
            await asyncio.wait([call.task for call in self._calls if call.task is not None])

    def _room(self, version: int) -> WaitingRoom:
        return self._rooms.setdefault(version, WaitingRoom())

    def _use(self, ticket: Ticket) -> bool:
        if ticket.used:
            return False
        ticket.used = True
        self._rooms[ticket.version].forget(ticket.number)
        self._tidy(ticket.version)
        return True

    def _tidy(self, version: int) -> None:
        """Remember no version for which nothing waits or is expected."""
        if not self._rooms[version]:
            del self._rooms[version]

    def _leave(self, entry: Entry) -> None:
        """Let go of an image that was answered, or for which nobody waits any more."""
        if self._calls.leave(entry):
            return
        if (room := self._rooms.get(entry.version)) is not None and room.discard(entry):
            self._tidy(entry.version)
            self._drop([entry])
            self._dispatch()

    def _dispatch(self) -> None:
        """Send every batch that is due, and look again when the next one may be."""
        while self._send_one():
            pass
        statistics = self.statistics()
        self._metrics.queue_depth.set(statistics.waiting)
        self._metrics.in_flight_limit.set(statistics.max_in_flight)

    def _send_one(self) -> bool:
        """Send a batch that is due, and say whether there was one."""
        if len(self._calls) >= self._quota:
            return False
        now = self._clock()
        in_flight, ending = self._calls.in_flight(now), self._calls.ending(now)
        moments = self._calls.moments(now)  # in so many seconds a batch may be due without anything else happening
        wanted = False
        for version, room in self._rooms.items():
            if not len(room):
                continue
            wanted = True
            standing, limits = room.standing(now, in_flight, ending), self._limits(version, len(room))
            trigger = due(standing, limits, draining=self._closing)
            if trigger is not None:
                self._send(version, share(standing, limits), trigger, now)
                return True
            if (left := limits.patience_s - standing.waited_s) > 0:
                moments.append(left)
        self._wake_in(min(moments, default=None) if wanted else None)
        return False

    def _limits(self, version: int, waiting: int) -> Limits:
        return Limits(
            max_batch=self._max_batch,
            computed_at_once=self._pace.computed_at_once,
            max_in_flight=self._pace.max_in_flight,
            patience_s=self._pace.patience(version, waiting),
            probing=self._pace.probing,
        )

    def _wake_in(self, seconds: float | None) -> None:
        """Look again when some patience is at its end; whatever happens before that looks by itself."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if seconds is not None:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._dispatch)

    def _send(self, version: int, images: int, trigger: Trigger, now: float) -> None:
        batch, dropped = self._rooms[version].take(images, now)
        self._rooms[version] = self._rooms.pop(version)  # images of other versions come first next time
        self._tidy(version)
        self._drop(dropped)
        if not batch:
            return
        if trigger == "probe":
            self._pace.probe()
        self._metrics.batches.labels(trigger).inc()
        self._metrics.batch_size.observe(len(batch))
        call = self._calls.begin(
            batch, now, self._pace.ending_after(version, len(batch)), self._pace.overdue_after(version, len(batch))
        )
        call.task = asyncio.create_task(self._run(call))
        call.task.add_done_callback(lambda _: self._finish(call))

    def _drop(self, entries: Sequence[Entry]) -> None:
        now = self._clock()
        for entry in entries:
            self._metrics.dropped.labels("expired" if entry.deadline <= now else "gone").inc()
            if not entry.answer.done():
                waited = now - entry.arrived
                entry.answer.set_exception(DeadlineExceeded(f"the image waited {waited:.1f} s for the model"))

    def _finish(self, call: Call) -> None:
        self._calls.end(call)
        self._dispatch()

    async def _run(self, call: Call) -> None:
        begin, version = call.begun, call.entries[0].version
        timeout_s = max(entry.deadline for entry in call.entries) - begin
        answers: Sequence[Answer | Exception]
        try:
            answers = await self._model(version, [entry.row for entry in call.entries], timeout_s)
        except Exception as bug:  # noqa: BLE001 - whatever it is, everyone who waits for this batch is told
            answers = [bug] * len(call.entries)
        now = self._clock()
        backend_s = now - begin
        if backend_s > 0 and not any(isinstance(answer, Exception) for answer in answers):
            self._pace.learn(version, len(answers), backend_s, self._calls.together(call, now))
        for entry, answer in zip(call.entries, answers, strict=True):
            if entry.answer.done():
                continue
            if isinstance(answer, Exception):
                entry.answer.set_exception(answer)
            else:
                entry.answer.set_result(Scores(answer, begin - entry.arrived, backend_s, len(call.entries)))
