"""Writes down each version of the model that could answer: a prediction names its version by a number alone."""

import asyncio
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from gateway.errors import HistoryUnavailable
from gateway.history.reader import HistoryReader
from gateway.history.schema import MODEL_VERSIONS
from gateway.history.writer import HistoryWriter
from gateway.manifest import ModelVersion
from gateway.schemas import KnownVersion
from gateway.timestamps import from_us, now, to_us
from gateway.versions import Versions

_AGAIN_S = 5.0
_INSERT = {  # several gateways see a version come, and one of them is the first
    "sqlite": sqlite.insert(MODEL_VERSIONS).on_conflict_do_nothing(index_elements=["version", "digest"]),
    "postgresql": postgresql.insert(MODEL_VERSIONS).on_conflict_do_nothing(index_elements=["version", "digest"]),
}
_TEXTS = ("digest", "architecture", "created_at", "data_digest")


class VersionPage(msgspec.Struct, frozen=True):
    """Some versions, newest first, and where the following page begins; None on the last page."""

    versions: list[KnownVersion]
    next: int | None


class ModelVersionLog:
    """Follows the usable versions, and reads what was written down of them."""

    def __init__(self, versions: Versions, writer: HistoryWriter, reader: HistoryReader) -> None:
        self._versions = versions
        self._writer = writer
        self._reader = reader
        self._news = asyncio.Event()
        self._kept: set[tuple[int, str]] = set()
        self._log = structlog.get_logger()

    def notice(self) -> None:
        """Say that other versions may be usable than before."""
        self._news.set()

    async def follow(self) -> None:
        """Write down what is noticed, until cancelled; again and again where the database is away."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                for version in list(self._versions.usable().values()):
                    await self._keep(version)
            except HistoryUnavailable as error:
                self._log.warning("a version is not written down yet", internals=error.internals or error.detail)
                self._news.set()
                await asyncio.sleep(_AGAIN_S)

    async def page(self, limit: int, after: int | None) -> VersionPage:
        """Return `limit` versions at most, written down before the row `after`; the newest where it is None.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        page = await self._reader.page(limit, after, MODEL_VERSIONS)
        return VersionPage([_from_row(row) for row in page.rows], page.next)

    async def _keep(self, version: ModelVersion) -> None:
        identity = version.number, version.manifest.digest
        if identity in self._kept:
            return
        row = _to_row(version)

        def add(connection: Connection) -> None:
            connection.execute(_INSERT[connection.dialect.name], row)

        await self._writer.run(add)
        self._kept.add(identity)


def _to_row(version: ModelVersion) -> dict[str, Any]:
    """Return the row for a version; texts that a manifest makes longer than their columns are cut."""
    manifest = version.manifest
    texts = {
        name: str(getattr(manifest, name)).replace("\0", "")[: MODEL_VERSIONS.c[name].type.length]  # type: ignore[attr-defined]
        for name in _TEXTS
    }
    return {
        **texts,
        "timestamp_us": to_us(now()),
        "version": version.number,
        "labels": manifest.labels,
        "metrics": manifest.metrics,
    }


def _from_row(row: dict[str, Any]) -> KnownVersion:
    fields = {name: row[name] for name in KnownVersion.__struct_fields__ if name != "since"}
    return KnownVersion(**fields, since=from_us(row["timestamp_us"]))
