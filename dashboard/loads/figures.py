"""What a load says of itself while it runs (Locust's CSV) and at its end (the JSON of `loadtests.load`)."""

import csv
from pathlib import Path
from typing import Final

import msgspec

_ALL: Final = "Aggregated"
"""Locust's name for all requests together."""
_LOG_BYTES: Final = 8_000


class Moment(msgspec.Struct, frozen=True):
    """One second of a load, all requests together; rates and times are those of the last ten seconds."""

    at: float
    """Unix time."""
    users: int
    per_s: float
    """Requests."""
    failed_per_s: float
    p50_ms: float | None
    """None where no answer came."""
    p99_ms: float | None
    requests: int
    """Since the start."""
    failed: int


class Summary(msgspec.Struct, frozen=True):
    """The figures of a whole run; times are those of single images."""

    answered: int
    refused: int
    failed: int
    rate: float
    """Requests answered in a second."""
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class RouteFigures(msgspec.Struct, frozen=True):
    """The figures of one kind of request."""

    name: str
    method: str
    requests: int
    failed: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Generator(msgspec.Struct, frozen=True):
    """How the generator itself was."""

    warnings: list[str] = []


class Result(msgspec.Struct, frozen=True):
    """What a run has found."""

    users: int
    """At most."""
    images: str
    """Which were posted, in words."""
    summary: Summary
    routes: list[RouteFigures]
    problems: list[str]
    """What was not good enough; nothing of a good run."""
    errors: list[str]
    generator: Generator = Generator()


def read_course(folder: Path, scenario: str) -> list[Moment]:
    """Return the seconds that Locust has written down so far; lines that are not whole yet are left out."""
    file = next(folder.glob(f"*/{scenario}_stats_history.csv"), None)
    if file is None:
        return []
    text = file.read_text(errors="replace")
    rows = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    return [moment for row in rows if row.get("Name") == _ALL and (moment := _moment(row)) is not None]


def read_result(folder: Path, scenario: str) -> Result | None:
    """Return what a run has found; None of one that did not get as far."""
    file = next(folder.glob(f"*/{scenario}.json"), None)
    if file is None:
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=Result)
    except msgspec.MsgspecError:
        return None


def read_end(file: Path) -> str:
    """Return the end of what a run has printed."""
    return file.read_bytes()[-_LOG_BYTES:].decode(errors="replace")


def _moment(row: dict[str, str]) -> Moment | None:
    """Return a line of the CSV; None for one that is not Locust's."""
    try:
        return Moment(
            at=float(row["Timestamp"]),
            users=int(row["User Count"]),
            per_s=float(row["Requests/s"]),
            failed_per_s=float(row["Failures/s"]),
            p50_ms=_time(row["50%"]),
            p99_ms=_time(row["99%"]),
            requests=int(row["Total Request Count"]),
            failed=int(row["Total Failure Count"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _time(text: str) -> float | None:
    """Return milliseconds; None for N/A, which is before any answer, and for 0, which is where none came lately."""
    return (float(text) or None) if text.replace(".", "", 1).isdecimal() else None
