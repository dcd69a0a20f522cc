"""What an operator does to the history: `python -m gateway history verify|vacuum|export`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, make_url, text

from gateway.errors import GatewayError, HistoryUnavailable
from gateway.history.database import close_writer, masked, open_reader, open_writer, turn
from gateway.history.export import header, lines
from gateway.history.filters import Filters
from gateway.history.reader import reading
from gateway.history.records import from_row
from gateway.history.search import Page, search

_CHUNK = 500  # rows that are held at a time
_FILTERS = (
    *("class", "version", "since", "until", "min_confidence", "max_confidence", "abstain", "filename", "caller"),
)
_BTREES = """
    SELECT bt_index_check(index.indexrelid, true) FROM pg_index AS index
    JOIN pg_class AS class ON class.oid = index.indrelid WHERE class.relname = 'predictions'
"""


def run(arguments: Sequence[str], url: str) -> int:
    """Do what the arguments say with the history at `url`; return the exit status, 1 where something is wrong."""
    given = _parser().parse_args(arguments)
    try:
        _refuse_typing_errors(url)
        if given.command == "verify":
            return _verify(url)
        if given.command == "vacuum":
            return _vacuum(url)
        return _export(url, given)
    except GatewayError as error:
        sys.stderr.write(f"gateway history: {error.detail}{f': {error.internals}' if error.internals else ''}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m gateway history", description="Look after PULMO_HISTORY.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("verify", help="read all of it, and say what is broken")
    commands.add_parser("vacuum", help="give back the space of deleted rows; of a file, writing waits meanwhile")
    export = commands.add_parser("export", help="write it to a file, newest first")
    export.add_argument("--format", choices=("csv", "json"), default="csv", help="json: an object in each line")
    export.add_argument("--output", metavar="FILE", help="standard output where it is not named")
    for name in _FILTERS:
        export.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help="as in GET /history")
    return parser


def _refuse_typing_errors(url: str) -> None:
    """Refuse a file that is not there, since SQLite would make it."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise HistoryUnavailable(f"{address.database} is not there; PULMO_HISTORY says where the history is")


def _verify(url: str) -> int:
    with _opened(url) as engine, reading(engine) as connection:
        problems = list(_structure(connection))
        rows = 0
        try:
            for page in _pages(connection, Filters()):
                rows += len([from_row(row) for row in page.rows])
        except ValueError as error:  # msgspec's, of a row that is no prediction
            problems.append(f"after {rows} predictions, newest first, comes a row that is none: {error}")
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"{masked(url)}: {rows} predictions, {len(problems) or 'no'} problems\n")
    return 1 if problems else 0


def _structure(connection: Connection) -> Iterator[str]:
    """Return what the database finds broken."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("PRAGMA integrity_check")).scalars()
        yield from (str(line) for line in found if line != "ok")
    elif connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")).scalar():
        connection.execute(text(_BTREES)).all()


def _vacuum(url: str) -> int:
    engine = open_writer(url, "normal")
    try:
        with turn(engine), reading(engine.execution_options(isolation_level="AUTOCOMMIT")) as connection:
            before = _size(connection)
            if engine.dialect.name == "sqlite":
                connection.execute(text("VACUUM"))
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            else:
                connection.execute(text("SET statement_timeout = 0"))
                connection.execute(text("VACUUM (ANALYZE) predictions"))
            after = _size(connection)
    finally:
        close_writer(engine)
    sys.stdout.write(f"{masked(url)}: {before} bytes before, {after} now\n")
    return 0


def _size(connection: Connection) -> Any:  # noqa: ANN401 - a number, as the driver has it
    if connection.dialect.name == "sqlite":
        return connection.execute(
            text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        ).scalar()
    return connection.execute(text("SELECT pg_total_relation_size('predictions')")).scalar()


def _export(url: str, given: argparse.Namespace) -> int:
    filters = Filters.read({name: getattr(given, name) for name in _FILTERS})
    with _opened(url) as engine, reading(engine) as connection, _output(given.output) as file:
        file.write(header(given.format))
        for page in _pages(connection, filters):
            file.write(lines([from_row(row) for row in page.rows], given.format))
    return 0


def _pages(connection: Connection, filters: Filters) -> Iterator[Page]:
    page = search(connection, filters, _CHUNK, None)
    yield page
    while page.next is not None:
        page = search(connection, filters, _CHUNK, page.next)
        yield page


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_reader(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _output(path: str | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        return
    try:
        with open(path, "x", encoding="utf-8", newline="") as file:  # noqa: PTH123 - never over something that is there
            yield file
    except OSError as error:
        raise HistoryUnavailable(f"{path} cannot be written: {error.strerror}") from error
