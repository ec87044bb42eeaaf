"""Fund: one life of it in an open house: the parts are launched and watched, and rest before the house closes.

Ending is an order like any other: entries are shut first, by the desk that decides no more and the gateway that gives
its lease back; positions keep their stops at the venue, and the policy is not touched. Whoever cannot wait for that may
ask a second time.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from os import getpid
from typing import Any, Final

from qt_ray.actors.births import Births
from qt_ray.actors.house import House
from qt_ray.actors.launch import Launch
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import PARTS, Part
from qt_ray.adapters.children import Watch
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.session_file import Session, forget_session, write_session

LOOK_MS: Final = 500

# Opens pages or an API on the running parts, and returns where they are.
Front = Callable[[Origin], str]
Told = Callable[[str], None]


class Fund:
    """One life; `ended` is set by whoever wants it to end, and `hurry` by whoever cannot wait."""

    def __init__(self, house: House, told: Told, front: Front | None = None, parts: Sequence[Part] = PARTS) -> None:
        """Begin nothing yet; `told` hears what a person should see, `front` opens what people look at."""
        self._house, self._told, self._front = house, told, front
        self._launch = Launch(Births(house.origin, house.namespace), parts, told)
        self.ended, self.hurry = asyncio.Event(), asyncio.Event()
        self.session = _session(house)

    async def live(self, ready: Callable[[Session], None]) -> None:
        """Live until somebody ends it; `ready` hears it when all parts are ready."""
        write_session(self._house.places.session, self.session)
        try:
            await _first(self._work(ready), self.ended)
        finally:
            await _first(self._launch.rest(), self.hurry)
            forget_session(self._house.places.session)

    async def _work(self, ready: Callable[[Session], None]) -> None:
        await self._launch.begin()
        console = None if self._front is None else await asyncio.to_thread(self._front, self._house.origin)
        self.session = replace(self.session, console=console, ready_ms=now_ms())
        write_session(self._house.places.session, self.session)
        ready(self.session)
        await asyncio.gather(self._launch.watch(), self._look_after_children())

    async def _look_after_children(self) -> None:
        watch = Watch(self._house.exchange, self._house.bus, self._told)
        while True:
            # A bus that is started again takes its time, and nobody else should wait for it.
            await asyncio.to_thread(watch.look)
            await asyncio.sleep(LOOK_MS / 1_000)


async def _first(work: Coroutine[Any, Any, None], ended: asyncio.Event) -> None:
    """Work until it is done or somebody ends it; what it raised by itself is raised here."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


def _session(house: House) -> Session:
    pid = getpid()
    return Session(
        pid,
        mark_of(pid) or "",
        house.started_ms,
        house.origin.profile,
        house.origin.settings.fund.account,
        house.origin.life,
        house.namespace,
        house.head.address,
        dashboard=house.head.dashboard,
        redis=house.origin.redis,
        venue=None if house.exchange is None else str(house.exchange.doors["rest"]),
    )
