"""Desk: journal, decide, hand over. One writer for an account, and none of its words leaves before it is durable.

A crash before the journal loses an input that its sender repeats; a crash after it is mended by the fold; an errand
handed over twice is harmless, because it bears the name that its receiver has seen already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Protocol, TypeVar

from qt_ray.actors.living import Living
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.adapters.deliberation import Chain, Deliberation, Law
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.engine.desk_entries import Began, Handed, Rated, Told, watched
from qt_ray.engine.desk_kept import Due
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.tidings import Stand, Tiding
from qt_ray.engine.window import Window
from qt_ray.market.bars import Bars
from qt_ray.monitoring.health import Condition

WAIT_MS: Final = 1_000
AGAIN_MS: Final = 200
STAND_EVERY_MS: Final = 600_000
PARTING_MS: Final = 1_000
RATES_ASKED_MAX: Final = 25
T = TypeVar("T")


class Market(Protocol):
    """The feed, as far as a desk needs it; Retryable when it does not answer."""

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        """Return all closed rows that opened after a moment, or nothing."""

    async def rates(self) -> Mapping[str, Decimal]:
        """Return at which rate funding will settle next, of each symbol where it is known."""


class Account(Protocol):
    """The gateway, as far as a desk needs it; Retryable when it does not answer."""

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        """Carry errands out; again changes nothing."""

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        """Return what came after a tiding; after 0, how the account stands."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Whom a desk talks to; `began` is how a new one would begin, `needs` are the features that are read."""

    market: Market
    account: Account
    chain: Chain
    law: Law
    began: Callable[[], Awaitable[Began]]
    needs: tuple[str, ...] = ()


class Desk:
    """One account's desk."""

    def __init__(self, keeper: DeskKeeper, ports: Ports, living: Living, clock: Callable[[], int] = now_ms) -> None:
        """Be ready; `run` begins."""
        self._keeper, self._ports, self._living, self._clock = keeper, ports, living, clock
        self._mind = Deliberation(keeper, ports.chain, ports.law, clock)
        # Whoever is told and whoever decides take turns; nothing is handed over while the gateway says how it stands.
        self._turn, self._talk, self._due = asyncio.Lock(), asyncio.Lock(), asyncio.Event()
        self._window: Window | None = None
        self._stood_ms = 0
        self._rates: Mapping[str, Decimal] = {}
        self._took_ms: float | None = None
        self._waits_for = "it has just been born"

    async def run(self) -> None:
        """Begin or go on, then decide until cancelled."""
        window = self._window = await self._begun()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._always(lambda: self._follow(window)))
            group.create_task(self._always(self._hear))
            group.create_task(self._always(self._hand_over))

    async def condition(self) -> Condition:
        """Return how the desk is, and what it has done; it is ready to decide while nothing may be opened, too."""
        if self._window is None:
            return self._living.condition(Health.CRITICAL, [f"the desk has not begun, {self._waits_for}"], ready=False)
        closed = self._ports.law.why_closed()
        health = Health.DEGRADED if closed else Health.HEALTHY
        return self._living.condition(health, [closed] if closed else [], self._facts())

    async def rest(self) -> None:
        """Let a decision that is under way end, hand over what is owed if anybody takes it, and close the journal."""
        async with self._turn:
            if self._window is not None:
                await self._part()
            await self._living.rest()
            self._keeper.close()

    async def _begun(self) -> Window:
        """Be the desk that follows from the journal, the account and the market, and decide on a bar that is young."""
        began = await self._until(self._ports.began)
        if self._keeper.goes_on(began):
            await self._catch_up()
        else:
            stand = _stand_in(await self._until(lambda: self._ports.account.tidings(0, 0)))
            setup = replace(began.setup, initial=stand.wallet)
            self._keeper.begin(replace(began, setup=setup, start_ms=self._clock()))
        while self._ports.law.ruled() is None:
            await asyncio.sleep(AGAIN_MS / 1_000)
        self._mind.rule()
        window = Window(began.symbols, began.interval_ms, self._ports.needs)
        rows = await self._until(lambda: self._ports.market.rows(-1, WAIT_MS))
        newest = None if rows is None else self._watched(window, rows)
        await self._until(self._stand)
        if newest is not None:
            await self._rated()
            await self._decide(window, newest)
        return window

    async def _catch_up(self) -> None:
        """Hand over what an earlier life still owed, and hear what it did not hear any more."""
        await self._until(self._hand_over_once)
        await self._until(self._heard)

    async def _heard(self, last: int | None = None) -> None:
        """Hear all there is up to a number, so that a stand has nothing to say that could have been told."""
        while told := await self._ports.account.tidings(self._keeper.book.told, 0):
            news = tuple(tiding for tiding in told if last is None or tiding.number <= last)
            if not news or _has_stand(told):
                return
            self._keeper.note(Told.of(news))

    async def _follow(self, window: Window) -> None:
        """Take the rows that closed: all of them are seen, and the newest is decided on while it is young."""
        rows = await self._ports.market.rows(self._keeper.book.seen_ms, WAIT_MS)
        async with self._turn:
            newest = None if rows is None else self._watched(window, rows)
            if newest is not None:
                await self._decide(window, newest)

    def _watched(self, window: Window, rows: Bars) -> Bars | None:
        """See rows that nobody decides on; return the newest if it is to be decided on."""
        last_ms, seen_ms = int(rows.ts[-1]), self._keeper.book.seen_ms
        is_young = last_ms > seen_ms and self._clock() < last_ms + 2 * rows.interval_ms
        old = rows.window(0, len(rows) - is_young)
        unseen = old.window(int((old.ts <= seen_ms).sum()), len(old))
        for entry in watched(unseen):
            self._keeper.note(entry)
        window.push(old)
        return rows.window(len(rows) - 1, len(rows)) if is_young else None

    async def _decide(self, window: Window, bars: Bars) -> None:
        began_ns = monotonic_ns()
        await self._rate()
        await self._mind.decide(window, bars)
        self._due.set()
        self._took_ms = (monotonic_ns() - began_ns) / 1e6

    async def _rated(self) -> None:
        """Wait a moment until every symbol's funding is known: a feed that has just begun has not heard of all yet."""
        for _ in range(RATES_ASKED_MAX):
            await self._rate()
            if self._rates.keys() >= set(self._keeper.book.began.symbols):
                return
            await asyncio.sleep(AGAIN_MS / 1_000)

    async def _rate(self) -> None:
        """Learn what funding will cost; without an answer what was known last stands."""
        try:
            rates = await self._ports.market.rates()
        except Retryable:
            return
        if rates and rates != self._rates:
            self._keeper.note(Rated(rates))
            self._rates = rates

    async def _hear(self) -> None:
        """Hear what happened to the account; now and then, or when too much has, how it stands."""
        told = await self._ports.account.tidings(self._keeper.book.told, WAIT_MS)
        async with self._turn:
            if _has_stand(told) or self._clock() - self._stood_ms >= STAND_EVERY_MS:
                await self._stand()
            elif told:
                self._keeper.note(Told.of(told))
        self._due.set()

    async def _stand(self) -> None:
        """Learn how the account stands while nothing is being handed over, and believe it; called in turn."""
        await self._hand_over_once()
        async with self._talk:
            (stand,) = await self._ports.account.tidings(0, 0)
            await self._heard(stand.number)
        self._keeper.note(Told.of((stand,)))
        self._stood_ms = self._clock()

    async def _hand_over(self) -> None:
        await self._due.wait()
        await self._hand_over_once()
        if self._keeper.book.due:
            # What would open something and was not taken in time is not sent late: it follows anew, or not at all.
            async with self._turn:
                await self._stand()
        self._due.clear()

    async def _hand_over_once(self) -> None:
        """Hand over what is owed, the oldest first, up to what has become too old."""
        while self._keeper.book.due and not self._is_old(self._keeper.book.due[0]):
            async with self._talk:
                for due in self._keeper.book.due[:1]:
                    await self._ports.account.errands(due.errands, due.stamp)
                    self._keeper.note(Handed(1))

    async def _until(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a question once there is one; meanwhile the condition says why there is none."""
        while True:
            try:
                answer = await ask()
            except Retryable as why:
                self._waits_for = str(why)
                await asyncio.sleep(AGAIN_MS / 1_000)
            else:
                self._waits_for = ""
                return answer

    async def _always(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._until(work)

    def _is_old(self, due: Due) -> bool:
        opens = any(not intent.reduce_only for intent in due.errands.place)
        return opens and self._clock() >= due.stamp.cycle_ms + self._keeper.book.began.interval_ms

    async def _part(self) -> None:
        try:
            async with asyncio.timeout(PARTING_MS / 1_000):
                await self._hand_over_once()
        except (TimeoutError, Retryable, Invalid):
            return  # it stays owed, on the disk

    def _facts(self) -> dict[str, Any]:
        book = self._keeper.book
        return {**book.facts, "missed": dict(self._mind.missed), "took_ms": self._took_ms}


def _has_stand(told: tuple[Tiding, ...]) -> bool:
    return any(isinstance(tiding.what, Stand) for tiding in told)


def _stand_in(told: tuple[Tiding, ...]) -> Stand:
    for tiding in told:
        if isinstance(tiding.what, Stand):
            return tiding.what
    raise Retryable("gateway: who knows nothing hears how the account stands")
