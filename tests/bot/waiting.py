"""Waits for a condition in a test, and says which one never came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 30.0


async def until(condition: Callable[[], Awaitable[bool] | bool], what: str) -> None:
    """Returns as soon as it holds; the patience is only for tests that fail."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + PATIENCE
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        assert loop.time() < ends, f"waited in vain until {what}"
        await asyncio.sleep(0.02)
