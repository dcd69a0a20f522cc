"""Keeps uploaded images: each is checked, written under a name of ours, and recorded, or refused with its reason."""

import asyncio
import errno
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.decoding import Decoder
from gateway.errors import (
    BadImage,
    GatewayError,
    HistoryUnavailable,
    LabelConflict,
    UnsupportedFormat,
    UploadsFull,
    UploadsUnavailable,
)
from gateway.identities import is_identity, new_identity
from gateway.imaging import ImageSpec
from gateway.problems import to_problem
from gateway.timestamps import now, to_us
from gateway.uploaded import files
from gateway.uploaded.files import StoredImage
from gateway.uploaded.metrics import Outcome, UploadMetrics
from gateway.uploaded.records import Row, UploadRecords
from gateway.uploaded.schemas import UploadedFile
from gateway.uploads import Upload

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Labelled(msgspec.Struct, frozen=True):
    """An image that was sent, and what it shows."""

    upload: Upload
    label: str | None


class _Judged(msgspec.Struct, frozen=True):
    """What is to become of an image."""

    sent: Labelled
    outcome: Outcome
    image: StoredImage | None = None
    error: GatewayError | None = None


class Uploads:
    """The stored uploads.

    Args:
        records: of uploads.
        decoder: that also decodes what is predicted.
        folder: where images are stored.
        quota: bytes that they may take.
        metrics: of uploads.
    """

    def __init__(
        self, records: UploadRecords, decoder: Decoder, folder: Path, quota: int, metrics: UploadMetrics
    ) -> None:
        self._records = records
        self._decoder = decoder
        self._folder = folder
        self._quota = quota
        self._metrics = metrics

    async def keep(self, sent: Sequence[Labelled], spec: ImageSpec) -> tuple[str, list[UploadedFile]]:
        """Keep images; return the session and what became of each, in order.

        Args:
            sent: at least one; labels are names of classes, which can be names of folders.
            spec: by which they are decoded, to see that they can be.

        Raises:
            UploadsFull: there is no space for them.
            UploadsUnavailable, HistoryUnavailable: they cannot be written, or not be recorded.
        """
        session = new_identity()
        checked = await asyncio.gather(*(self._check(each, spec) for each in sent))
        known = await self._records.known([each.image.sha256 for each in checked if each.image])
        judged = _judge(checked, known.labels)
        images = [each.image for each in judged if each.image and each.outcome == "stored"]
        try:
            if known.used + sum(len(image.body) for image in images) > self._quota:
                raise self._full()
            await self._write(self._folder / session, images, _rows(session, judged))
        except GatewayError:
            self._metrics.images.labels("refused").inc(len(sent))
            raise
        for each in judged:
            self._metrics.images.labels(each.outcome).inc()
        return session, [_told(each) for each in judged]

    async def of_session(self, session: str) -> list[Row]:
        """Return the rows of a session, in the order sent; none where there is no such session.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        return await self._records.of_session(session) if is_identity(session) else []

    async def folders(self) -> list[Path]:
        """Return the folders that hold labelled images, as the trainer takes them, oldest first.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        folders = [self._folder / session for session in await self._records.labelled_sessions()]
        return await asyncio.to_thread(lambda: [folder for folder in folders if folder.is_dir()])

    async def _check(self, sent: Labelled, spec: ImageSpec) -> _Judged:
        body = sent.upload.body
        kind = files.kind_of(body)
        try:
            await self._decoder.decode(body, spec, "bulk")
            if kind is None:
                raise UnsupportedFormat("only PNG and JPEG files are kept; send the image as one of them")
        except BadImage as error:
            return _Judged(sent, "rejected", error=error)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(body).hexdigest())
        return _Judged(sent, "stored", StoredImage(body, digest, kind, sent.label))

    async def _write(self, session: Path, images: Sequence[StoredImage], rows: Sequence[Row]) -> None:
        """Write files, then their rows: a file without a row counts for nothing, a row without a file would."""
        if not rows:
            return
        try:
            await asyncio.to_thread(files.write, session, images)
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise UploadsFull("the disk of PULMO_UPLOADS is full; make space there") from error
            raise UploadsUnavailable("PULMO_UPLOADS cannot be written", internals=str(error)) from error
        try:
            kept = await self._records.add(rows, self._quota)
        except HistoryUnavailable:
            await asyncio.to_thread(files.remove, session, images)
            raise
        if not kept:
            await asyncio.to_thread(files.remove, session, images)
            raise self._full()

    def _full(self) -> UploadsFull:
        return UploadsFull(
            f"the images would take more than PULMO_UPLOADS_QUOTA_BYTES={self._quota} together with those that are "
            "stored; remove some, or raise the limit"
        )


def _judge(checked: Sequence[_Judged], known: dict[str, str | None]) -> list[_Judged]:
    """Find the copies: of what is stored, and of what comes with them."""
    labels, judged = dict(known), []
    for each in checked:
        image = each.image
        if image is not None and image.sha256 in labels:
            label = labels[image.sha256]
            if label is not None and image.label not in (None, label):
                error = LabelConflict(f"the same image is stored with the label {label!r}, not {image.label!r}")
                judged.append(_Judged(each.sent, "conflict", error=error))
                continue
            if label is not None or image.label is None:
                judged.append(_Judged(each.sent, "duplicate", image))
                continue
        if image is not None:
            labels[image.sha256] = image.label
        judged.append(each)
    return judged


def _rows(session: str, judged: Sequence[_Judged]) -> list[Row]:
    moment = to_us(now())
    return [
        {
            "session_id": session,
            "timestamp_us": moment,
            "filename": each.sent.upload.filename,
            "label": each.image.label,
            "sha256": each.image.sha256,
            "kind": each.image.kind,
            "size": len(each.image.body),
            "stored": each.outcome == "stored",
        }
        for each in judged
        if each.image
    ]


def _told(judged: _Judged) -> UploadedFile:
    filename, label = judged.sent.upload.filename, judged.sent.label
    if judged.image is None:
        error = msgspec.UNSET if judged.error is None else to_problem(judged.error)
        return UploadedFile(filename, label, accepted=False, error=error)
    duplicate = judged.outcome == "duplicate"
    return UploadedFile(filename, label, accepted=True, duplicate=duplicate, sha256=judged.image.sha256)
