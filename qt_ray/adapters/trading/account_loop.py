"""Account loop: one account at work: gateway and custody over one session, with one journal.

What custody posts, and what it wants done about it, is one turn of the gateway's with the news that led to it: one sync
makes all of it durable before anything of it leaves. The fence that the gateway sees is the one given from outside,
closed while books and venue do not agree, and an emergency while the account's latch is closed: whoever stopped the
account from a bare shell need not reach this process for its entries to end. A liquidation closes the latch from
within. Symbol by symbol a gate may say no as well, that of the prices for one.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final, Self

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.disk import Disk
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.trading.gateway_loop import GatewayLoop, Mark, unmarked
from qt_ray.adapters.trading.memory import Follower, Memory
from qt_ray.adapters.trading.opening import opening_of, rules_of
from qt_ray.adapters.trading.places import LATCH_FILE
from qt_ray.adapters.waiting import happened
from qt_ray.core.effects import Alert, Severity
from qt_ray.core.errors import Retryable
from qt_ray.core.limits import Limits
from qt_ray.execution.custody import TAG, Custody, StopPlan
from qt_ray.execution.deeds import Ask, Deed, Halt, Post, Unwant, Want
from qt_ray.execution.gateway.book import Book
from qt_ray.execution.gateway.effects import Effect
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import SHUT, Fence, Gate, ungated
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.leverage import Leverages
from qt_ray.execution.venue.news import LeverageNews, News
from qt_ray.execution.venue.session import VenueSession, Windowed
from qt_ray.execution.venue.views import PositionSide, RulesView

ALERTS_MAX: Final = 1_000

LATCH_MS: Final = 250


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whose name protective orders bear, and how far from the mark a stop is that no decision has planned."""

    strategy: str = "guard"
    stop_distance: Decimal = Decimal("0.05")


class AccountLoop:
    """Trades, keeps books, reconciles and protects; `alerts` is what a person must look at, the newest of it."""

    def __init__(
        self,
        loop: GatewayLoop,
        custody: Custody,
        memory: Memory,
        latch: Latch,
        leverages: Leverages,
        clock: Callable[[], int],
    ) -> None:
        self.gateway = loop
        self.custody = custody
        self.alerts: list[Alert] = []
        self.alerts_count = 0
        self._memory = memory
        self._latch = latch
        self._leverages = leverages
        self._is_latched = False
        self._clock = clock
        self._fence = SHUT
        self._due = asyncio.Event()
        self._see_latch()
        loop.join(self._overhear)
        loop.overhear(self._hear)
        self._see_latch()

    @classmethod
    async def open(
        cls,
        folder: Path,
        session: VenueSession,
        symbols: Iterable[str],
        rules: Rules,
        keeping: Keeping,
        clock: Callable[[], int] = now_ms,
        mark: Mark = unmarked,
        disk: Disk | None = None,
        latch: Path | None = None,
        gate: Gate = ungated,
        follower: Follower | None = None,
    ) -> Self:
        """Return an account that remembers what `folder` holds; the first time, its books begin now.

        Its latch lies beside that folder unless another place is named. The receive window is the session's own. What
        `gate` keeps out is asked at each entry, and `follower` reads the journal along.
        """
        with ExitStack() as undo:
            memory = Memory(folder, Book(rules.ended_max, rules.spent_max), disk, follower=follower)
            undo.callback(memory.close)
            listed = await rules_of(session)
            if memory.is_empty:
                memory.post([await opening_of(session, symbols)])
            books = memory.books({symbol: rules.quote for symbol, rules in listed.symbols.items()})
            proven = memory.standing.proven if memory.standing else None
            custody = Custody(memory.book, books, listed, keeping.strategy, keeping.stop_distance, proven)
            leverages = Leverages(rules.limits.leverage_max)
            engine = Gateway(
                announced(windowed(rules, session), listed),
                memory.book,
                listed=custody.listings.of,
                gate=lambda name, at_ms: leverages.why_not(name) or gate(name, at_ms),
            )
            loop = GatewayLoop(engine, memory, session, clock, mark)
            undo.pop_all()
        return cls(loop, custody, memory, Latch(latch or folder.with_name(LATCH_FILE)), leverages, clock)

    @property
    def is_ready(self) -> bool:
        """Return whether an entry would be sent now, as far as the account is concerned."""
        return self.why_shut() is None

    def why_shut(self) -> str | None:
        """Return why no entry would be sent now, as far as the account is concerned, or nothing."""
        engine = self.gateway.engine
        if engine.is_starting:
            return "no entry before all of our orders are known at the venue"
        if engine.fence.emergency:
            return "no entry in an emergency, or while the latch is closed"
        return engine.fence.closed or self.custody.why_closed(self._clock())

    def fenced(self, fence: Fence) -> None:
        """Take in the lease on the policy's epoch."""
        self._fence = fence
        self._show_fence()

    def govern(self, limits: Limits) -> None:
        """Let other limits count from now on."""
        self._leverages.govern(limits.leverage_max)
        self.gateway.take(partial(self.gateway.engine.govern, limits))

    def entries_in_flight(self) -> int:
        """Return how many calls that may open can still be accepted."""
        return self.gateway.entries_in_flight()

    def plan(self, symbol: str, plan: StopPlan | None, side: PositionSide = PositionSide.BOTH) -> None:
        """Take in where a position is to be given up; nothing leaves it to a share of its mark."""
        self._do(self.custody.plan((symbol, side), plan, self._clock()))

    def marked(self, symbol: str, mark: Decimal) -> None:
        """Take in a symbol's mark price, as a feed tells it."""
        self._do(self.custody.marked(symbol, mark, self._clock()))

    def end_entries(self, symbol: str | None, reason: str) -> None:
        """Cancel what rests and may open, of one symbol or of all, and whatever of it is still to be sent."""
        self.gateway.take(partial(self.gateway.engine.cancel_entries, reason, symbol=symbol))

    def tell(self, alert: Alert) -> None:
        """Tell a person."""
        self.alerts_count += 1
        self.alerts.append(alert)
        del self.alerts[:-ALERTS_MAX]

    async def run(self) -> None:
        """Work until cancelled, or until something is wrong with ourselves; what ends in order is soon begun again."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.gateway.run())
                group.create_task(self._tick())
                group.create_task(self._watch_latch())
        except asyncio.CancelledError:
            if self.gateway.is_whole:
                self._keep()
            raise
        finally:
            self._memory.close()

    def _hear(self, news: News, at_ms: int) -> None:
        if isinstance(news, LeverageNews):
            self._leverages.heard(news)
        self._do(self.custody.heard(news, at_ms))

    def _overhear(self, effect: Effect, at_ms: int) -> None:
        if isinstance(effect, Alert):
            self.tell(effect)
        self._do(self.custody.overheard(effect, at_ms))

    def _do(self, deeds: list[Deed]) -> None:
        """Write entries down before the books hold them; then do what is left, and what follows: all in one turn."""
        with self.gateway.turn():
            posts = [deed.entry for deed in deeds if isinstance(deed, Post)]
            if posts:
                self.gateway.write(self._memory.note(posts), "posted", posts)
                deeds = deeds + self.custody.posted(posts, self._clock())
            for deed in deeds:
                self._do_one(deed)
            self._show_fence()
        self._due.set()

    def _do_one(self, deed: Deed) -> None:
        engine = self.gateway.engine
        if isinstance(deed, Want):
            self.gateway.take(partial(engine.want, deed.intent))
        elif isinstance(deed, Unwant):
            self.gateway.take(partial(engine.cancel, deed.client_id, deed.reason))
        elif isinstance(deed, Ask):
            self.gateway.take(partial(engine.ask, deed.call, deed.lane, TAG))
        elif isinstance(deed, Halt):
            self._halt(deed.reason)
        elif isinstance(deed, Alert):
            self.tell(deed)

    def _halt(self, reason: str) -> None:
        """Close the latch once, and take back what could open; a disk that refuses stops nothing."""
        state = self._latch.state()
        if not state.closed:
            with suppress(Retryable):
                self._latch.close(state.epoch + 1, reason, "account", self._clock())
        self._see_latch()
        self._show_fence()
        self.gateway.take(partial(self.gateway.engine.cancel_entries, reason))

    def _show_fence(self) -> None:
        closed = self.custody.why_closed(self._clock())
        shown = replace(self._fence, closed=closed or "", emergency=self._fence.emergency or self._is_latched)
        if shown != self.gateway.engine.fence:
            self.gateway.take(partial(self.gateway.engine.fenced, shown))

    def _see_latch(self) -> None:
        """Take in how the latch stands; one that cannot be read is closed."""
        found = self._latch.state()
        if found.closed and not self._is_latched:
            detail = f"epoch {found.epoch}, by {found.by}: {found.reason}"
            self.tell(Alert(Severity.CRITICAL, "entries are shut out by the latch", detail, self._clock()))
        self._is_latched = found.closed

    async def _watch_latch(self) -> None:
        while True:
            self._see_latch()
            self._show_fence()
            await asyncio.sleep(LATCH_MS / 1_000)

    async def _tick(self) -> None:
        while True:
            self._due.clear()
            await happened(self._due, max(self.custody.next_ms - self._clock(), 0))
            if self._clock() >= self.custody.next_ms:
                self._do(self.custody.ticked(self._clock()))
            if self._memory.is_due:
                self._keep()
                self._do(self.custody.review(self._clock()))

    def _keep(self) -> None:
        """Take a snapshot; a disk that refuses it costs the next start some time and nothing else."""
        try:
            self._memory.keep(self.custody.books, self.custody.proven)
        except OSError as error:
            reason = error.strerror or str(error)
            self.tell(Alert(Severity.WARNING, "no snapshot could be taken", reason, self._clock()))


def windowed(rules: Rules, session: VenueSession) -> Rules:
    """Return the rules with the window that requests are signed with: no absence is believed before it has passed."""
    return replace(rules, receive_window_ms=session.receive_window_ms) if isinstance(session, Windowed) else rules


def announced(rules: Rules, listed: RulesView) -> Rules:
    """Return the rules with what the venue says that it lets one account ask."""
    allowance = replace(
        rules.allowance,
        weight_minute=listed.weight_minute,
        orders_ten_seconds=listed.orders_ten_seconds,
        orders_minute=listed.orders_minute,
    )
    return replace(rules, allowance=allowance)
