"""What part of the history is asked for: read from a query string, and told as conditions."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, and_

from gateway.errors import InvalidFilter
from gateway.timestamps import to_us

_NO_NUL = r"\A[^\x00]*\Z"
_SURROGATES = range(0xD800, 0xE000)
_LAST = 0x10FFFF

Text = Annotated[str, Meta(min_length=1, max_length=255, pattern=_NO_NUL)]
Moment = Annotated[datetime, Meta(tz=True)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Filters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions that a row of `PREDICTIONS` meets, all of them; None asks for nothing."""

    class_: Text | None = msgspec.field(name="class", default=None)
    version: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    since: Moment | None = None
    """The first moment that belongs to it."""
    until: Moment | None = None
    """The first moment that does not belong to it any more."""
    min_confidence: Share | None = None
    max_confidence: Share | None = None
    abstain: bool | None = None
    filename: Text | None = None
    """As the client called it; with `*` at its end, how that begins."""
    caller: Annotated[str, Meta(min_length=1, max_length=64, pattern=_NO_NUL)] | None = None

    @classmethod
    def read(cls, values: Mapping[str, str | None]) -> Self:
        """Return the filters of a query string, by name; None where a name is not in it.

        Raises:
            InvalidFilter: a value is of the wrong kind or out of its range, or two contradict each other.
        """
        given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        given.update({name: _moment(name, given[name]) for name in _MOMENTS if name in given})
        try:
            filters = msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            problem, _, place = str(error).partition(" - at `$.")
            name = place.rstrip("`")
            raise InvalidFilter(f"{name} is {given.get(name)!r}: {problem}{_REMEDIES.get(name, '')}") from error
        filters.refuse_contradictions()
        return filters

    def refuse_contradictions(self) -> None:
        """Refuse what no row can meet.

        Raises:
            InvalidFilter: a span of time or of confidence ends before it begins.
        """
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise InvalidFilter(f"since={self.since.isoformat()} is not before until={self.until.isoformat()}")
        lowest, highest = self.min_confidence, self.max_confidence
        if lowest is not None and highest is not None and lowest > highest:
            raise InvalidFilter(f"min_confidence={lowest:g} is above max_confidence={highest:g}")

    def given(self) -> list[str]:
        """Return the names of the fields that ask for something."""
        return [name for name in _CONDITIONS if getattr(self, name) is not None]

    def conditions(self, columns: Any) -> dict[str, ColumnElement[bool]]:  # noqa: ANN401 - attributes by their names
        """Return what is asked of the columns of `PREDICTIONS`, by the name of the field that asks it."""
        return {name: _CONDITIONS[name](columns, getattr(self, name)) for name in self.given()}

    def indexed(self) -> list[str]:
        """Return the names of the fields that an index answers, the most selective kinds first."""
        without = {name for name, value in (("filename", "*"), ("abstain", False)) if getattr(self, name) == value}
        return [name for name in _INDEXED if getattr(self, name) is not None and name not in without]

    def unordered(self) -> set[str]:
        """Return the names of those whose index has its rows in another order than pages do: a name's beginning."""
        return {"filename"} if self.filename is not None and self.filename.endswith("*") else set()


_MOMENTS = ("since", "until")
_REMEDIES = {
    **dict.fromkeys(_MOMENTS, "; write it as 2026-11-24T12:00:00Z, and a + as %2B"),
    **dict.fromkeys(("min_confidence", "max_confidence"), "; it lies between 0 and 1"),
    "abstain": "; it is true or false",
}


def _moment(name: str, text: str) -> datetime:
    """Read a moment as RFC 3339 has it; the conversion of the others would take a number for seconds since 1970."""
    try:
        return msgspec.convert(text, Moment)
    except msgspec.ValidationError as error:
        raise InvalidFilter(f"{name} is {text!r}: {error}{_REMEDIES[name]}") from error


def _named(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Return the condition for a name, or for what begins with it: from it on, and before what follows all of them."""
    if not name.endswith("*"):
        return column == name
    prefix = name[:-1]
    after = _after(prefix)
    return and_(column >= prefix, *([column < after] if after else []))


def _after(prefix: str) -> str:
    """Return the first text after all that begin with `prefix`; empty where there is none."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return ""
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


_CONDITIONS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "class_": lambda columns, label: columns.prediction == label,
    "version": lambda columns, version: columns.model_version == version,
    "since": lambda columns, moment: columns.timestamp_us >= to_us(moment),
    "until": lambda columns, moment: columns.timestamp_us < to_us(moment),
    "min_confidence": lambda columns, lowest: columns.confidence >= lowest,
    "max_confidence": lambda columns, highest: columns.confidence <= highest,
    "abstain": lambda columns, wanted: columns.abstain if wanted else ~columns.abstain,
    "filename": lambda columns, name: _named(columns.filename, name),
    "caller": lambda columns, caller: columns.caller == caller,
}
_INDEXED = ("filename", "caller", "abstain", "version", "class_")
