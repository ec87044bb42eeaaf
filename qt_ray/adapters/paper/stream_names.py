"""Stream names: what can be listened to, how often it speaks, and on which of the venue's three roads.

A name on the wrong road is accepted and stays silent, as at the real venue, so a client's mistake shows here.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from qt_ray.market.intervals import INTERVALS_MS

# The venue also has bars that do not divide a day.
CANDLES_MS: dict[str, int] = {**INTERVALS_MS, "3d": 259_200_000, "1w": 604_800_000, "1M": 2_592_000_000}


class Road(StrEnum):
    """Where a socket was opened; `ANY` is the form without a road, on which everything flows."""

    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"
    ANY = ""


class Kind(StrEnum):
    """What a stream tells."""

    BOOK_TICKER = "bookTicker"
    DEPTH = "depth"
    LEVELS = "levels"
    TRADE = "trade"
    AGGREGATE = "aggTrade"
    MARK = "markPrice"
    KLINE = "kline"
    MINI = "miniTicker"
    TICKER = "ticker"
    LIQUIDATION = "forceOrder"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: its kind, its symbol (none: of all), how often it speaks at most, and its one argument."""

    name: str
    kind: Kind
    symbol: str | None
    every_ms: int = 0
    argument: str = ""
    is_array: bool = False
    is_continuous: bool = False


PUBLIC = frozenset({Kind.BOOK_TICKER, Kind.DEPTH, Kind.LEVELS, Kind.TRADE})
PLAIN = {
    "bookTicker": (Kind.BOOK_TICKER, 0),
    "trade": (Kind.TRADE, 0),
    "aggTrade": (Kind.AGGREGATE, 0),
    "markPrice": (Kind.MARK, 3_000),
    "markPrice@1s": (Kind.MARK, 1_000),
    "miniTicker": (Kind.MINI, 500),
    "ticker": (Kind.TICKER, 500),
    "forceOrder": (Kind.LIQUIDATION, 0),
}
ARRAYS = {
    "!bookTicker": (Kind.BOOK_TICKER, 0, False),
    "!markPrice@arr": (Kind.MARK, 3_000, True),
    "!markPrice@arr@1s": (Kind.MARK, 1_000, True),
    "!miniTicker@arr": (Kind.MINI, 1_000, True),
    "!ticker@arr": (Kind.TICKER, 1_000, True),
    "!forceOrder@arr": (Kind.LIQUIDATION, 0, False),
}
KLINE_EVERY_MS, DEPTH_EVERY_MS = 250, 250
KLINE = re.compile(r"kline_(\w+)")
CONTINUOUS = re.compile(r"continuousKline_(\w+)")
PERPETUAL = "_PERPETUAL"
DEPTH = re.compile(r"depth(5|10|20)?(?:@(0|100|250|500)ms)?")


def stream_of(name: str) -> Stream | None:
    """Return the stream of a name, or None when the venue has none of that name."""
    if (array := ARRAYS.get(name)) is not None:
        return Stream(name, array[0], None, array[1], is_array=array[2])
    symbol, _, what = name.partition("@")
    if not symbol or symbol != symbol.lower():
        return None
    symbol = symbol.upper()
    if (plain := PLAIN.get(what)) is not None:
        return Stream(name, plain[0], symbol, plain[1])
    if (kline := KLINE.fullmatch(what)) and kline[1] in CANDLES_MS:
        return Stream(name, Kind.KLINE, symbol, KLINE_EVERY_MS, kline[1])
    if (kline := CONTINUOUS.fullmatch(what)) and kline[1] in CANDLES_MS and symbol.endswith(PERPETUAL):
        pair = symbol.removesuffix(PERPETUAL)
        return Stream(name, Kind.KLINE, pair, KLINE_EVERY_MS, kline[1], is_continuous=True)
    if depth := DEPTH.fullmatch(what):
        kind = Kind.LEVELS if depth[1] else Kind.DEPTH
        return Stream(name, kind, symbol, int(depth[2] or DEPTH_EVERY_MS), depth[1] or "")
    return None


def flows(kind: Kind, road: Road) -> bool:
    """Return whether a kind of stream is heard on a road."""
    if road is Road.ANY:
        return True
    if kind is Kind.USER:
        return road is Road.PRIVATE
    return road is (Road.PUBLIC if kind in PUBLIC else Road.MARKET)
