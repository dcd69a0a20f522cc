"""Values as people read them, with their units."""

import re
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from dashboard.client.messages import Route

_MARKUP = re.compile(r"[\\`*\[\]<>$~#|]")
NONE = "no data"
"""For what is not known."""
STAGES: Final = {
    "read": "Receive the image",
    "decode": "Decode",
    "queue": "Wait for a batch",
    "backend": "Model",
    "persist": "Write the history",
}
"""What an image goes through, in this order."""


def route(route: Route) -> str:
    """Say which version is to answer."""
    if route.mode == "latest":
        return "the newest version answers"
    if route.mode == "pinned":
        return f"version {route.version} answers, whatever is published"
    others = "the others" if route.stable is None else f"version {route.stable}"
    if route.mode == "canary":
        return f"version {route.version} answers {route.percent:g} % of the images on trial, {others} the rest"
    return f"{others} answers; version {route.version} is asked about {route.percent:g} % of the images, to compare"


def moment(timestamp: str) -> str:
    """Write a moment of RFC 3339 in UTC to the second; what is none, as it is."""
    try:
        return datetime.fromisoformat(timestamp).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return timestamp


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share of 0 to 1."""
    return NONE if share is None else f"{share * 100:.{digits}f} %"


def milliseconds(seconds: float | None) -> str:
    """Write a time."""
    return NONE if seconds is None else f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def span(seconds: float) -> str:
    """Write a duration in the unit that fits."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.3g} h" if seconds < 172_800 else f"{seconds / 86_400:.3g} d"


def host(url: str) -> str:
    """Write an address without what it begins with, so that nobody takes it for something to click on."""
    return urlsplit(url).netloc.rpartition("@")[2]


def plain(text: str) -> str:
    """Write what others have said so that nothing of it is markup: no picture of another host, no heading."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))
