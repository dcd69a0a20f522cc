"""What a store holds, read from the manifests beside the models, without TensorFlow."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from gateway.imaging import ImageSpec
from trainer.store.versions import find_version, versions

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a manifest that is listed: an old version is listed even where training has got new settings."""

    architecture: str
    metrics: dict[str, float]
    created_at: datetime
    data_digest: str
    model_digest: str = ""
    """Empty in old manifests."""
    image: ImageSpec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the store."""

    number: int
    bytes: int
    """Of its files together."""
    summary: Summary | None
    problem: str | None
    """Why there is no summary."""


def list_versions(store: Path) -> tuple[Entry, ...]:
    """Return the versions of a store, ascending.

    Raises:
        RunError: there is none.
    """
    find_version(store, None)
    return tuple(_entry(number, find_version(store, number)) for number in versions(store))


def age(created: datetime, now: datetime) -> str:
    """Return how long ago something was, in words: whole days, hours or minutes, or `now`."""
    passed = now - created
    for name, unit in _UNITS:
        if passed >= unit:
            return f"{passed // unit} {name} ago"
    return "now"


def _entry(number: int, folder: Path) -> Entry:
    size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
    path = folder / "assets.extra" / "manifest.json"
    try:
        summary = msgspec.json.decode(path.read_bytes(), type=Summary)
    except OSError as error:
        return Entry(number=number, bytes=size, summary=None, problem=f"no manifest: {error.strerror}")
    except (msgspec.MsgspecError, UnicodeError) as error:
        return Entry(number=number, bytes=size, summary=None, problem=f"broken manifest: {error}")
    return Entry(number=number, bytes=size, summary=summary, problem=None)
