"""The event loop that a generator runs on."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(load: Coroutine[Any, Any, Result]) -> Result:
    """Run a load to its end: on uvloop where it is installed, which costs the machine less."""
    try:
        import uvloop  # noqa: PLC0415 - it may be missing
    except ImportError:
        return asyncio.run(load)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load)
