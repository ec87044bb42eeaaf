"""Row 41 of the fault catalogue: whatever stands in the place of a number of the wire, no number that is none gets in.

Every field of every event and answer that holds a number is spoilt in turn. What comes of it is refused by name, or it
is values that are finite, and where they are prices or amounts not below zero (V13).
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import orjson
import pytest

from qt_ray.adapters.binance.account import account_view, brackets_of, income_view, position_view, symbol_mode
from qt_ray.adapters.binance.fields import Fields
from qt_ray.adapters.binance.market_events import candle_row, tick_of, trade_of
from qt_ray.adapters.binance.orders import algo_view, order_view, trade_view
from qt_ray.adapters.binance.rules import book_view, mark_view, rules_of
from qt_ray.adapters.binance.user_events import news_of
from qt_ray.core.errors import Invalid
from qt_ray.execution.venue.news import Unreadable
from tests.unit.adapters.binance.recorded import ALGO, LIMITS, MOVED, ORDER, SYMBOL, TRADE, TRADED, TRIGGERED, lines
from tests.unit.adapters.binance.test_views import ACCOUNT, POSITION

pytestmark = pytest.mark.unit

MISSING = object()
BAD: dict[str, Any] = {
    "zero": "0",
    "negative": "-1",
    "NaN": "NaN",
    "infinity": "Infinity",
    "minus inf": "-inf",
    "1e400": "1e400",
    "1e-400": "1e-400",
    "full width": "１",
    "underscore": "1_0",
    "space": " 1",
    "a number": 5.5,
    "a huge number": 10**400,
    "null": None,
    "empty": "",
    "a list": ["1"],
    "missing": MISSING,
}
MARK = {
    "symbol": "BTCUSDT",
    "markPrice": "5",
    "indexPrice": "5",
    "lastFundingRate": "-0.1",
    "nextFundingTime": 9,
    "time": 1,
}
INCOME = {
    "symbol": "",
    "incomeType": "TRANSFER",
    "income": "-0.3",
    "asset": "USDT",
    "time": 1,
    "tranId": 9,
    "tradeId": "",
}
MODE = {"symbol": "BTCUSDT", "marginType": "CROSSED", "leverage": 20, "maxNotionalValue": "5000000"}
BRACKET = {"bracket": 1, "initialLeverage": 75, "notionalFloor": 0, "notionalCap": 10_000, "maintMarginRatio": 0.0065}
BRACKETS = [{"symbol": "BTCUSDT", "brackets": [{**BRACKET, "cum": 0.0}]}]
BOOK = {"lastUpdateId": 4, "E": 1, "T": 1, "bids": [["99", "1"]], "asks": [["101", "3"]]}
BEST = {"e": "bookTicker", "u": 4, "s": "BTCUSDT", "b": "99", "B": "1", "a": "101", "A": "2", "T": 1, "E": 2}
DEPTH = {"e": "depthUpdate", "E": 2, "T": 1, "s": "X", "U": 7, "u": 9, "pu": 6, "b": [["2", "10"]], "a": [["3", "0"]]}
AGGREGATE = {"e": "aggTrade", "E": 3, "a": 5, "s": "BTCUSDT", "p": "0.001", "q": "100", "T": 2, "m": True}
MARKED = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "5", "i": "6", "P": "5", "r": "-0.0001", "T": 9}
BAR = {"t": 60_000, "s": "X", "i": "1m", "o": "2", "c": "2.5", "h": "3", "l": "1", "v": "9", "x": True}
CANDLE = {"e": "kline", "E": 1, "s": "X", "k": BAR}
SETTING = {"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 1, "ac": {"s": "BTCUSDT", "l": 25}}

Read = Callable[[Any], object]


def view(read: Callable[[Fields], object]) -> Read:
    return lambda body: read(Fields(body, "body"))


def event(read: Callable[[bytes, int], object]) -> Read:
    return lambda body: read(orjson.dumps(body), 9)


MESSAGES: dict[str, tuple[Any, Read]] = {
    "order": (ORDER, view(order_view)),
    "algo": (ALGO, view(algo_view)),
    "trade": (TRADE, view(trade_view)),
    "account": (ACCOUNT, view(account_view)),
    "position": (POSITION, view(position_view)),
    "income": (INCOME, view(income_view)),
    "mode": (MODE, view(symbol_mode)),
    "brackets": (BRACKETS, brackets_of),
    "rules": ({"serverTime": 1, "rateLimits": LIMITS, "symbols": [SYMBOL]}, rules_of),
    "mark": (MARK, view(mark_view)),
    "book": (BOOK, view(lambda data: book_view("BTCUSDT", data))),
    "aggregate": (AGGREGATE, view(lambda data: trade_of("BTCUSDT", data))),
    "row": ([60_000, "2", "3", "1", "2.5", "9", 119_999], lambda body: candle_row("X", "1m", body)),
    "ORDER_TRADE_UPDATE": (TRADED, event(news_of)),
    "ACCOUNT_UPDATE": (MOVED, event(news_of)),
    "ALGO_UPDATE": (TRIGGERED, event(news_of)),
    "ACCOUNT_CONFIG_UPDATE": (SETTING, event(news_of)),
    "bookTicker": (BEST, event(tick_of)),
    "depthUpdate": (DEPTH, event(tick_of)),
    "aggTrade": (AGGREGATE, event(tick_of)),
    "markPriceUpdate": (MARKED, event(tick_of)),
    "kline": (CANDLE, event(tick_of)),
}
# What may be below zero: a debt, a profit, a fee or rebate, a movement, a short position, a rate of funding.
SIGNED = {"realised", "unrealised", "fee", "amount", "wallets", "changes", "quantity", "funding_rate", "margin_balance"}
SIGNED |= {"available"}
# Where a zero is a price of nothing, it is not let in.
PRICES = {"price", "mark", "index", "bid", "ask", "open", "high", "low", "close", "limit_price", "trigger_price"}


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each number, on the wire a string or a plain number."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))
    is_number = isinstance(body, int | float) and not isinstance(body, bool)
    if is_number or (isinstance(body, str) and body.lstrip("-").replace(".", "", 1).isdecimal()):
        yield path


def spoilt(body: Any, path: tuple[Any, ...], bad: Any) -> Any:
    found = deepcopy(body)
    at = found
    for key in path[:-1]:
        at = at[key]
    if bad is MISSING:
        del at[path[-1]]
    else:
        at[path[-1]] = bad
    return found


def numbers(value: Any, name: str = "", owner: str = "") -> Iterator[tuple[str, str, Decimal]]:
    """Yield every decimal in a value with the name of its field, and the kind of value that has it."""
    if isinstance(value, Decimal):
        yield owner, name, value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from numbers(getattr(value, field.name), field.name, type(value).__name__)
    elif isinstance(value, dict):
        for item in value.values():
            yield from numbers(item, name, owner)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from numbers(item, name, owner)


def said(read: Read, body: Any) -> object:
    try:
        return read(body)
    except Invalid:
        return None
    except orjson.JSONEncodeError:
        return None  # what JSON cannot say cannot come


def leaks(found: object) -> list[str]:
    if isinstance(found, Unreadable):
        return []
    leaked = []
    for owner, name, value in numbers(found):
        is_signed = name in SIGNED and (name != "quantity" or owner in {"Held", "PositionView"})
        is_price = name in PRICES and owner != "PositionView"  # of a symbol in which nothing is held, zero is shown
        if not value.is_finite() or (value < 0 and not is_signed) or (value == 0 and is_price):
            leaked.append(f"{owner}.{name}: {value}")
    return leaked


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("kind", MESSAGES)
def test_row_41_no_number_that_is_none_gets_in_by_any_field(kind: str, bad: object) -> None:
    body, read = MESSAGES[kind]
    ways = list(places(body))
    assert ways
    leaked = {way: found for way in ways if (found := leaks(said(read, spoilt(body, way, bad))))}
    assert leaked == {}


@pytest.mark.parametrize("kind", MESSAGES)
def test_row_41_what_is_not_spoilt_is_read(kind: str) -> None:
    body, read = MESSAGES[kind]
    found = said(read, body)
    assert found is not None
    assert not isinstance(found, Unreadable), found


@pytest.mark.parametrize("bad", ["NaN", "-1", "1e400", MISSING], ids=["NaN", "-1", "1e400", "missing"])
def test_row_41_nor_by_any_field_of_what_the_venue_was_heard_to_say(bad: object) -> None:
    heard = [*lines("user_stream/*.json*"), *(orjson.dumps(m).decode() for m in OURS)]
    for text in heard[:40]:
        body = orjson.loads(text)
        for way in list(places(body)):
            for read in (news_of, tick_of):
                assert leaks(said(event(read), spoilt(body, way, bad))) == [], way


OURS = (TRADED, MOVED, BEST)
