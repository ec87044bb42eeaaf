"""Source: where the venue's outside market comes from: recorded bars, or a made-up world under a seed.

The first bars are what has been before the venue opened, so that a client finds a history to begin with; the rest is
what will come.
"""

from collections.abc import Mapping
from decimal import Decimal

from qt_ray.adapters.paper.board import Candle, Row
from qt_ray.execution.exchange.listing import Listing
from qt_ray.market.bars import Bars
from qt_ray.market.listing import first_price
from qt_ray.market.synthetic import SyntheticMarket

MINUTE_MS = 60_000
HISTORY_MAX, FUTURE_MAX = 1_500, 2_880
CELLS_MAX = 30_000
TAKER_SHARE = Decimal("0.5")
FIRST_PRICES = {
    "BTCUSDT": 76_900.0,
    "ETHUSDT": 2_900.0,
    "SOLUSDT": 140.0,
    "BNBUSDT": 900.0,
    "XRPUSDT": 2.2,
    "DOGEUSDT": 0.15,
}


def made_up(listings: Mapping[str, Listing], seed: int) -> Bars:
    """Return bars of a minute of a world that nobody has seen, enough for a history and two days."""
    symbols = tuple(listings)
    prices = tuple(FIRST_PRICES.get(symbol) or _first_price(listing, seed) for symbol, listing in listings.items())
    count = history_length(len(symbols)) + max(2, min(FUTURE_MAX, 10 * CELLS_MAX // len(symbols)))
    return SyntheticMarket(symbols, MINUTE_MS, seed, prices=prices).bars(count)


def _first_price(listing: Listing, seed: int) -> float:
    """Return a price that the symbol's ticks can express well."""
    return max(first_price(listing.symbol, seed), float(listing.tick) * 10_000)


def history_length(symbols: int) -> int:
    """Return how many bars of each symbol have been before the venue opens; fewer where there are many symbols."""
    return min(HISTORY_MAX, CELLS_MAX // symbols)


def parted(bars: Bars) -> tuple[Bars, Bars]:
    """Return the bars that have been and those that will come; short recordings are all to come."""
    cut = history_length(len(bars.symbols))
    if bars.interval_ms != MINUTE_MS or len(bars) < 2 * cut:
        return bars.window(0, 0), bars
    return bars.window(0, cut), bars.window(cut, len(bars))


def fill(row: Row, listing: Listing, bars: Bars, start_ms: int) -> None:
    """Write a symbol's history on its row of the board, ending with the minute before the venue opens."""
    at = bars.symbols.index(listing.symbol)
    opened_ms = start_ms - start_ms % MINUTE_MS - len(bars) * MINUTE_MS
    for step in range(len(bars)):
        columns = (bars.open, bars.high, bars.low, bars.close)
        opened, high, low, close = (_on(listing.tick, float(column[step, at])) for column in columns)
        candle = Candle(opened_ms + step * MINUTE_MS, opened, high, low, close)
        candle.volume = _on(listing.step, float(bars.volume[step, at]))
        candle.quote = candle.volume * candle.close
        candle.bought, candle.bought_quote = candle.volume * TAKER_SHARE, candle.quote * TAKER_SHARE
        row.minutes.append(candle)


def _on(step: Decimal, value: float) -> Decimal:
    """Return a whole number of ticks or steps, at least one; a missing value is one."""
    return step * max(1, round(value / float(step))) if value == value else step
