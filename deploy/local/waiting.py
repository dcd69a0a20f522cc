"""Waits for a process to answer, and says so every few seconds."""

import sys
import time
import urllib.error
import urllib.request

PATIENCE_S = 180
_REPORT_S = 5


def wait(part: str, url: str, begin: float) -> bool:
    """Wait until `url` answers 200; return whether it did within `PATIENCE_S` of `begin`, `time.monotonic` seconds."""
    reported = begin
    while not answers(url):
        now = time.monotonic()
        if now - begin > PATIENCE_S:
            return False
        if now - reported >= _REPORT_S:
            sys.stdout.write(f"waiting for the {part}: {now - begin:.0f} s\n")
            reported = now
        time.sleep(0.2)  # another process offers no event to wait for
    sys.stdout.write(f"{part}: ready after {time.monotonic() - begin:.0f} s\n")
    return True


def answers(url: str) -> bool:
    """Return whether `url` answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310 - an http address of our own
            return bool(reply.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
