"""Predictions as lines of a file: CSV for a spreadsheet, or one JSON object in a line."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from gateway.schemas import Recorded

Format = Literal["csv", "json"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/x-ndjson"}
ENDINGS: dict[Format, str] = {"csv": "csv", "json": "jsonl"}

COLUMNS = (
    "id",
    "timestamp",
    "filename",
    "prediction",
    "confidence",
    "model_version",
    "abstain",
    "caller",
    "probabilities",
    "timings",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection


def header(kind: Format) -> str:
    """Return what the file begins with."""
    return _line(COLUMNS) if kind == "csv" else ""


def lines(predictions: Sequence[Recorded], kind: Format) -> str:
    """Return the lines for some predictions, with the end of the last one."""
    to_line: Callable[[Recorded], str] = _csv if kind == "csv" else _json
    return "".join(to_line(prediction) for prediction in predictions)


def _csv(prediction: Recorded) -> str:
    fields = msgspec.to_builtins(prediction)
    for name in ("probabilities", "timings"):
        fields[name] = msgspec.json.encode(fields[name]).decode()
    fields["abstain"] = str(fields["abstain"]).lower()
    return _line([_harmless(fields[name]) for name in COLUMNS])


def _harmless(cell: object) -> object:
    """Return what a spreadsheet shows and does not run: a client named the file, and may have begun it with `=`."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)  # ends lines as RFC 4180 has it
    return text.getvalue()


def _json(prediction: Recorded) -> str:
    return msgspec.json.encode(prediction).decode() + "\n"
