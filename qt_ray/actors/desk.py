"""Desk: journal, decide, hand over. One writer for an account, and none of its words leaves before it is durable.

A crash before the journal loses an input that its sender repeats; a crash after it is mended by the fold; an errand
handed over twice is harmless, because it bears the name that its receiver has seen already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Protocol

from qt_ray.actors.desk_dealings import WAIT_MS, Account, DeskDealings
from qt_ray.actors.living import Living
from qt_ray.actors.patience import Patience
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.adapters.deliberation import Chain, Deliberation, Law
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.engine.desk_entries import Began, Rated, watched
from qt_ray.engine.window import Window
from qt_ray.market.bars import Bars
from qt_ray.monitoring.health import Condition

RATES_ASKED_MAX: Final = 25


class Market(Protocol):
    """The feed, as far as a desk needs it; Retryable when it does not answer."""

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        """Return all closed rows that opened after a moment, or nothing."""

    async def rates(self) -> Mapping[str, Decimal]:
        """Return at which rate funding will settle next, of each symbol where it is known."""


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
        self._dealings, self._patience = DeskDealings(keeper, ports.account, clock), Patience()
        self._window: Window | None = None
        self._rates: Mapping[str, Decimal] = {}
        self._took_ms: float | None = None

    async def run(self) -> None:
        """Begin or go on, then decide until cancelled."""
        window = self._window = await self._begun()
        dealings = self._dealings
        works = (lambda: self._follow(window), dealings.hear, dealings.hand_over_what_comes, self._keeper.tell_later)
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(self._patience.always(work))

    async def condition(self) -> Condition:
        """Return how the desk is, and what it has done; it is ready to decide while nothing may be opened, too."""
        if self._window is None:
            why = f"the desk has not begun, {self._patience.waits_for}"
            return self._living.condition(Health.CRITICAL, [why], ready=False)
        closed = self._ports.law.why_closed()
        health = Health.DEGRADED if closed else Health.HEALTHY
        return self._living.condition(health, [closed] if closed else [], self._facts())

    async def rest(self) -> None:
        """Let a decision that is under way end, hand over what is owed if anybody takes it, and close the journal."""
        async with self._dealings.turn:
            if self._window is not None:
                await self._dealings.part()
            await self._living.rest()
            self._keeper.close()

    async def _begun(self) -> Window:
        """Be the desk that follows from the journal, the account and the market, and decide on a bar that is young."""
        until, dealings = self._patience.until, self._dealings
        began = await until(self._ports.began)
        if self._keeper.goes_on(began):
            # What an earlier life still owed is handed over, and what it did not hear any more is heard.
            await until(dealings.hand_over)
            await until(dealings.heard)
        else:
            stand = await until(dealings.stands)
            setup = replace(began.setup, initial=stand.wallet)
            self._keeper.begin(replace(began, setup=setup, start_ms=self._clock()))
        while self._ports.law.ruled() is None:
            await self._patience.pause()
        self._mind.rule()
        window = Window(began.symbols, began.interval_ms, self._ports.needs)
        rows = await until(lambda: self._ports.market.rows(-1, WAIT_MS))
        newest = None if rows is None else self._watched(window, rows)
        await until(dealings.stand)
        if newest is not None:
            await self._rated()
            await self._decide(window, newest)
        return window

    async def _follow(self, window: Window) -> None:
        """Take the rows that closed: all of them are seen, and the newest is decided on while it is young."""
        rows = await self._ports.market.rows(self._keeper.book.seen_ms, WAIT_MS)
        async with self._dealings.turn:
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
        self._dealings.owe()
        self._took_ms = (monotonic_ns() - began_ns) / 1e6

    async def _rated(self) -> None:
        """Wait a moment until every symbol's funding is known: a feed that has just begun has not heard of all yet."""
        for _ in range(RATES_ASKED_MAX):
            await self._rate()
            if self._rates.keys() >= set(self._keeper.book.began.symbols):
                return
            await self._patience.pause()

    async def _rate(self) -> None:
        """Learn what funding will cost; without an answer what was known last stands."""
        try:
            rates = await self._ports.market.rates()
        except Retryable:
            return
        if rates and rates != self._rates:
            self._keeper.note(Rated(rates))
            self._rates = rates

    def _facts(self) -> dict[str, Any]:
        book = self._keeper.book
        return {**book.facts, "missed": dict(self._mind.missed), "took_ms": self._took_ms}
