"""Reports: what a client may ask about what it holds and what was, as copies.

History is given oldest first and at most a page at a time, from a number or within times, like the wire does it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Protocol, TypeVar

from qt_ray.execution.exchange.account import Account, Line
from qt_ray.execution.exchange.floor import Floor
from qt_ray.execution.exchange.liquidation import adl_quantile
from qt_ray.execution.exchange.listing import Level
from qt_ray.execution.exchange.margin import exposure, liquidation_price, maintenance, notional_max
from qt_ray.execution.exchange.values import ZERO, Algo, Held, Income, Order, Trade
from qt_ray.execution.venue.views import PositionSide

PAGE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class PositionFigures:
    """A position with all that is reckoned from it."""

    held: Held
    leverage: int
    notional: Decimal
    notional_max: Decimal
    initial: Decimal
    order_initial: Decimal
    maintenance: Decimal
    liquidation: Decimal
    bids: Decimal
    asks: Decimal
    adl_quantile: int


@dataclass(frozen=True, slots=True)
class Depth:
    """Both sides merged, best first, with the number of the last change they contain."""

    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a history is asked for; a number goes before times, and without a start the newest count."""

    from_id: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int = 500


class Numbered(Protocol):
    """Something with a number."""

    @property
    def id(self) -> int:
        """Return the number."""


class Listed(Protocol):
    """Something of a symbol."""

    @property
    def symbol(self) -> str:
        """Return the symbol."""


N = TypeVar("N", bound=Numbered)
L = TypeVar("L", bound=Listed)


def position_figures(floor: Floor, account: Account, line: Line, side: PositionSide) -> PositionFigures:
    """Return what is reckoned from one position."""
    held = line.held[side]
    notional = held.quantity * line.mark
    # Hedged, buys open the long side and sells the short one; what only closes is not among them.
    bids = ZERO if side is PositionSide.SHORT else line.bids
    asks = ZERO if side is PositionSide.LONG else line.asks
    waiting = bids + asks if account.hedge else exposure(line, False, bids, asks) - abs(notional)
    return PositionFigures(
        held=line.shown(side),
        leverage=line.setting.leverage,
        notional=notional,
        notional_max=notional_max(line.listing, line.setting.leverage),
        initial=abs(notional) / line.setting.leverage,
        order_initial=waiting / line.setting.leverage,
        maintenance=maintenance(line, held),
        liquidation=liquidation_price(account, line, held),
        bids=bids,
        asks=asks,
        adl_quantile=adl_quantile(floor.markets[held.symbol], line, held),
    )


def sides_of(account: Account) -> tuple[PositionSide, ...]:
    """Return the position sides that an account's mode has."""
    return (PositionSide.LONG, PositionSide.SHORT) if account.hedge else (PositionSide.BOTH,)


def orders_of(account: Account, symbol: str | None, window: Window) -> list[Order]:
    """Return orders of every state."""
    found = _of(symbol, account.orders.values())
    return [order.copy() for order in _page(found, window, lambda order: order.created_ms)]


def algos_of(account: Account, symbol: str | None, window: Window) -> list[Algo]:
    """Return conditional orders of every state."""
    found = [algo for algo in account.algos.values() if symbol in (None, algo.wanted.symbol)]
    return [algo.copy() for algo in _page(found, window, lambda algo: algo.created_ms)]


def trades_of(account: Account, symbol: str, window: Window, order_id: int | None) -> list[Trade]:
    """Return trades of a symbol, of one order if asked."""
    line = account.lines.get(symbol)
    found = [trade for trade in line.trades if order_id in (None, trade.order_id)] if line else []
    return _page(found, window, lambda trade: trade.time_ms)


def incomes_of(account: Account, symbol: str | None, kind: str | None, window: Window) -> list[Income]:
    """Return what moved the wallets."""
    found = [income for income in _of(symbol, account.incomes) if kind in (None, income.kind)]
    return _page(found, window, lambda income: income.time_ms)


def _of(symbol: str | None, found: Iterable[L]) -> list[L]:
    return [item for item in found if symbol in (None, item.symbol)]


def _page(found: list[N], window: Window, moment: Callable[[N], int]) -> list[N]:
    """Return a page of what ascends by number."""
    limit = max(min(window.limit, PAGE_MAX), 0)
    if window.from_id is not None:
        return [item for item in found if item.id >= window.from_id][:limit]
    since, until = window.since_ms, window.until_ms
    if since is not None or until is not None:
        found = [item for item in found if (since or 0) <= moment(item) and (until is None or moment(item) <= until)]
    return found[:limit] if since is not None else found[max(len(found) - limit, 0) :]


def depth_of(floor: Floor, symbol: str, levels: int) -> Depth:
    """Return the merged book of a symbol."""
    market = floor.market(symbol)
    bids, asks = (tuple(islice(half.levels(), levels)) for half in (market.book.bids, market.book.asks))
    return Depth(market.book.update_id, bids, asks, floor.now_ms)
