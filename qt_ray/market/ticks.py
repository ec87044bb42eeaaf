"""Ticks: what a venue tells everybody, one value per message, exact.

A feed says when it hears nothing and what it could not get back, so that whoever decides knows what it does not know.
"""

from dataclasses import dataclass
from decimal import Decimal

Levels = tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class BestPrice:
    """The best bid and the best ask."""

    symbol: str
    update_id: int
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True)
class BookChange:
    """Levels that changed between two update ids; a quantity of zero takes a level away."""

    symbol: str
    first_id: int
    last_id: int
    previous_id: int
    bids: Levels
    asks: Levels
    time_ms: int


@dataclass(frozen=True, slots=True)
class BookTick:
    """The best levels of a book that is known to be whole, best first."""

    symbol: str
    update_id: int
    bids: Levels
    asks: Levels
    time_ms: int


@dataclass(frozen=True, slots=True)
class BookLost:
    """A symbol's book is not known until its next tick."""

    symbol: str
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """Trades of one taker at one price; ids have no holes."""

    symbol: str
    id: int
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class MarkTick:
    """A symbol's mark and index price and the funding it will pay next."""

    symbol: str
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_ms: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Candle:
    """A bar of the venue's own making; only a closed one will not change."""

    symbol: str
    interval: str
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    closed: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Trades (by id) or candles (by open time) from first to last that could not be got back."""

    symbol: str
    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class FeedUp:
    """These streams are heard from now on."""

    streams: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class FeedDown:
    """These streams are not heard any more."""

    streams: tuple[str, ...]
    reason: str
    at_ms: int


Tick = BestPrice | BookTick | BookLost | MarketTrade | MarkTick | Candle | Gap | FeedUp | FeedDown
