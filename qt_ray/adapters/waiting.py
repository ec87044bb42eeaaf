"""Waiting: for something to happen, and not for ever."""

import asyncio


async def happened(event: asyncio.Event, within_ms: int) -> bool:
    """Wait for an event at most so long, and return whether it happened; a cancellation is never mistaken for that."""
    try:
        async with asyncio.timeout(within_ms / 1_000):
            return await event.wait()
    except TimeoutError:
        return False
