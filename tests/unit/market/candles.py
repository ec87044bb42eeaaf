"""Candles and marks of a made-up market, for whoever gathers them."""

from decimal import Decimal

from qt_ray.market.ticks import Candle, MarkTick

MINUTE_MS = 60_000
START_MS = 1_704_067_200_000
NAMES = ("AUSDT", "BUSDT", "CUSDT")


def opened(number: int) -> int:
    return START_MS + number * MINUTE_MS


def closed(number: int) -> int:
    return opened(number + 1)


def candle(symbol: str, number: int, close: float | None = None, *, over: bool = True, interval: str = "1m") -> Candle:
    price = Decimal(str(100.0 + number % 7 / 10 if close is None else close))
    prices = price, price + 1, price - 1, price
    return Candle(symbol, interval, opened(number), *prices, Decimal(10 + number % 5), over)


def mark(symbol: str, price: float, rate: str, settles_ms: int, time_ms: int = START_MS) -> MarkTick:
    value = Decimal(str(price))
    return MarkTick(symbol, value, value, Decimal(rate), settles_ms, time_ms)
