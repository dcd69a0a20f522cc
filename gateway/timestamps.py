"""Moments, as replies write them (RFC 3339, UTC, milliseconds) and as rows hold them (microseconds since 1970)."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> str:
    """Return this moment as text."""
    return to_text(datetime.now(UTC))


def to_text(moment: datetime) -> str:
    """Return a moment as text, cut to milliseconds: `2026-11-24T12:00:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_us(moment: str | datetime) -> int:
    """Return the microseconds since 1970 of a moment, which may be written as text."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> str:
    """Return the text of a moment that is counted in microseconds since 1970."""
    return to_text(_EPOCH + timedelta(microseconds=microseconds))
