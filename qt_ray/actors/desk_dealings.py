"""Desk dealings: what passes between a desk and its gateway: errands one way, tidings the other.

Errands go in the order in which they are owed, each until the gateway has it; again is harmless, because it bears the
name that its receiver has seen already. What would open something and is too old does not go at all: how the account
stands is learned instead, and what is wanted follows from that anew.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.engine.desk_entries import Handed, Told
from qt_ray.engine.desk_kept import Due
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Stand, Tiding

WAIT_MS: Final = 1_000
STAND_EVERY_MS: Final = 600_000
PARTING_MS: Final = 1_000


class Account(Protocol):
    """The gateway, as far as a desk needs it; Retryable when it does not answer."""

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        """Carry errands out; again changes nothing."""

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        """Return what came after a tiding; after 0, how the account stands."""


class DeskDealings:
    """One desk's; whoever is told and whoever decides take turns, so `turn` is held by either."""

    def __init__(self, keeper: DeskKeeper, account: Account, clock: Callable[[], int] = now_ms) -> None:
        """Owe what the keeper's book owes."""
        self._keeper, self._account, self._clock = keeper, account, clock
        # Nothing is handed over while the gateway says how it stands.
        self.turn, self._talk, self._due = asyncio.Lock(), asyncio.Lock(), asyncio.Event()
        self._stood_ms = 0

    def owe(self) -> None:
        """Let what is owed now be handed over soon."""
        self._due.set()

    async def stands(self) -> Stand:
        """Return how the account stands, for a desk that has no book yet."""
        return _stand_in(await self._account.tidings(0, 0))

    async def heard(self, last: int | None = None) -> None:
        """Hear all there is up to a number, so that a stand has nothing to say that could have been told."""
        while told := await self._account.tidings(self._keeper.book.told, 0):
            news = tuple(tiding for tiding in told if last is None or tiding.number <= last)
            if not news or _has_stand(told):
                return
            self._keeper.note(Told.of(news))

    async def hear(self) -> None:
        """Hear what happened to the account; now and then, or when too much has, how it stands."""
        told = await self._account.tidings(self._keeper.book.told, WAIT_MS)
        async with self.turn:
            if _has_stand(told) or self._clock() - self._stood_ms >= STAND_EVERY_MS:
                await self.stand()
            elif told:
                self._keeper.note(Told.of(told))
        self._due.set()

    async def stand(self) -> None:
        """Learn how the account stands while nothing is being handed over, and believe it; called in turn."""
        await self.hand_over()
        async with self._talk:
            (stand,) = await self._account.tidings(0, 0)
            await self.heard(stand.number)
        self._keeper.note(Told.of((stand,)))
        self._stood_ms = self._clock()

    async def hand_over(self) -> None:
        """Hand over what is owed, the oldest first, up to what has become too old."""
        while self._keeper.book.due and not self._is_old(self._keeper.book.due[0]):
            async with self._talk:
                for due in self._keeper.book.due[:1]:
                    await self._account.errands(due.errands, due.stamp)
                    self._keeper.note(Handed(1))

    async def hand_over_what_comes(self) -> None:
        """Hand over as soon as something is owed; what was not taken in time is not sent late."""
        await self._due.wait()
        await self.hand_over()
        if self._keeper.book.due:
            async with self.turn:
                await self.stand()
        self._due.clear()

    async def part(self) -> None:
        """Hand over what is owed if anybody takes it; what is not taken stays owed, on the disk."""
        try:
            async with asyncio.timeout(PARTING_MS / 1_000):
                await self.hand_over()
        except (TimeoutError, Retryable, Invalid):
            return

    def _is_old(self, due: Due) -> bool:
        opens = any(not intent.reduce_only for intent in due.errands.place)
        return opens and self._clock() >= due.stamp.cycle_ms + self._keeper.book.began.interval_ms


def _has_stand(told: tuple[Tiding, ...]) -> bool:
    return any(isinstance(tiding.what, Stand) for tiding in told)


def _stand_in(told: tuple[Tiding, ...]) -> Stand:
    for tiding in told:
        if isinstance(tiding.what, Stand):
            return tiding.what
    raise Retryable("gateway: who knows nothing hears how the account stands")
