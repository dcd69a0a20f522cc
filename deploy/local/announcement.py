"""Waits until everything answers, then says where it is. Runs once, under supervisord."""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from deploy.local.layout import Layout

_PATIENCE_S = 180
_REPORT_S = 5


def main() -> int:
    """Announce; return 1 when something did not come up in time."""
    layout = Layout.read(os.environ, Path.cwd())
    parts = {
        "model server and gateway": f"{layout.gateway}/health/ready",
        "console": f"{layout.console}/_stcore/health",
    }
    begin = time.monotonic()
    for part, url in parts.items():
        if not _wait(part, url, begin):
            sys.stdout.write(f"The {part} did not answer within {_PATIENCE_S} s; see the messages above.\n")
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


def _wait(part: str, url: str, begin: float) -> bool:
    reported = begin
    while not _answers(url):
        now = time.monotonic()
        if now - begin > _PATIENCE_S:
            return False
        if now - reported >= _REPORT_S:
            sys.stdout.write(f"waiting for the {part}: {now - begin:.0f} s\n")
            reported = now
        time.sleep(0.2)  # another process offers no event to wait for
    sys.stdout.write(f"{part}: ready after {time.monotonic() - begin:.0f} s\n")
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310 - an http address of our own
            return bool(reply.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


if __name__ == "__main__":
    sys.exit(main())
