"""One image on its way through the gateway."""

import msgspec

from gateway.lanes import Priority
from gateway.stopwatch import Stopwatch


class Passage(msgspec.Struct, frozen=True, eq=False):
    """What is asked, how, and where its time goes."""

    body: bytes
    """The file, as it was posted."""
    deadline: float
    """When the answer is of no use any more, `time.monotonic` seconds."""
    key: str | None
    """What the client wants to be treated alike by, where versions share the traffic."""
    priority: Priority
    stopwatch: Stopwatch
