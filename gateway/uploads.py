"""Reads the images that a request brings, under limits: as the raw body, or as files of a multipart form (RFC 7578)."""

import asyncio
import math
import time
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from litestar import Request
from litestar.types import HTTPReceiveMessage
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from gateway.errors import BodyTimeout, BodyTooLarge, ClientGone, MalformedForm, MissingField, TooManyFiles

_FILENAME_LENGTH = 255  # characters
_EXTRA_FIELDS = 16  # fields of a form that are not read


class Upload(msgspec.Struct, frozen=True):
    """One posted image."""

    body: bytes
    filename: str | None
    """As the client called it, without control characters; never used as a path."""


class BodyLimits(msgspec.Struct, frozen=True):
    """What bounds a body, and the names of the settings that say so."""

    size: int
    """Bytes."""
    size_setting: str
    timeout_s: float
    files: int
    """Files in a form."""


async def read_uploads(
    request: Request[Any, Any, Any], field: str, limits: BodyLimits, deadline: float
) -> list[Upload]:
    """Read the body and return its images, in the order sent; at least one.

    Args:
        request: one whose body was not read.
        field: of a form, that holds the images.
        limits: of the body.
        deadline: when the answer is of no use any more, `time.monotonic` seconds.

    Raises:
        BodyTooLarge: announced or sent beyond the limit; an announced one is not read at all.
        BodyTimeout: the body did not arrive in time.
        ClientGone: the client closed the connection.
        MalformedForm: announced as a form, but none.
        MissingField: the form has no file called `field`.
        TooManyFiles: the form has more files than the limit.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    body = await read_body(request, limits, deadline)
    if kind != "multipart/form-data":
        return [Upload(body, None)]
    uploads = list(_files(body, options.get("boundary", ""), field, limits))
    if not uploads:
        raise MissingField(f"the form has no file in a field {field!r}; send it as -F {field}=@image.png")
    return uploads


async def read_body(request: Request[Any, Any, Any], limits: BodyLimits, deadline: float = math.inf) -> bytes:
    """Read the whole body, until `deadline`, `time.monotonic` seconds.

    Raises:
        BodyTooLarge: announced or sent beyond the limit; an announced one is not read at all.
        BodyTimeout: the body did not arrive in time.
        ClientGone: the client closed the connection.
    """
    announced = request.content_length
    if announced is not None and announced > limits.size:
        raise BodyTooLarge(f"the body is {announced} bytes; the limit is {limits.size_setting}={limits.size}")
    left = deadline - time.monotonic()
    try:
        async with asyncio.timeout(min(limits.timeout_s, left)):
            return await _receive(request, limits)
    except TimeoutError as error:
        limit = "the request's time" if left < limits.timeout_s else f"PULMO_BODY_TIMEOUT_S={limits.timeout_s:g} s"
        raise BodyTimeout(f"the body was not whole within {limit}; send it faster, or allow more time") from error


async def _receive(request: Request[Any, Any, Any], limits: BodyLimits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        event = cast("HTTPReceiveMessage", await request.receive())
        if event["type"] == "http.disconnect":
            raise ClientGone(f"the client closed the connection after {size} bytes of its body")
        chunk = event["body"]
        size += len(chunk)
        if size > limits.size:
            raise BodyTooLarge(
                f"the body is over {limits.size} bytes; the limit is {limits.size_setting}={limits.size}"
            )
        chunks.append(chunk)
        if not event.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _files(body: bytes, boundary: str, field: str, limits: BodyLimits) -> Iterator[Upload]:
    count = 0
    segment: MultipartSegment | None = None
    parts: list[bytes] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=limits.files + _EXTRA_FIELDS) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, parts = event, []
                elif event:
                    parts.append(bytes(event))
                elif segment is not None and segment.name == field:
                    count += 1
                    if count > limits.files:
                        raise TooManyFiles(_too_many(limits))
                    yield Upload(parts[0] if len(parts) == 1 else b"".join(parts), _clean(segment.filename))
    except ParserLimitReached as error:
        raise TooManyFiles(_too_many(limits)) from error
    except MultipartError as error:
        raise MalformedForm(f"the body is announced as multipart/form-data but cannot be parsed: {error}") from error


def _too_many(limits: BodyLimits) -> str:
    if limits.files == 1:
        return "the form has several files; send one to POST /predict, or all to POST /predict-batch as `files`"
    return (
        f"the form has more than {limits.files} files; PULMO_MAX_BATCH_FILES and three quarters of "
        "PULMO_CONCURRENCY_LIMIT allow no more. Send them in several requests"
    )


def _clean(filename: str | None) -> str | None:
    if filename is None:
        return None
    return "".join(character for character in filename if character.isprintable())[-_FILENAME_LENGTH:] or None
