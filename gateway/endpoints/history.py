"""The endpoints that show the history: in pages, and as a file."""

from collections.abc import AsyncIterator
from typing import Annotated

from litestar import get
from litestar.di import Provide
from litestar.params import Parameter
from litestar.response import Stream

from gateway.docs import examples
from gateway.documentation import operation, problems
from gateway.endpoints.parameters import Following, PageSize
from gateway.errors import HistoryUnavailable, InvalidFilter
from gateway.history.export import ENDINGS, MEDIA_TYPES, Format, header, lines
from gateway.history.filters import Filters
from gateway.history.reader import HistoryReader
from gateway.history.records import from_row
from gateway.history.search import Page
from gateway.schemas import HistoryReply
from gateway.services import Services

_CHUNK = 500  # rows that are held at a time
_MOMENT = {"format": "date-time"}


def read_filters(  # noqa: PLR0913, PLR0917 - each is a parameter of the query
    class_: Annotated[str | None, Parameter(query="class", description="The label that was predicted.")] = None,
    version: Annotated[str | None, Parameter(description="The version that answered, a whole number.")] = None,
    since: Annotated[str | None, Parameter(description="The first moment, RFC 3339.", schema_extra=_MOMENT)] = None,
    until: Annotated[
        str | None, Parameter(description="The moment before which it ends, RFC 3339.", schema_extra=_MOMENT)
    ] = None,
    min_confidence: Annotated[str | None, Parameter(description="The lowest confidence, 0 to 1.")] = None,
    max_confidence: Annotated[str | None, Parameter(description="The highest confidence, 0 to 1.")] = None,
    abstain: Annotated[str | None, Parameter(description="Whether the model abstained: true or false.")] = None,
    filename: Annotated[
        str | None, Parameter(description="The name of the file; how it begins where `*` is its last character.")
    ] = None,
    caller: Annotated[str | None, Parameter(description="The name of the API key that asked.")] = None,
) -> Filters:
    """Return what part of the history the query asks for; `Filters` reads the values, and has a problem of its own."""
    return Filters.read(
        {
            "class": class_,
            "version": version,
            "since": since,
            "until": until,
            "min_confidence": min_confidence,
            "max_confidence": max_confidence,
            "abstain": abstain,
            "filename": filename,
            "caller": caller,
        }
    )


_FILTERS = {"filters": Provide(read_filters, sync_to_thread=False)}


@get(
    "/history",
    dependencies=_FILTERS,
    responses=problems(InvalidFilter, HistoryUnavailable),
    operation_class=operation(example=examples.HISTORY),
)
async def history(
    services: Services,
    filters: Filters,
    limit: PageSize = 50,
    after: Following = None,
) -> HistoryReply:
    """Return predictions, newest first; `after` is the `next` of the page before.

    With filters a page may hold fewer than `limit`, or none, while `next` still leads to more.
    """
    page = await services.history.search(filters, limit, after)
    return HistoryReply([from_row(row) for row in page.rows], page.next)


@get(
    "/history/export",
    dependencies=_FILTERS,
    responses=problems(InvalidFilter, HistoryUnavailable),
    operation_class=operation(text=examples.EXPORTS),
)
async def export(
    services: Services,
    filters: Filters,
    kind: Annotated[Format, Parameter(query="format", description="CSV, or a JSON object in each line.")] = "csv",
) -> Stream:
    """Return all predictions that the filters let through as a file, newest first.

    In CSV a text that a spreadsheet would take for a formula begins with `'`.
    """
    first = await services.history.search(filters, _CHUNK, None)  # what fails at once is a problem, not half a file
    return Stream(
        _file(services.history, filters, first, kind),
        media_type=MEDIA_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="history.{ENDINGS[kind]}"'},
    )


async def _file(reader: HistoryReader, filters: Filters, page: Page, kind: Format) -> AsyncIterator[str]:
    """Write a page while the next one is not yet read."""
    yield header(kind)
    yield lines([from_row(row) for row in page.rows], kind)
    while page.next is not None:
        page = await reader.search(filters, _CHUNK, page.next)
        yield lines([from_row(row) for row in page.rows], kind)


HISTORY_ROUTES = [history, export]
