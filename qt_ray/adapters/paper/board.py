"""Board: what everybody may see of the market: quotes, trades, bars and the day's figures, each in bounded memory.

Bars of a minute are kept; longer ones are put together when asked for, so a thousand symbols cost a thousand bars a
minute whatever is looked at.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.execution.exchange.listing import Quote
from qt_ray.execution.exchange.told import LiquidationTold, TradeTold
from qt_ray.execution.exchange.values import ZERO

MINUTE_MS, DAY_MS = 60_000, 86_400_000
MINUTES_MAX = 3_000
TRADES_MAX = 1_000
FUNDINGS_MAX = 1_000
WEEK_MS, MONDAY_MS = 604_800_000, 345_600_000


@dataclass(slots=True)
class Candle:
    """A bar: prices, volumes, and the numbers of its first and last trade."""

    opened_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote: Decimal = ZERO
    count: int = 0
    bought: Decimal = ZERO
    bought_quote: Decimal = ZERO
    first_id: int = -1
    last_id: int = -1

    def take(self, trade: TradeTold) -> None:
        """Add a trade."""
        value = trade.price * trade.quantity
        self.high, self.low, self.close = max(self.high, trade.price), min(self.low, trade.price), trade.price
        self.volume += trade.quantity
        self.quote += value
        self.count += 1
        if not trade.buyer_is_maker:
            self.bought += trade.quantity
            self.bought_quote += value
        self.first_id = trade.id if self.first_id < 0 else self.first_id
        self.last_id = trade.id

    def absorb(self, other: "Candle") -> None:
        """Add a later bar."""
        self.high, self.low, self.close = max(self.high, other.high), min(self.low, other.low), other.close
        self.volume += other.volume
        self.quote += other.quote
        self.count += other.count
        self.bought += other.bought
        self.bought_quote += other.bought_quote
        self.first_id = other.first_id if self.first_id < 0 else self.first_id
        self.last_id = max(self.last_id, other.last_id)

    def copy(self, opened_ms: int) -> "Candle":
        """Return it as the beginning of a longer bar."""
        found = Candle(opened_ms, self.open, self.high, self.low, self.close)
        found.volume, found.quote, found.count = self.volume, self.quote, self.count
        found.bought, found.bought_quote = self.bought, self.bought_quote
        found.first_id, found.last_id = self.first_id, self.last_id
        return found


@dataclass(frozen=True, slots=True)
class Funding:
    """A rate as it was paid."""

    rate: Decimal
    mark: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True)
class Printed:
    """A trade as everybody sees it; the numbers of a symbol's aggregates have no gaps."""

    number: int
    trade: TradeTold


@dataclass(slots=True)
class Row:
    """One symbol on the board."""

    symbol: str
    quote: Quote | None = None
    trades: deque[Printed] = field(default_factory=lambda: deque(maxlen=TRADES_MAX))
    minutes: deque[Candle] = field(default_factory=lambda: deque(maxlen=MINUTES_MAX))
    fundings: deque[Funding] = field(default_factory=lambda: deque(maxlen=FUNDINGS_MAX))
    printed: int = 0
    _ended: Candle | None = None
    _ended_at: int = -1

    def take(self, trade: TradeTold) -> "Printed":
        """Add a trade to the list and to its minute; return it with its number."""
        self.printed += 1
        printed = Printed(self.printed, trade)
        self.trades.append(printed)
        opened = trade.time_ms - trade.time_ms % MINUTE_MS
        if not self.minutes or self.minutes[-1].opened_ms < opened:
            self.minutes.append(Candle(opened, trade.price, trade.price, trade.price, trade.price))
        self.minutes[-1].take(trade)
        return printed

    def roll(self, opened_ms: int) -> None:
        """Open the bar of a minute in which nothing has traded yet, at the last price."""
        if self.minutes and self.minutes[-1].opened_ms < opened_ms:
            last = self.minutes[-1].close
            self.minutes.append(Candle(opened_ms, last, last, last, last))

    def pay(self, time_ms: int) -> None:
        """Remember the funding rate of a moment."""
        if self.quote is not None:
            self.fundings.append(Funding(self.quote.funding_rate, self.quote.mark, time_ms))

    def day(self, now_ms: int) -> Candle | None:
        """Return the last 24 hours as one bar; the minutes that have ended are put together once a minute."""
        if not self.minutes:
            return None
        newest = self.minutes[-1]
        if self._ended_at != newest.opened_ms:
            earliest = now_ms - DAY_MS
            ended = (bar for bar in self.minutes if bar is not newest and bar.opened_ms > earliest)
            self._ended, self._ended_at = joined(ended), newest.opened_ms
        return joined(bar for bar in (self._ended, newest) if bar is not None)

    def current(self, interval_ms: int) -> Candle | None:
        """Return the bar that has not ended."""
        if not self.minutes:
            return None
        opened = opening(self.minutes[-1].opened_ms, interval_ms)
        found = []
        for minute in reversed(self.minutes):
            if minute.opened_ms < opened:
                break
            found.append(minute)
        return joined(reversed(found), opened)

    def bars(self, interval_ms: int, since_ms: int | None, until_ms: int | None, limit: int) -> list[Candle]:
        """Return bars that open between two moments: the first ones from `since_ms`, else the last ones."""
        wanted = (
            bar
            for bar in coarse(self.minutes, interval_ms)
            if (since_ms is None or bar.opened_ms >= since_ms) and (until_ms is None or bar.opened_ms <= until_ms)
        )
        found = list(wanted)
        return found[-limit:] if since_ms is None else found[:limit]


def opening(time_ms: int, interval_ms: int) -> int:
    """Return when the bar of a moment opens; weeks open on Mondays."""
    shift = MONDAY_MS if interval_ms == WEEK_MS else 0
    return time_ms - (time_ms - shift) % interval_ms


def joined(bars: Iterable[Candle], opened_ms: int | None = None) -> Candle | None:
    """Return consecutive bars as one."""
    whole: Candle | None = None
    for bar in bars:
        if whole is None:
            whole = bar.copy(bar.opened_ms if opened_ms is None else opened_ms)
        else:
            whole.absorb(bar)
    return whole


def coarse(minutes: Iterable[Candle], interval_ms: int) -> Iterator[Candle]:
    """Yield bars of a longer interval."""
    whole: Candle | None = None
    for minute in minutes:
        opened = opening(minute.opened_ms, interval_ms)
        if whole is not None and whole.opened_ms == opened:
            whole.absorb(minute)
            continue
        if whole is not None:
            yield whole
        whole = minute.copy(opened)
    if whole is not None:
        yield whole


class Board:
    """All symbols, and the latest liquidations."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self.rows = {symbol: Row(symbol) for symbol in symbols}
        self.liquidations: deque[LiquidationTold] = deque(maxlen=TRADES_MAX)
        self._minute = -1

    def show(self, quote: Quote) -> None:
        """Show a new quote."""
        self.rows[quote.symbol].quote = quote

    def take(self, trade: TradeTold) -> Printed:
        """Show a trade; return it with its number."""
        return self.rows[trade.symbol].take(trade)

    def quote(self, symbol: str) -> Quote | None:
        """Return the latest quote."""
        return self.rows[symbol].quote

    def roll(self, now_ms: int) -> None:
        """Begin a minute for everybody when it has come."""
        if now_ms // MINUTE_MS != self._minute:
            self._minute = now_ms // MINUTE_MS
            for row in self.rows.values():
                row.roll(self._minute * MINUTE_MS)
