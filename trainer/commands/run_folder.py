"""Where a run is written that nobody has named."""

from datetime import UTC, datetime
from pathlib import Path


def new_run_folder() -> Path:
    """Return `var/runs/<time>`, in UTC."""
    return Path("var/runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
