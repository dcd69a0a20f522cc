"""One image on its way through the gateway."""

import msgspec

from gateway.batching.entries import Row
from gateway.lanes import Priority
from gateway.stopwatch import Stopwatch


class Passage(msgspec.Struct, frozen=True, eq=False):
    """What is asked, how, and where its time goes."""

    body: bytes
    """The file, as it was posted; empty where `row` is what was posted."""
    deadline: float
    """When the answer is of no use any more, `time.monotonic` seconds."""
    key: str | None
    """What the client wants to be treated alike by, where versions share the traffic."""
    priority: Priority
    stopwatch: Stopwatch
    filename: str | None = None
    """As the client called the file."""
    caller: str | None = None
    """The name of the API key that asks; None where there are none."""
    row: Row | None = None
    """What the model takes, where that was posted instead of a file."""
    version: int | None = None
    """The version that must answer; None where the route decides."""
    index: int | None = None
    """Which of several images in a request it is, for what is told of it."""
