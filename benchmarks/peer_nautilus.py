"""Peer: the same EMA cross in NautilusTrader, run by an interpreter of its own.

Called as a script with an .npz of bars; prints one line of JSON. Imports nothing of this project, so that the
peer's environment holds the peer and nothing else. Bars, orders and account are its own; logging is off.
"""

import json
import resource
import sys
import time
from decimal import Decimal
from hashlib import sha256

import nautilus_trader
import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
MAKER, TAKER = Decimal("0.0002"), Decimal("0.0004")
DEPTH = 1_000_000_000.0  # no order exhausts it; an exhausted level would slip a tick
CASH = 10_000_000  # the peer sums balances as floats, and these it still sums exactly
MILLISECOND_NS = 1_000_000


class CrossConfig(StrategyConfig, frozen=True):
    """One symbol's cross; `last_ns` is when the last bar closes, which has no next bar to fill in."""

    bar_type: str
    quantity: str
    last_ns: int


class Cross(Strategy):
    """Long while the fast average is above the slow one, short while below, flipped in one order."""

    def __init__(self, config: CrossConfig) -> None:
        super().__init__(config)
        self.bar_type = BarType.from_str(config.bar_type)
        self.once = Quantity.from_str(config.quantity)
        self.twice = Quantity.from_str(str(Decimal(config.quantity) * 2))
        self.last_ns = config.last_ns
        self.fast, self.slow = ExponentialMovingAverage(10), ExponentialMovingAverage(30)
        self.side = 0

    def on_start(self) -> None:
        """Subscribe to the bars and let them feed both averages."""
        self.register_indicator_for_bars(self.bar_type, self.fast)
        self.register_indicator_for_bars(self.bar_type, self.slow)
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Order the change of side, if there is one."""
        if not self.slow.initialized or self.fast.value == self.slow.value:
            return
        side = 1 if self.fast.value > self.slow.value else -1
        if side == self.side or bar.ts_init >= self.last_ns:
            return
        order = self.order_factory.market(
            instrument_id=self.bar_type.instrument_id,
            order_side=OrderSide.BUY if side > 0 else OrderSide.SELL,
            quantity=self.once if self.side == 0 else self.twice,
        )
        self.side = side
        self.submit_order(order)


def places(grid: str) -> int:
    """Return the decimal places of a tick or step."""
    return max(0, -Decimal(grid).normalize().as_tuple().exponent)


def perpetual(name: str, tick: str, step: str) -> CryptoPerpetual:
    """Return a linear perpetual on the given grid."""
    price_places, size_places = places(tick), places(step)
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(name), VENUE),
        raw_symbol=Symbol(name),
        base_currency=Currency.from_str("BTC"),
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=price_places,
        size_precision=size_places,
        price_increment=Price(Decimal(tick), price_places),
        size_increment=Quantity(Decimal(step), size_places),
        ts_event=0,
        ts_init=0,
        margin_init=Decimal("0.02"),
        margin_maint=Decimal("0.01"),
        maker_fee=MAKER,
        taker_fee=TAKER,
    )


def engine_for(columns: dict[str, np.ndarray]) -> BacktestEngine:
    """Return an engine with venue, instruments, bars and one strategy per symbol."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(CASH, USDT)], base_currency=USDT)
    interval, ts = int(columns["interval_ms"]), columns["ts"]
    closes_at = pd.to_datetime(ts + interval, unit="ms", utc=True)
    for column, name in enumerate(columns["symbols"].tolist()):
        instrument = perpetual(name, str(columns["ticks"][column]), str(columns["steps"][column]))
        engine.add_instrument(instrument)
        bar_type = BarType.from_str(f"{name}.{VENUE}-{interval // 60_000}-MINUTE-LAST-EXTERNAL")
        prices = {field: columns[field][:, column] for field in ("open", "high", "low", "close")}
        frame = pd.DataFrame({**prices, "volume": DEPTH}, index=closes_at)
        engine.add_data(BarDataWrangler(bar_type, instrument).process(frame))
        last_ns = int(ts[-1] + interval) * MILLISECOND_NS
        quantity = str(columns["quantities"][column])
        config = CrossConfig(bar_type=str(bar_type), quantity=quantity, last_ns=last_ns, order_id_tag=f"{column:03d}")
        engine.add_strategy(Cross(config))
    return engine


def fill_lines(fills: list[OrderFilled]) -> list[str]:
    """Return one line per fill, as the reference writes them: symbol, moment, signed quantity, price."""
    lines = []
    for fill in fills:
        quantity = fill.last_qty.as_decimal() * (1 if fill.order_side == OrderSide.BUY else -1)
        figures = [format(value.normalize(), "f") for value in (quantity, fill.last_px.as_decimal())]
        lines.append(",".join([fill.instrument_id.symbol.value, str(fill.ts_event // MILLISECOND_NS), *figures]))
    return sorted(lines)


def told(engine: BacktestEngine, bars: int, wall: float) -> dict[str, object]:
    """Return what the run did, in the words of the comparison."""
    orders = engine.cache.orders()
    fills = [event for order in orders for event in order.events if isinstance(event, OrderFilled)]
    fees = sum((fill.commission.as_decimal() for fill in fills), Decimal(0))
    cash = engine.cache.account_for_venue(VENUE).balance_total(USDT).as_decimal() - CASH
    return {
        "version": nautilus_trader.__version__,
        "bars": bars,
        "seconds": wall,
        "bars_per_second": bars / wall,
        "orders": len(orders),
        "fills": len(fills),
        "digest": sha256("\n".join(fill_lines(fills)).encode()).hexdigest(),
        "realised": str(cash + fees),
        "fees": str(fees),
        "pnl": str(cash),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main(path: str) -> None:
    """Run the bars in `path` and print one line."""
    with np.load(path, allow_pickle=False) as stored:
        columns = {name: stored[name] for name in stored.files}
    engine = engine_for(columns)
    started = time.perf_counter()
    engine.run()
    wall = time.perf_counter() - started
    print(json.dumps(told(engine, columns["close"].size, wall)))


if __name__ == "__main__":
    main(sys.argv[1])
