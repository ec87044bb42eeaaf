"""Workplace: an account at work with all it needs: its session, its sight of the market, and its tidings.

The account is set as the fund needs it before anything else, and what could not be set is a reason not to begin; a
leverage that the venue would not have shuts its symbol, because books and stops are kept all the same. What an order
expired without is not tried again from here: whoever decides asks anew, or does not. A closed latch keeps nobody from
keeping books and stops; it keeps out entries, as long as it is closed.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from qt_ray.adapters.binance.assembly import open_session
from qt_ray.adapters.binance.ban import Ban
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.binance.modes import Difference, Mode, ensure_mode
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.adapters.trading.annals import Annals
from qt_ray.adapters.trading.market_loop import MarketLoop
from qt_ray.adapters.trading.places import Places
from qt_ray.adapters.trading.start import begun
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Order, Rejected
from qt_ray.core.payloads import OrderChanged
from qt_ray.engine.errands import Errands
from qt_ray.execution.freshness import Freshness, Part
from qt_ray.execution.gateway.book import Tracked
from qt_ray.execution.gateway.effects import Declined, Effect, Tell
from qt_ray.execution.gateway.fence import Gate
from qt_ray.execution.gateway.rules import Rules
from qt_ray.execution.venue.calls import worded
from qt_ray.execution.venue.session import Metered, VenueSession

WATCHED: Final = frozenset({Stream.BEST, Stream.MARK})
PARTS: Final = (Part.BEST, Part.MARK)
KINDS_MAX: Final = 100
NOTHING_TO_CLOSE: Final = "-2022"
LEVERAGE: Final = "leverage"


@dataclass
class Workplace:
    """The account, its session, its tidings, the limits that count, and its sight of the market.

    `declined` counts each rule of ours that said no, `rejected` the orders that left and that the venue would not have.
    Each of `gates` is asked before an entry is sent.
    """

    account: AccountLoop
    session: VenueSession
    tidings: Annals
    limits: Limits
    market: MarketLoop | None = None
    gates: list[Gate] = field(default_factory=list)
    declined: Counter[str] = field(default_factory=Counter)
    rejected: int = 0

    def __post_init__(self) -> None:
        self.account.gateway.join(self._overhear)

    def carry(self, errands: Errands) -> None:
        """Carry errands out in one turn; what was asked for already is not done twice."""
        loop = self.account.gateway
        with loop.turn():
            for client_id, reason in errands.end.items():
                loop.take(partial(loop.engine.cancel, client_id, reason))
            for symbol, plan in errands.stops.items():
                self.account.plan(symbol, plan)
            if errands.place:
                loop.take(partial(loop.engine.want_all, errands.place))

    def govern(self, limits: Limits) -> bool:
        """Let other limits count from now on, or return False: of another leverage the venue must be told first."""
        if limits.leverage_default != self.limits.leverage_default:
            return False
        if limits != self.limits:
            self.limits = limits
            self.account.govern(limits)
            if self.market is not None:
                self.market.freshness.govern(limits)
        return True

    def why_shut(self, at_ms: int) -> str | None:
        """Return why no entry of any symbol would be sent, as far as its gates go, or nothing while one might be."""
        return shut_for_all(self.gates, self.market.freshness.symbols if self.market is not None else (), at_ms)

    def has_entries(self) -> bool:
        """Return whether an order of ours may still open something."""
        return any(not tracked.intent.reduce_only for tracked in self.account.gateway.engine.book.open())

    def facts(self) -> dict[str, Any]:
        """Return plain facts for whoever asks how it goes."""
        engine = self.account.gateway.engine
        usage = self.session.usage() if isinstance(self.session, Metered) else None
        return {
            "orders_open": sum(1 for _ in engine.book.open()),
            "orders_known": len(engine.book.orders),
            "entries_in_flight": self.account.entries_in_flight(),
            "weight_minute": usage and usage.weight_minute,
            "positions": len(self.account.custody.books.positions),
            "alerts": self.account.alerts_count,
            "last_tiding": self.tidings.read(),
            "declined": dict(self.declined),
            "rejected": self.rejected,
        }

    def _overhear(self, effect: Effect, at_ms: int) -> None:
        """Let a no be an end that is told like any other, in the turn in which it was said."""
        if isinstance(effect, Declined):
            rule = effect.reason.partition(",")[0]
            self.declined[rule if rule in self.declined or len(self.declined) < KINDS_MAX else "others"] += 1
            loop = self.account.gateway
            loop.take(partial(loop.engine.refuse, effect.intent, effect.reason))
        elif isinstance(effect, Tell) and isinstance(effect.payload, OrderChanged):
            order = effect.payload.order
            self.rejected += went_wrong(order, self.account.gateway.engine.book.orders.get(order.intent.client_id))


def went_wrong(order: Order, tracked: Tracked | None) -> bool:
    """Return whether the venue would not have an order that had left; a close that came too late is no error."""
    if not isinstance(order, Rejected) or tracked is None or tracked.sent_ms is None:
        return False
    return not (order.intent.reduce_only and order.reason.startswith(NOTHING_TO_CLOSE))


async def workplace_of(
    settings: Settings, places: Places, limits: Limits, ring: Callable[[], None], ban: Ban | None = None
) -> Workplace:
    """Return the account of these settings, about to work; Invalid or Retryable if it may or can not.

    Who tries again brings the `ban` of the last time, so that nobody knocks at a door that is shut.
    """
    session = await open_session(settings.exchange, settings.credentials, ban=ban)
    try:
        unset = await _set(session, settings, limits)
        symbols = settings.market.symbols
        freshness = Freshness(symbols, PARTS, limits, now_ms())
        gates: list[Gate] = [lambda symbol, at_ms: unset.get(symbol), freshness.why_not]
        tidings = Annals(settings.fund.quote, places.journal, ring)
        account = await begun(
            session,
            settings,
            Rules(limits=limits, retry_ms=()),
            Keeping(),
            places=places,
            prices=partial(_asked, gates),
            follower=tidings,
            but=("latch",),
        )
    except (Invalid, Retryable):
        await session.close()
        raise
    market = MarketLoop(account, session.market(Wanted(symbols, WATCHED)), freshness)
    return Workplace(account, session, tidings, limits, market, gates)


def _asked(gates: list[Gate], symbol: str, at_ms: int) -> str | None:
    """Return the first reason why no entry of a symbol may be sent, or nothing."""
    return next((why for gate in gates if (why := gate(symbol, at_ms)) is not None), None)


def shut_for_all(gates: list[Gate], symbols: Iterable[str], at_ms: int) -> str | None:
    """Return why the first symbol is shut if all of them are, or nothing."""
    reasons = [_asked(gates, symbol, at_ms) for symbol in symbols]
    return reasons[0] if reasons and all(reasons) else None


async def _set(session: BinanceSession, settings: Settings, limits: Limits) -> dict[str, str]:
    """Set the account as the fund needs it, and return why entries of a symbol are shut out.

    What a person alone can change is theirs to change.
    """
    found = await ensure_mode(session, Mode(dict.fromkeys(settings.market.symbols, limits.leverage_default)))
    if not isinstance(found, list):
        raise Retryable(f"start: the account shows how it is set, was {worded(found)}")
    unset, left = split([one for one in found if not one.mended])
    if left:
        raise Invalid(f"start: an account is set as the fund needs it, {'; '.join(map(_said, left))}")
    return {symbol: f"no entry in {symbol}, {_said(one)}" for symbol, one in unset.items()}


def split(differences: Iterable[Difference]) -> tuple[dict[str, Difference], list[Difference]]:
    """Return the leverages that differ, by symbol, and all other settings that do."""
    of_symbols, others = dict[str, Difference](), list[Difference]()
    for one in differences:
        symbol, _, setting = one.setting.partition(" ")
        if setting == LEVERAGE:
            of_symbols[symbol] = one
        else:
            others.append(one)
    return of_symbols, others


def _said(one: Difference) -> str:
    return f"{one.setting} {one.wanted}, was {one.found}: {one.reason}"
