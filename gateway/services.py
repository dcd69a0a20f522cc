"""What a running gateway consists of: built in order, closed in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from gateway import tasks
from gateway.admission import Admission
from gateway.batching.batcher import Batcher
from gateway.cache.cache import ResultCache
from gateway.decoding import Decoder
from gateway.drift.drift import Drift
from gateway.drift.pool import Pool
from gateway.drift.window import Span
from gateway.explanation import Explainer
from gateway.feedback.feedback import Feedback
from gateway.feedback.records import FeedbackRecords
from gateway.guard.guard import Guard, Spans
from gateway.guard.judgement import Thresholds
from gateway.history.database import open_reader, open_writer
from gateway.history.model_versions import ModelVersionLog
from gateway.history.reader import HistoryReader
from gateway.history.retention import Retention
from gateway.history.routes import RouteStore
from gateway.history.writer import HistoryWriter, Terms
from gateway.jobs.follower import Follower
from gateway.jobs.jobs import Jobs
from gateway.jobs.store import JobStore
from gateway.jobs.trainer import Trainer
from gateway.metrics import Metrics
from gateway.observations import ObservedModel, Observers
from gateway.pipeline import Pipeline
from gateway.recovery import Recovery
from gateway.router import Router
from gateway.servers import Servers
from gateway.settings import Settings
from gateway.shadow import ShadowTraffic
from gateway.uploaded.records import UploadRecords
from gateway.uploaded.uploads import Uploads
from gateway.versions import Versions


class Services(msgspec.Struct, frozen=True):
    """What the routes work with."""

    settings: Settings
    metrics: Metrics
    admission: Admission
    versions: Versions
    router: Router
    pipeline: Pipeline
    explainer: Explainer
    history: HistoryReader
    version_log: ModelVersionLog
    route_store: RouteStore
    jobs: Jobs
    uploads: Uploads
    feedback: Feedback


@asynccontextmanager
async def run_services(
    settings: Settings, metrics: Metrics, metrics_folder: Path | None = None
) -> AsyncIterator[Services]:
    """Start everything behind the routes; at the end answer and write what is under way, and stop it.

    Args:
        settings: for this process.
        metrics: of this process.
        metrics_folder: where several processes tell each other what they counted; None where there is one process.

    Raises:
        HistoryUnavailable: the history cannot be opened.
    """
    async with AsyncExitStack() as stack:
        engine = await asyncio.to_thread(open_writer, settings.history, settings.durability)
        writer = HistoryWriter(
            engine,
            settings.history_queue,
            metrics.history,
            Terms(settings.durability, settings.history_policy),
            Retention(settings.history_max_age_days, settings.history_max_rows),
        )
        writer.start()
        stack.push_async_callback(writer.close)
        reader = HistoryReader(open_reader(settings.history))
        stack.push_async_callback(reader.close)
        backend = Servers.connect(settings.targets(), settings.model, metrics)
        stack.push_async_callback(backend.close)
        versions = Versions(backend, settings.model_poll_s, settings.max_batch, metrics)
        stack.push_async_callback(versions.close)
        route_store = RouteStore(writer, reader)
        router = Router(versions, route_store, metrics)
        await router.load()
        version_log = ModelVersionLog(versions, writer, reader)
        versions.subscribe(version_log.notice)
        await stack.enter_async_context(tasks.running(version_log.follow()))
        await versions.refresh()
        await stack.enter_async_context(tasks.running(versions.follow()))
        if settings.workers > 1:
            await stack.enter_async_context(tasks.running(router.follow()))
        observers = Observers()
        if settings.guard:
            spans = Spans(settings.guard_window_s, settings.guard_rollout_s)
            guard = Guard(router, versions, thresholds(settings), spans, metrics)
            observers.add(guard.observe)
            guard.start()
            await stack.enter_async_context(tasks.running(guard.run()))
        drift = await stack.enter_async_context(run_drift(settings, versions, metrics, metrics_folder))
        observers.add(drift.observe)
        model = ObservedModel(Recovery(backend.predict, metrics), router.role, observers)
        batcher = Batcher(model, settings.max_batch, settings.max_in_flight, metrics)
        stack.push_async_callback(batcher.close)
        decoder = Decoder(settings.decode_threads, settings.max_pixels, metrics)
        stack.push_async_callback(asyncio.to_thread, decoder.close)
        shadow = ShadowTraffic(backend, decoder, observers, metrics)
        await stack.enter_async_context(tasks.running(shadow.run()))
        admission = Admission(settings.concurrency_limit, metrics)
        cache = ResultCache(settings.cache_entries, metrics)
        stack.push_async_callback(cache.close)
        versions.subscribe(lambda: cache.retain(versions.usable().values()))
        router.subscribe(lambda _: cache.clear())
        records = UploadRecords(writer, reader)
        quota = settings.uploads_quota_bytes
        uploads = Uploads(records, decoder, Path(settings.uploads), quota, metrics.uploads)
        jobs = await stack.enter_async_context(run_jobs(settings, JobStore(writer, reader), uploads, metrics))
        feedback = Feedback(FeedbackRecords(writer, reader), metrics.feedback)
        await stack.enter_async_context(tasks.running(feedback.follow()))
        yield Services(
            settings=settings,
            metrics=metrics,
            admission=admission,
            versions=versions,
            router=router,
            pipeline=Pipeline(
                admission=admission,
                versions=versions,
                router=router,
                cache=cache,
                decoder=decoder,
                batcher=batcher,
                shadow=shadow,
                history=writer,
                observe=observers,
                metrics=metrics,
            ),
            explainer=Explainer(
                limit=settings.explain_limit,
                max_pixels=settings.max_pixels,
                router=router,
                versions=versions,
                backend=backend,
                decoder=decoder,
                metrics=metrics,
            ),
            history=reader,
            version_log=version_log,
            route_store=route_store,
            jobs=jobs,
            uploads=uploads,
            feedback=feedback,
        )


@asynccontextmanager
async def run_drift(
    settings: Settings, versions: Versions, metrics: Metrics, folder: Path | None
) -> AsyncIterator[Drift]:
    """Watch what the versions see for the length of a block; in `folder` the workers tell each other."""
    span = Span(settings.drift_window_images, settings.drift_window_s)
    drift = Drift(versions, span, metrics.drift, Pool(folder) if folder else None)
    drift.start()
    async with tasks.running(drift.run()):
        yield drift


@asynccontextmanager
async def run_jobs(settings: Settings, store: JobStore, uploads: Uploads, metrics: Metrics) -> AsyncIterator[Jobs]:
    """Follow the retraining that runs for the length of a block; at the end it goes on by itself."""
    follower = Follower(store, Path(settings.sessions), metrics.jobs)
    trainer = Trainer(settings.trainer, settings.trainer_nice)
    async with tasks.running(follower.follow()):
        yield Jobs(store, follower, trainer, Path(settings.store), uploads.folders)


def thresholds(settings: Settings) -> Thresholds:
    """Return by how much a version on trial may differ, as it is set."""
    return Thresholds(
        images=settings.guard_images,
        errors=settings.guard_errors,
        latency_ratio=settings.guard_latency_ratio,
        latency_margin_s=settings.guard_latency_margin_s,
        abstentions=settings.guard_abstentions,
        classes=settings.guard_classes,
        disagreement=settings.guard_disagreement,
    )
