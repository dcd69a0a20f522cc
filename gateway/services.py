"""What a running gateway consists of: built in order, closed in reverse."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import msgspec
import structlog

from gateway.admission import Admission
from gateway.backend import Backend
from gateway.batching import Batcher, Limits
from gateway.decoding import Decoder
from gateway.history.database import open_reader, open_writer
from gateway.history.reader import HistoryReader
from gateway.history.writer import HistoryWriter
from gateway.metrics import Metrics
from gateway.pipeline import Pipeline
from gateway.settings import Settings
from gateway.versions import Versions


class Services(msgspec.Struct, frozen=True):
    """What the routes work with."""

    settings: Settings
    metrics: Metrics
    admission: Admission
    versions: Versions
    pipeline: Pipeline
    history: HistoryReader


@asynccontextmanager
async def run_services(settings: Settings, metrics: Metrics) -> AsyncIterator[Services]:
    """Start everything behind the routes; at the end answer and write what is under way, and stop it.

    Raises:
        HistoryUnavailable: the history cannot be opened.
    """
    async with AsyncExitStack() as stack:
        engine = await asyncio.to_thread(open_writer, settings.history, settings.durability)
        writer = HistoryWriter(engine, settings.history_queue, metrics)
        writer.start()
        stack.push_async_callback(writer.close)
        reader = HistoryReader(open_reader(settings.history))
        stack.push_async_callback(reader.close)
        backend = Backend.connect(settings.backend, settings.model, metrics)
        stack.push_async_callback(backend.close)
        versions = Versions(backend, settings.model_poll_s, metrics)
        await stack.enter_async_context(_running(versions))
        batcher = Batcher(backend.predict, Limits(settings.max_batch, settings.max_in_flight), metrics)
        stack.push_async_callback(batcher.close)
        decoder = Decoder(settings.decode_threads, settings.max_pixels, metrics)
        stack.push_async_callback(asyncio.to_thread, decoder.close)
        yield Services(
            settings=settings,
            metrics=metrics,
            admission=Admission(settings.concurrency_limit, metrics),
            versions=versions,
            pipeline=Pipeline(versions, decoder, batcher, writer, metrics),
            history=reader,
        )


def _end_if_failed(task: asyncio.Task[None]) -> None:
    """Stop the process where a bug ended a task that must run for ever; whoever supervises it starts it anew."""
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger().critical("bug", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


@asynccontextmanager
async def _running(versions: Versions) -> AsyncIterator[None]:
    await versions.refresh()
    task = asyncio.create_task(versions.follow())
    task.add_done_callback(_end_if_failed)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
