"""Ends tasks of the process for sure."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN = 0.2


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they are over.

    One cancellation is not always enough: ``asyncio.wait_for`` of Python 3.11, which the Redis client writes through, loses one
    that comes in the moment in which what it waits for is done (python/cpython#86296).
    """
    going = {task for task in tasks if not task.done()}
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=AGAIN)
