"""What part of the history a visitor looks at, as it stands in the page's address: a link shows the same to another."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import msgspec

NAMES: Final = (
    *("class", "version", "since", "until", "min_confidence", "max_confidence"),
    *("abstain", "filename", "caller"),
)
"""The filters of `GET /history`, which judges their values."""
_LONGEST: Final = 255  # characters of a value


class Place(msgspec.Struct, frozen=True):
    """A page of a part of the history."""

    filters: dict[str, str]
    """By the name of the query parameter; what is not asked for is absent."""
    after: int | None = None
    """The `next` of the page before; None on the first page."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Place":
        """Read the query of an address; what is none of it is left out."""
        filters = {name: query[name].strip()[:_LONGEST] for name in NAMES if query.get(name, "").strip()}
        after = query.get("after", "")
        is_number = after.isascii() and after.isdigit() and len(after) <= 18
        return cls(filters, int(after) if is_number else None)

    def query(self) -> dict[str, str]:
        """Return what stands in the address."""
        return {**self.filters, **({} if self.after is None else {"after": str(self.after)})}


def day(moment: str) -> date | None:
    """Return the day of a moment in UTC; None for what is no moment."""
    try:
        return date.fromisoformat(moment[:10])
    except ValueError:
        return None


def from_day(first: date) -> str:
    """Return the first moment of a day, UTC."""
    return f"{first.isoformat()}T00:00:00Z"


def until_day(last: date) -> str:
    """Return the first moment after a day, UTC."""
    return from_day(last + timedelta(days=1))


def last_day(until: str) -> date | None:
    """Return the day of which `until_day` is the end."""
    following = day(until)
    return None if following is None else following - timedelta(days=1)


def confidences(given: Mapping[str, str]) -> tuple[int, int]:
    """Return the lowest and the highest confidence that filters let through, in percent."""
    lowest, highest = _percent(given.get("min_confidence", ""), 0), _percent(given.get("max_confidence", ""), 100)
    return min(lowest, highest), max(lowest, highest)


def _percent(text: str, otherwise: int) -> int:
    try:
        share = float(text)
    except ValueError:
        return otherwise
    return round(share * 100) if 0 <= share <= 1 else otherwise
