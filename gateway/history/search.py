"""Finds rows by filters, newest first, and never looks at more than a window of them for one page.

So a page costs the same in a history of ten thousand rows and of ten millions. One filter is answered by an index that
holds the sequence too; the others are asked of the rows it finds, `WINDOW` of them at most. A page whose window held
too little ends there, with fewer rows than were asked for, and tells where the next one begins.
"""

from types import SimpleNamespace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, func, literal, select, true, tuple_

from gateway.history.filters import Filters
from gateway.history.schema import PREDICTIONS
from gateway.timestamps import to_us

WINDOW = 10_000  # rows that one page looks at; some 5 ms
SKEW_US = 60_000_000  # by which rows may follow each other in another order than their timestamps do
_CLOSE = 500  # rows; a bound that is found so closely will do

_sequence, _timestamp_us = PREDICTIONS.c.sequence, PREDICTIONS.c.timestamp_us
_unindexed = SimpleNamespace(**{column.name: func.coalesce(column, column) for column in PREDICTIONS.c})
"""The columns, as no index answers for them: a database might prefer that index to the one that is bounded."""

_EQUAL = {
    "filename": PREDICTIONS.c.filename,
    "caller": PREDICTIONS.c.caller,
    "version": PREDICTIONS.c.model_version,
    "class_": PREDICTIONS.c.prediction,
}
"""The columns with an index, by the filter that asks for one of their values."""


class Page(msgspec.Struct, frozen=True):
    """Some rows, newest first, and where the following page begins; None on the last page."""

    rows: list[dict[str, Any]]
    next: int | None


class _Lead(msgspec.Struct, frozen=True):
    """How the rows are found that the other filters are asked of."""

    name: str
    """The filter whose index finds them; empty where all rows are looked at."""
    floor: int
    """The sequence at which the window ends; 0 where it holds them all."""
    among: ColumnElement[bool] | None = None
    """A condition in place of the filter's own, where its index has its rows in another order than pages do."""


def newest(connection: Connection, table: Table, limit: int, after: int | None) -> Page:
    """Return `limit` rows of `table` at most, older than the row `after`; the newest where it is None."""
    query: Any = select(table).order_by(table.c.sequence.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(table.c.sequence < after)
    return _page(connection, query, limit)


def search(connection: Connection, filters: Filters, limit: int, after: int | None, window: int = WINDOW) -> Page:
    """Return `limit` predictions at most that meet the filters, older than the row `after`; `window` are looked at."""
    names = filters.given()
    if not names:
        return newest(connection, PREDICTIONS, limit, after)
    begin, end = _span(connection, filters, after)
    lead = _lead(connection, filters, begin, end, window)
    rest = [condition for name, condition in filters.conditions(_unindexed).items() if name != lead.name]
    floor = max(begin, lead.floor) if rest else begin
    found = _between(connection, select(PREDICTIONS).where(*rest), filters, lead, (floor, end))
    page = _page(connection, found.limit(limit + 1), limit)
    if page.next is not None or floor == begin:
        return page
    return Page(page.rows, floor)


def _page(connection: Connection, query: Any, limit: int) -> Page:  # noqa: ANN401 - a select of any columns
    rows = [dict(row) for row in connection.execute(query).mappings()]
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1]["sequence"] if more else None)


def _lead(connection: Connection, filters: Filters, begin: int, end: int, window: int) -> _Lead:
    """Return the filter that finds the rows for the others: the first that a window holds all rows of, or the first.

    Where a filter is alone, it needs no window.
    """
    leads = []
    for name in filters.indexed():
        if name in filters.unordered():
            condition = filters.conditions(PREDICTIONS.c)[name]
            some = select(_sequence).where(condition, _sequence >= begin, _sequence < end).limit(window + 1).subquery()
            if connection.execute(select(func.count()).select_from(some)).scalar_one() <= window:
                return _Lead(name, 0, _sequence.in_(select(some.c.sequence)))
            continue
        lead = _Lead(name, 0)
        if filters.given() == [name]:
            return lead
        last = _between(connection, select(_sequence), filters, lead, (begin, end)).offset(window - 1).limit(1)
        floor = connection.execute(last).scalar_one_or_none()
        if floor is None:
            return lead
        leads.append(_Lead(name, floor))
    return leads[0] if leads else _Lead("", end - window)


def _between(connection: Connection, query: Any, filters: Filters, lead: _Lead, span: tuple[int, int]) -> Any:  # noqa: ANN401 - a select of any columns
    """Return the query for the rows in a span of sequences that the lead finds, newest first, by the lead's own index.

    PostgreSQL believes that what many rows have is soon found among the newest. It is not, where it is a version that
    was replaced. So pairs are compared there: no other index has them in order.
    """
    begin, end = span
    column, value = _EQUAL.get(lead.name), getattr(filters, lead.name, None)
    if lead.among is None and column is not None and connection.dialect.name == "postgresql":
        pair, kind = tuple_(column, _sequence), (column.type, _sequence.type)
        first, last = (tuple_(*map(literal, (value, bound), kind)) for bound in span)
        return query.where(column.is_not(None), pair >= first, pair < last).order_by(column.desc(), _sequence.desc())
    condition = lead.among if lead.among is not None else filters.conditions(PREDICTIONS.c).get(lead.name, true())
    return query.where(condition, _sequence >= begin, _sequence < end).order_by(_sequence.desc())


def _span(connection: Connection, filters: Filters, after: int | None) -> tuple[int, int]:
    """Return the sequence with which the rows asked for can begin, and the one before which they end."""
    begin, end = _ends(connection)
    if filters.since is not None:
        begin, _ = bounds_of(connection, to_us(filters.since) - SKEW_US, _CLOSE)
    if filters.until is not None:
        _, end = bounds_of(connection, to_us(filters.until) + SKEW_US, _CLOSE)
    return begin, end if after is None else min(end, after)


def _ends(connection: Connection) -> tuple[int, int]:
    """Return the first sequence, and the one after the last; 0 and 0 where there is no row."""
    ends: Any = select(select(func.min(_sequence)).scalar_subquery(), select(func.max(_sequence)).scalar_subquery())
    first, last = connection.execute(ends).one()
    return (0, 0) if first is None else (first, last + 1)


def bounds_of(connection: Connection, moment_us: int, close: int = 0) -> tuple[int, int]:
    """Return two sequences at most `close` apart: before the first all rows are older, from the second on none is.

    Rows follow each other as time does, nearly, so halving finds them: no index of the timestamps is needed.
    """
    low, high = _ends(connection)
    while high - low > close:
        middle = (low + high) // 2
        query: Any = select(_sequence, _timestamp_us).where(_sequence >= middle).order_by(_sequence).limit(1)
        row = connection.execute(query).one()
        if row.timestamp_us >= moment_us:
            high = middle
        else:
            low = row.sequence + 1
    return low, high
