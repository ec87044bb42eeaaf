"""Lookup: who bears a name on this Ray, asked beside the loop by a thread that nobody waits for.

A Ray whose head has died answers no lookup and gives none up. A thread of the loop's pool is joined at the end of the
process: it would keep a part alive that has nothing left to live on, with a hand on files that its next life needs.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from ray.exceptions import RayError

from qt_ray.core.errors import QtError

T = TypeVar("T")


async def looked_up(find: Callable[[], T]) -> T:
    """Return what a lookup finds, or raise what it raises; whoever gives up leaves the thread to itself."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def settle(found: T | None, fault: Exception | None) -> None:
        if answer.done():
            return
        if fault is not None:
            answer.set_exception(fault)
        else:
            answer.set_result(found)

    def look() -> None:
        found, fault = None, None
        try:
            found = find()
        except (QtError, RayError, ValueError, RuntimeError, OSError) as error:
            fault = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found, fault)

    Thread(target=look, name="lookup", daemon=True).start()
    found: T = await answer
    return found
