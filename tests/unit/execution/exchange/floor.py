"""A small exchange to play with: one or two symbols, a market of a few levels, orders in few words."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Level, Listing, Quote, Tier
from qt_ray.execution.exchange.told import Told
from qt_ray.execution.exchange.values import NewAlgo, NewOrder

BTC, ETH = "BTCUSDT", "ETHUSDT"
START = 1_700_000_000_000
D = Decimal


def listing(symbol: str = BTC, **changes: Any) -> Listing:
    given: dict[str, Any] = {
        "symbol": symbol,
        "base": symbol.removesuffix("USDT"),
        "quote": "USDT",
        "status": "TRADING",
        "tick": D("0.1"),
        "step": D("0.001"),
        "market_step": D("0.001"),
        "quantity_min": D("0.001"),
        "quantity_max": D(1000),
        "market_quantity_max": D(100),
        "notional_min": D(5),
        "price_min": D("0.1"),
        "price_max": D(100_000),
        "price_up": D("1.5"),
        "price_down": D("0.5"),
        "orders_max": 200,
        "liquidation_rate": D("0.01"),
        "market_take_bound": D("0.2"),
        "trigger_protect": D("0.05"),
        "maker_rate": D("0.0002"),
        "taker_rate": D("0.0005"),
        "brackets": (
            Tier(1, 100, D(0), D(10_000), D("0.01"), D(0)),
            Tier(2, 20, D(10_000), D(100_000), D("0.025"), D(150)),
            Tier(3, 5, D(100_000), D(10_000_000), D("0.1"), D(7_650)),
        ),
    }
    return Listing(**{**given, **changes})


def levels(text: str) -> tuple[Level, ...]:
    """Read "2@99.9 3@99" as levels, best first."""
    pairs = (part.split("@") for part in text.split())
    return tuple(Level(D(price), D(quantity)) for quantity, price in pairs)


def market(
    bids: str = "100@99.9",
    asks: str = "100@100.1",
    symbol: str = BTC,
    last: str = "100",
    mark: str = "100",
    funding: str = "0.0001",
    at: int = START,
) -> Quote:
    return Quote(symbol, levels(bids), levels(asks), D(last), D(mark), D(mark), D(funding), at)


def around(price: str, symbol: str = BTC, **changes: Any) -> Quote:
    """Everything at one price, a tick to both sides."""
    middle = D(price)
    bids, asks = f"100@{middle - D('0.1')}", f"100@{middle + D('0.1')}"
    return market(bids, asks, symbol, **{"last": price, "mark": price, **changes})


def exchange(*accounts: str, wallet: str = "10000", listings: Iterable[Listing] = ()) -> Exchange:
    found = Exchange(tuple(listings) or (listing(), listing(ETH)), START)
    for name in accounts or ("ann",):
        found.open_account(name, {"USDT": D(wallet)})
    for symbol in found.symbols:
        found.quote(market(symbol=symbol), START)
    found.drain()
    return found


def buy(quantity: str, price: str | None = None, **changes: Any) -> NewOrder:
    return _order(Side.BUY, quantity, price, changes)


def sell(quantity: str, price: str | None = None, **changes: Any) -> NewOrder:
    return _order(Side.SELL, quantity, price, changes)


def _order(side: Side, quantity: str, price: str | None, changes: dict[str, Any]) -> NewOrder:
    kind = OrderType.MARKET if price is None and "price_match" not in changes else OrderType.LIMIT
    given = {"symbol": BTC, "side": side, "type": kind, "quantity": D(quantity), "price": D(price) if price else None}
    return NewOrder(**{**given, **changes})


def stop(side: Side, trigger: str | None, quantity: str | None = "1", **changes: Any) -> NewAlgo:
    given: dict[str, Any] = {
        "symbol": BTC,
        "side": side,
        "type": OrderType.STOP_MARKET,
        "quantity": D(quantity) if quantity else None,
        "trigger_price": D(trigger) if trigger else None,
    }
    return NewAlgo(**{**given, **changes})


def words(told: Iterable[Told]) -> list[str]:
    """Say each told in a word or two, in order."""
    return [f"{type(item).__name__} {word(item)}".strip() for item in told]


def word(item: Any) -> str:
    for name in ("happened", "reason"):
        if hasattr(item, name):
            return str(getattr(item, name))
    return str(item.algo.state) if hasattr(item, "algo") else ""
