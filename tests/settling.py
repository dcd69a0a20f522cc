"""Lets tasks run in a test that holds their clock."""

import asyncio


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)
