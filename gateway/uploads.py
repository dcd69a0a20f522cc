"""Reads the images that a request brings, under limits: as the raw body, or as files of a multipart form (RFC 7578)."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any, cast

import msgspec
from litestar import Request
from litestar.types import HTTPReceiveMessage
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from gateway.errors import (
    BodyTimeout,
    BodyTooLarge,
    ClientGone,
    MalformedForm,
    MissingField,
    Overloaded,
    TooManyFiles,
)
from gateway.places import Place

_FILENAME_LENGTH = 255  # characters
_EXTRA_FIELDS = 16  # fields of a form that are not read
_SLOW_START_S = 3.0  # for which a body may come as slowly as it likes...
_SLOWEST = 4096  # ... and bytes a second on average thereafter
_EARLY_S = 0.01  # by which a timer may be early: uvloop counts milliseconds


class Upload(msgspec.Struct, frozen=True):
    """One posted image."""

    body: bytes
    filename: str | None
    """As the client called it, without control characters; never used as a path."""


class Form(msgspec.Struct, frozen=True):
    """Posted images, and the texts beside them."""

    uploads: list[Upload]
    texts: dict[str, list[str]]
    """By the field's name, in the order sent."""


class BodyLimits(msgspec.Struct, frozen=True):
    """What bounds a body, and the names of the settings that say so."""

    size: int
    """Bytes."""
    size_setting: str
    timeout_s: float
    files: int
    """Files in a form."""


async def read_uploads(
    request: Request[Any, Any, Any], field: str, limits: BodyLimits, deadline: float, place: Place | None = None
) -> list[Upload]:
    """Read the body and return its images, in the order sent; at least one.

    Args:
        request: one whose body was not read.
        field: of a form, that holds the images.
        limits: of the body.
        deadline: when the answer is of no use any more, `time.monotonic` seconds.
        place: that may be given to another request while the body is on its way.

    Raises:
        BodyTooLarge: announced or sent beyond the limit; an announced one is not read at all.
        BodyTimeout: the body did not arrive in time, or came too slowly.
        Overloaded: the place was given to another request.
        ClientGone: the client closed the connection.
        MalformedForm: announced as a form, but none.
        MissingField: the form has no file called `field`.
        TooManyFiles: the form has more files than the limit.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    body = await read_body(request, limits, deadline, place)
    if kind != "multipart/form-data":
        return [Upload(body, None)]
    uploads = list(_files(body, options.get("boundary", ""), field, limits))
    if not uploads:
        raise _missing(field)
    return uploads


async def read_form(
    request: Request[Any, Any, Any], field: str, limits: BodyLimits, deadline: float, place: Place | None = None
) -> Form:
    """Read the body as `read_uploads` does, and the texts of its other fields with it.

    Raises:
        BadRequest: as of `read_uploads`; or a text is not UTF-8 (MalformedForm).
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    body = await read_body(request, limits, deadline, place)
    if kind != "multipart/form-data":
        if not body:
            raise _missing(field)
        return Form([Upload(body, None)], {})
    parts = list(_segments(body, options.get("boundary", ""), limits, 2 * limits.files + _EXTRA_FIELDS))
    uploads = list(_only_files(parts, field, limits))
    if not uploads:
        raise _missing(field)
    texts: dict[str, list[str]] = {}
    for segment, content in parts:
        if segment.name != field:
            texts.setdefault(segment.name, []).append(_text(segment.name, content))
    return Form(uploads, texts)


async def read_body(
    request: Request[Any, Any, Any], limits: BodyLimits, deadline: float = math.inf, place: Place | None = None
) -> bytes:
    """Read the whole body, until `deadline`, `time.monotonic` seconds.

    Raises:
        BodyTooLarge: announced or sent beyond the limit; an announced one is not read at all.
        BodyTimeout: the body did not arrive in time, or came too slowly.
        Overloaded: the place was given to another request.
        ClientGone: the client closed the connection.
    """
    announced = request.content_length
    if announced is not None and announced > limits.size:
        raise BodyTooLarge(f"the body is {announced} bytes; the limit is {limits.size_setting}={limits.size}")
    clock = asyncio.get_running_loop().time
    begin, left = clock(), deadline - time.monotonic()
    limit = min(limits.timeout_s, left)
    try:
        async with asyncio.timeout(min(limit, _SLOW_START_S)) as timeout:

            def give_up() -> None:
                if not timeout.expired():
                    timeout.reschedule(clock())

            def progress(size: int) -> None:
                if not timeout.expired():
                    timeout.reschedule(begin + min(limit, _SLOW_START_S + size / _SLOWEST))

            with nullcontext() if place is None else place.reading(give_up):
                return await _receive(request, limits, progress)
    except TimeoutError as error:
        if place is not None and place.lost:
            raise Overloaded(
                f"the body was not whole after {clock() - begin:.1f} s, and PULMO_CONCURRENCY_LIMIT gives its place to "
                "a request that is; send it faster, or later"
            ) from error
        raise BodyTimeout(_too_slow(limits, left, clock() - begin)) from error


def _too_slow(limits: BodyLimits, left: float, took: float) -> str:
    if took < min(limits.timeout_s, left) - _EARLY_S:
        return (
            f"the body was not whole after {took:.1f} s, and comes with fewer than {_SLOWEST} bytes a second; "
            "send it faster"
        )
    limit = "the request's time" if left < limits.timeout_s else f"PULMO_BODY_TIMEOUT_S={limits.timeout_s:g} s"
    return f"the body was not whole within {limit}; send it faster, or allow more time"


async def _receive(request: Request[Any, Any, Any], limits: BodyLimits, progress: Callable[[int], None]) -> bytes:
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
        progress(size)


def _files(body: bytes, boundary: str, field: str, limits: BodyLimits) -> Iterator[Upload]:
    return _only_files(_segments(body, boundary, limits, limits.files + _EXTRA_FIELDS), field, limits)


def _only_files(parts: Iterable[tuple[MultipartSegment, bytes]], field: str, limits: BodyLimits) -> Iterator[Upload]:
    count = 0
    for segment, content in parts:
        if segment.name == field:
            count += 1
            if count > limits.files:
                raise TooManyFiles(_too_many(limits))
            yield Upload(content, _clean(segment.filename))


def _segments(body: bytes, boundary: str, limits: BodyLimits, count: int) -> Iterator[tuple[MultipartSegment, bytes]]:
    """Yield each field of a form with its content; `count` is how many there may be."""
    seen = 0
    segment: MultipartSegment | None = None
    parts: list[bytes] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=count) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, parts, seen = event, [], seen + 1
                elif event:
                    parts.append(bytes(event))
                elif segment is not None:
                    yield segment, parts[0] if len(parts) == 1 else b"".join(parts)
    except ParserLimitReached as error:
        if seen < count:
            raise MalformedForm(f"a field of the form has too many headers, or too long ones: {error}") from error
        raise TooManyFiles(_too_many(limits)) from error
    except MultipartError as error:
        raise MalformedForm(
            f"the body is announced as multipart/form-data but cannot be parsed: {error.args[0]}"
        ) from error


def _missing(field: str) -> MissingField:
    return MissingField(f"the form has no file in a field {field!r}; send it as -F {field}=@image.png")


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise MalformedForm(f"the field {name!r} is no text in UTF-8") from error


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
