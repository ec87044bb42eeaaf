"""Fund: one life of it in an open house: the parts are launched and watched, and rest before the house closes.

Ending is an order like any other: entries are shut first, by the desk that decides no more and the gateway that gives
its lease back; positions keep their stops at the venue, and the policy is not touched. Whoever cannot wait for that may
ask a second time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from os import getpid
from typing import Any, Final, Protocol, Self

from ray.exceptions import RayError

from qt_ray.actors.births import Births
from qt_ray.actors.house import House
from qt_ray.actors.launch import Launch
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import PARTS
from qt_ray.adapters.children import Watch
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.processes import mark_of
from qt_ray.adapters.session_file import Session, forget_session, write_session
from qt_ray.core.errors import Retryable

LOOK_MS: Final = 500
# How Ray Serve says that it could not; it has no error of its own for that.
SERVE_FAULTS: Final = (RayError, RuntimeError, OSError)

Told = Callable[[str], None]


class Front(Protocol):
    """What people and programs reach the running parts by."""

    def open(self, origin: Origin) -> str:
        """Open it, and return where."""

    def close(self, origin: Origin) -> None:
        """Withdraw it from a Ray that goes on."""


class Launched(Protocol):
    """The parts of a fund, all together."""

    async def begin(self) -> None:
        """Begin all parts; Retryable names the one that is not ready in time, and why."""

    async def watch(self) -> None:
        """Look after all parts until cancelled."""

    async def rest(self) -> None:
        """Lay all parts to rest and end them."""


class Fund:
    """One life; `ended` is set by whoever wants it to end, and `hurry` by whoever cannot wait."""

    def __init__(self, house: House, parts: Launched, told: Told, front: Front | None = None) -> None:
        """Begin nothing yet; `told` hears what a person should see, `front` is what people look at."""
        self._house, self._parts, self._told, self._front = house, parts, told, front
        self.ended, self.hurry = asyncio.Event(), asyncio.Event()
        self.session = _session(house)

    @classmethod
    def on_ray(cls, house: House, told: Told, front: Front | None = None) -> Self:
        """Return a fund whose parts are those of the table, on the Ray that the house stands on."""
        return cls(house, Launch(Births(house.origin, house.namespace), PARTS, told), told, front)

    async def live(self, ready: Callable[[Session], None]) -> None:
        """Live until somebody ends it; `ready` hears it when all parts are ready."""
        write_session(self._house.places.session, self.session)
        try:
            await _first(self._work(ready), self.ended)
        finally:
            await _first(self._rest(), self.hurry)
            forget_session(self._house.places.session)

    async def _work(self, ready: Callable[[Session], None]) -> None:
        await self._parts.begin()
        self.session = replace(self.session, console=await self._opened(), ready_ms=now_ms())
        write_session(self._house.places.session, self.session)
        ready(self.session)
        await asyncio.gather(self._parts.watch(), self._look_after_children())

    async def _opened(self) -> str | None:
        """Open what people look at: a fund that nobody can see or stop is not begun."""
        if self._front is None:
            return None
        try:
            return await asyncio.to_thread(self._front.open, self._house.origin)
        except SERVE_FAULTS as error:
            raise Retryable(f"console: it opens, it did not: {_last_line(error)}") from error

    async def _rest(self) -> None:
        """Lay the parts to rest, and then take from people what they look at; a Ray of ours ends it with itself."""
        await self._parts.rest()
        if self._front is None or self._house.head.is_ours:
            return
        try:
            await asyncio.to_thread(self._front.close, self._house.origin)
        except SERVE_FAULTS as error:
            self._told(f"the console was not withdrawn: {_last_line(error)}")

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


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


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
