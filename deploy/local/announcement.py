"""Waits until everything answers, then says where it is. Runs once, under supervisord."""

import os
import sys
import time
from pathlib import Path

from deploy.local.layout import Layout
from deploy.local.waiting import PATIENCE_S, wait


def main() -> int:
    """Announce; return 1 when something did not come up in time."""
    layout = Layout.read(os.environ, Path.cwd())
    parts = {
        "model server and gateway": f"{layout.gateway}/health/ready",
        "console": f"{layout.console}/_stcore/health",
    }
    begin = time.monotonic()
    for part, url in parts.items():
        if not wait(part, url, begin):
            sys.stdout.write(f"The {part} did not answer within {PATIENCE_S} s; see the messages above.\n")
            return 1
    image = next(iter(sorted((layout.root / "data/samples").glob("*.png")))).relative_to(layout.root)
    sys.stdout.write(
        f"\nPulmo is ready.\n"
        f"  Gateway   {layout.gateway}\n"
        f"  Console   {layout.console}\n"
        f"  Try it:   curl -F file=@{image} {layout.gateway}/predict\n"
        f"  Stop it:  Ctrl-C\n\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
