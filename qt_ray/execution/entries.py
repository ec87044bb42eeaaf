"""Entries: what the books are made of, each with the name the venue gave it.

A trade is known by its symbol, its number and its side, because an account that trades with itself has one number
twice. A movement of the wallet is known by its kind and its number. Commission and profit of trades come with the
trades, so the same amounts among the movements are left out.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from qt_ray.core.orders import Execution, Side
from qt_ray.execution.venue.news import OrderNews
from qt_ray.execution.venue.views import IncomeView, PositionSide, TradeView


class Cause(StrEnum):
    """Why a wallet changed."""

    REALISED = "realised"
    FEES = "fees"
    FUNDING = "funding"
    TRANSFERS = "transfers"
    INSURANCE = "insurance"
    OTHER = "other"


WITH_TRADES: Final = frozenset({"REALIZED_PNL", "COMMISSION"})

CAUSES: Final = {
    "FUNDING_FEE": Cause.FUNDING,
    "INSURANCE_CLEAR": Cause.INSURANCE,
    "TRANSFER": Cause.TRANSFERS,
    "INTERNAL_TRANSFER": Cause.TRANSFERS,
    "STRATEGY_UMFUTURES_TRANSFER": Cause.TRANSFERS,
    "CROSS_COLLATERAL_TRANSFER": Cause.TRANSFERS,
    "COIN_SWAP_DEPOSIT": Cause.TRANSFERS,
    "COIN_SWAP_WITHDRAW": Cause.TRANSFERS,
    "WELCOME_BONUS": Cause.TRANSFERS,
}


@dataclass(frozen=True, slots=True)
class Carried:
    """A position that was there before the books were opened."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    entry: Decimal


@dataclass(frozen=True, slots=True)
class Opening:
    """The first entry: wallets and positions as the venue had them, and the last trade of each symbol before."""

    kind: ClassVar[str] = "opening"
    at_ms: int
    wallets: dict[str, Decimal]
    positions: tuple[Carried, ...] = ()
    cursors: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traded:
    """One trade; `foreign` when an order that is not ours made it."""

    kind: ClassVar[str] = "traded"
    symbol: str
    position_side: PositionSide
    side: Side
    order_id: str
    execution: Execution
    realised: Decimal
    foreign: bool = False

    @property
    def key(self) -> str:
        """Return the name by which the venue knows it."""
        return trade_key(self.symbol, self.execution.trade_id, self.side)

    @property
    def content(self) -> "Traded":
        """Return all that the venue said of it; whose order it was we find out ourselves."""
        return replace(self, foreign=False)


@dataclass(frozen=True, slots=True)
class Moved:
    """One movement of a wallet that no trade made; `word` is the venue's."""

    kind: ClassVar[str] = "moved"
    id: int
    cause: Cause
    word: str
    asset: str
    amount: Decimal
    symbol: str
    time_ms: int

    @property
    def key(self) -> str:
        """Return the name by which the venue knows it."""
        return f"{self.word}:{self.id}:{self.asset}:{self.symbol}"

    @property
    def content(self) -> "Moved":
        """Return all that the venue said of it."""
        return self


Entry = Opening | Traded | Moved


def trade_key(symbol: str, trade_id: int, side: Side) -> str:
    """Return the name of a trade."""
    return f"{symbol}:{trade_id}:{side}"


def traded_of(view: TradeView, foreign: bool) -> Traded:
    """Return a trade that the venue showed as an entry."""
    return Traded(view.symbol, view.position_side, view.side, view.order_id, view.execution, view.realised, foreign)


def traded_in(news: OrderNews, foreign: bool) -> Traded | None:
    """Return the trade that news of an order tells of, or nothing if it tells of something else."""
    if news.execution is None:
        return None
    return Traded(news.symbol, news.position_side, news.side, news.venue_id, news.execution, news.realised, foreign)


def moved_of(view: IncomeView) -> Moved | None:
    """Return a movement that the venue showed as an entry, or nothing if its trade says it already."""
    if view.kind in WITH_TRADES:
        return None
    cause = CAUSES.get(view.kind, Cause.OTHER)
    return Moved(view.id, cause, view.kind, view.asset, view.amount, view.symbol, view.time_ms)
