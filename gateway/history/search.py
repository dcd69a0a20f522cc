"""Finds rows by filters, newest first, and never looks at more than a window of them for one page.

So a page costs the same in a history of a thousand rows and of ten millions. One filter is answered by an index that
holds the sequence too; the others are asked of the rows it finds, `WINDOW` of them at most. A page whose window held
too little ends there, with fewer rows than were asked for, and tells where the next one begins.
"""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, func, select, true

from gateway.history.filters import Filters
from gateway.history.schema import PREDICTIONS
from gateway.timestamps import to_us

WINDOW = 20_000  # rows that one page looks at; some 20 ms
SKEW_US = 60_000_000  # by which rows may follow each other in another order than their timestamps do

_sequence, _timestamp_us = PREDICTIONS.c.sequence, PREDICTIONS.c.timestamp_us


class Page(msgspec.Struct, frozen=True):
    """Some rows, newest first, and where the following page begins; None on the last page."""

    rows: list[dict[str, Any]]
    next: int | None


def newest(connection: Connection, table: Table, limit: int, after: int | None) -> Page:
    """Return `limit` rows of `table` at most, older than the row `after`; the newest where it is None."""
    query: Any = select(table).order_by(table.c.sequence.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(table.c.sequence < after)
    return _page(connection, query, limit)


def search(connection: Connection, filters: Filters, limit: int, after: int | None, window: int = WINDOW) -> Page:
    """Return `limit` predictions at most that meet the filters, older than the row `after`; `window` are looked at."""
    span = _span(connection, filters, after)
    lead, by_index = _lead(connection, filters, span, window)
    found: Any = select(PREDICTIONS).where(span, by_index).order_by(_sequence.desc())
    if filters.conditions(PREDICTIONS).keys() <= {lead}:
        return _page(connection, found.limit(limit + 1), limit)
    seen = found.limit(window).subquery("seen")
    rest = [condition for name, condition in filters.conditions(seen).items() if name != lead]
    page = _page(connection, select(seen).where(*rest).order_by(seen.c.sequence.desc()).limit(limit + 1), limit)
    if page.next is not None:
        return page
    last = select(_sequence).where(span, by_index).order_by(_sequence.desc()).offset(window - 1).limit(1)
    return Page(page.rows, connection.execute(last).scalar_one_or_none())


def _lead(
    connection: Connection, filters: Filters, span: ColumnElement[bool], window: int
) -> tuple[str, ColumnElement[bool]]:
    """Return the name and the condition of the filter that finds the rows for the others; without one, all are found.

    Where there is a choice, it is one that no more rows meet than a window holds.
    """
    names, conditions = filters.indexed(), filters.conditions(PREDICTIONS)
    if len(names) == 1 and filters.ordered:
        return names[0], conditions[names[0]]
    for name in names:
        found: Any = select(_sequence).where(span, conditions[name]).limit(window + 1).subquery("found")
        if connection.execute(select(func.count()).select_from(found)).scalar_one() <= window:
            return name, _sequence.in_(select(found.c.sequence))
    ordered = [name for name in names if filters.ordered or name != "filename"]
    return (ordered[0], conditions[ordered[0]]) if ordered else ("", true())


def _page(connection: Connection, query: Any, limit: int) -> Page:  # noqa: ANN401 - a select of any columns
    rows = [dict(row) for row in connection.execute(query).mappings()]
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1]["sequence"] if more else None)


def _span(connection: Connection, filters: Filters, after: int | None) -> ColumnElement[bool]:
    """Return a condition on the sequence that all rows asked for meet."""
    bounds: list[ColumnElement[bool]] = []
    if after is not None:
        bounds.append(_sequence < after)
    if filters.since is not None:
        first = first_at(connection, to_us(filters.since) - SKEW_US)
        bounds.append(_sequence >= first)
    if filters.until is not None:
        end = first_at(connection, to_us(filters.until) + SKEW_US)
        bounds.append(_sequence < end)
    return and_(true(), *bounds)


def first_at(connection: Connection, moment_us: int) -> int:
    """Return the sequence of the first row at a moment or later, one beyond the last where there is none.

    Rows follow each other as time does, nearly, so halving finds it: no index of the timestamps is needed.
    """
    ends: Any = select(select(func.min(_sequence)).scalar_subquery(), select(func.max(_sequence)).scalar_subquery())
    low, high = connection.execute(ends).one()
    if low is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            select(_sequence, _timestamp_us).where(_sequence >= middle).order_by(_sequence).limit(1)
        ).one()
        if row.timestamp_us >= moment_us:
            high = middle
        else:
            low = row.sequence + 1
    return int(low)
