"""What a model tells of itself to whoever watches the server."""

from pathlib import Path
from typing import NamedTuple


class Statistics(NamedTuple):
    """How one model is doing."""

    name: str
    base_path: Path
    seconds_since_look: float | None
    """Since the base path could last be read; None before the first time."""
    readable: bool
    """Whether the last look at the base path succeeded."""
    emptied: bool
    """Whether the last look found no version that the policy asks for; versions may be served all the same."""
    available: tuple[int, ...]
    failing: tuple[int, ...]
    """Versions whose last load failed, tried again or not."""
    calls: int
    """Calls that use a version now."""
