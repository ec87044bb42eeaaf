"""Exchange: what the paper exchange's own mind costs per call, everything that must be told included.

A venue that answers two thousand signed orders a second on one core leaves about 120 us for each. Rows are calls in
a second of one account that holds twenty symbols, because margin is reckoned over all of them with each order.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from benchmarks.form import Row, at_least, main, median_of
from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Level, Listing, Quote, listing_of
from qt_ray.execution.exchange.values import NewOrder
from qt_ray.market.listing import contract

START_MS = 1_700_000_000_000
SYMBOLS = tuple(f"S{at}USDT" for at in range(20))
ACCOUNT = "ours"
CALLS_MIN = 2_000.0
QUOTES_MIN = 2_000.0
DEPTH = 10


def quoted(listing: Listing) -> Quote:
    """Return a deep market around 100."""
    hundred, much = Decimal(100), Decimal(1_000_000)
    bids, asks = (
        tuple(Level(hundred + away * step * listing.tick, much) for step in range(1, DEPTH + 1)) for away in (-1, 1)
    )
    return Quote(listing.symbol, bids, asks, hundred, hundred, hundred, Decimal(0), START_MS)


def opened() -> Exchange:
    """Return an exchange at which one account holds a little of every symbol."""
    listings = [listing_of(contract(symbol, 100.0)) for symbol in SYMBOLS]
    exchange = Exchange(listings, START_MS)
    exchange.open_account(ACCOUNT, {"USDT": Decimal(10_000_000)})
    for listing in listings:
        exchange.quote(quoted(listing), START_MS)
        exchange.place(ACCOUNT, wanted(listing.symbol, Side.BUY), START_MS)
    exchange.drain()
    return exchange


def wanted(symbol: str, side: Side, price: Decimal | None = None) -> NewOrder:
    """Return an order, at the market without a price."""
    return NewOrder(symbol, side, OrderType.LIMIT if price else OrderType.MARKET, Decimal(1), price)


def rest_and_cancel(exchange: Exchange, at: int) -> None:
    """Place an order that rests and take it back: two calls."""
    price = Decimal(96) + Decimal(at % 300) / 100
    order = exchange.place(ACCOUNT, wanted(SYMBOLS[0], Side.BUY, price), START_MS)
    exchange.cancel(ACCOUNT, SYMBOLS[0], START_MS, order_id=order.id)
    exchange.drain()


def fill(exchange: Exchange, at: int) -> None:
    """Place an order that trades at once."""
    exchange.place(ACCOUNT, wanted(SYMBOLS[0], Side.SELL if at % 2 else Side.BUY), START_MS)
    exchange.drain()


def move(exchange: Exchange, at: int) -> None:
    """Let the outside market of a symbol that is held move."""
    quote = exchange.last_quote(SYMBOLS[at % len(SYMBOLS)])
    if quote is not None:
        exchange.quote(quote, START_MS)
    exchange.drain()


def repeat(step: Callable[[Exchange, int], None], exchange: Exchange, count: int) -> None:
    """Do a step so many times."""
    for at in range(count):
        step(exchange, at)


def measure(quick: bool) -> list[Row]:
    """Time the three things that an exchange does all day."""
    count, runs = (100, 1) if quick else (2_000, 5)
    exchange = opened()
    rests, fills, moves = (
        median_of(partial(repeat, step, exchange, count), runs) for step in (rest_and_cancel, fill, move)
    )
    return [
        at_least("a limit order rests or is cancelled", "calls/s", rests.rate(2 * count), CALLS_MIN),
        at_least("a market order fills", "calls/s", fills.rate(count), CALLS_MIN),
        at_least("a symbol that is held is quoted", "quotes/s", moves.rate(count), QUOTES_MIN),
    ]


if __name__ == "__main__":
    main(measure)
