"""What the command prints: a row for each file, as a table to read, as CSV or as JSON, written as it comes."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

import msgspec

from gateway.client.failures import ProblemDocument
from gateway.client.messages import BatchEntry

_COLUMNS = ("file", "prediction", "confidence", "model_version", "abstain", "id", "timestamp", "error")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Row(msgspec.Struct, frozen=True):
    """A file, and what the gateway said to it."""

    file: Path
    entry: BatchEntry


def failed(title: str, detail: str, status: int = 0) -> BatchEntry:
    """Return the answer to a file that got none."""
    return BatchEntry(error=ProblemDocument(title=title, status=status, detail=detail))


class Writer(Protocol):
    """Writes rows to a stream."""

    def write(self, row: Row) -> None:
        """Write one row."""

    def close(self) -> None:
        """Write what comes after the last row."""


class TableWriter:
    """Aligned columns; the file, which may be long, comes last."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: Row) -> None:
        """Write one line."""
        entry, name = row.entry, _printable(str(row.file))
        if entry.error is not None:
            self._stream.write(f"{'-':<26} {'':>6}  {name}: {_printable(entry.error.title)}: ")
            self._stream.write(f"{_printable(entry.error.detail)}\n")
            return
        mark = " (abstains)" if entry.abstain else ""
        self._stream.write(f"{entry.prediction:<26} {entry.confidence or 0:>6.1%}  {name}{mark}\n")

    def close(self) -> None:
        """Write nothing."""


class CsvWriter:
    """RFC 4180, with a header. A name that a spreadsheet would take for a formula begins with `'`, as in exports."""

    def __init__(self, stream: TextIO) -> None:
        self._csv = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
        self._csv.writeheader()

    def write(self, row: Row) -> None:
        """Write one line."""
        document = _document(row)
        error = document.get("error")
        self._csv.writerow(
            {name: document.get(name, "") for name in _COLUMNS}
            | {"file": _harmless(document["file"])}
            | {"error": "" if error is None else f"{error['title']}: {error['detail']}"}
        )

    def close(self) -> None:
        """Write nothing."""


class JsonWriter:
    """One array, an object in a line for each file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._before = "[\n"

    def write(self, row: Row) -> None:
        """Write one object."""
        self._stream.write(self._before + msgspec.json.encode(_document(row)).decode())
        self._before = ",\n"

    def close(self) -> None:
        """End the array."""
        self._stream.write("[]\n" if self._before == "[\n" else "\n]\n")


WRITERS: Mapping[str, type[TableWriter | CsvWriter | JsonWriter]] = {
    "table": TableWriter,
    "csv": CsvWriter,
    "json": JsonWriter,
}
"""By the names that the command line has for them."""


def _document(row: Row) -> dict[str, Any]:
    """Return a row as JSON, without what it does not have; a path that is no Unicode is shown with replacements."""
    entry: dict[str, Any] = msgspec.to_builtins(row.entry)
    del entry["filename"]
    known = {name: value for name, value in entry.items() if value is not None}
    if row.entry.error is not None:
        del known["abstain"]
    return {"file": str(row.file).encode(errors="replace").decode(), **known}


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _printable(text: str) -> str:
    """Return a text that cannot move the cursor: a file's name may hold anything."""
    return "".join(_characters(text))


def _characters(text: Iterable[str]) -> Iterator[str]:
    for character in text:
        yield character if character.isprintable() else ascii(character)[1:-1]
