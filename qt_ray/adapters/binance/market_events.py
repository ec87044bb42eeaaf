"""Market events: a message of the public streams as a tick, as strictly as if our own money were in it. It will be."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from qt_ray.adapters.binance.fields import Fields
from qt_ray.adapters.binance.rules import levels
from qt_ray.adapters.binance.user_events import unreadable, unwrapped
from qt_ray.core.errors import Invalid
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.market.ticks import BestPrice, BookChange, Candle, MarketTrade, MarkTick

Said = BestPrice | BookChange | MarketTrade | MarkTick | Candle | Unheeded | Unreadable
KIND_LETTERS: Final = 40


def tick_of(text: str | bytes, at_ms: int) -> Said:
    """Return what a message says."""
    try:
        body = unwrapped(orjson.loads(text))
        return _tick(body, at_ms)
    except orjson.JSONDecodeError as error:
        return unreadable(f"a message is JSON, {error}", text, at_ms)
    except Invalid as error:
        return unreadable(str(error), text, at_ms)


def _tick(body: Any, at_ms: int) -> Said:
    if not isinstance(body, dict):
        raise Invalid(f"message: an object, was {body!r:.60}")
    if "error" in body:
        raise Invalid(f"subscription: taken, was refused: {body['error']!r:.80}")
    kind = body.get("e")
    read = READERS.get(kind) if type(kind) is str else None
    return Unheeded(str(kind)[:KIND_LETTERS], at_ms) if read is None else read(Fields(body, str(kind)))


def _best(data: Fields) -> BestPrice:
    return BestPrice(
        symbol=data.text("s"),
        update_id=data.whole("u"),
        bid=data.positive("b"),
        bid_quantity=data.amount("B"),
        ask=data.positive("a"),
        ask_quantity=data.amount("A"),
        time_ms=data.moment("T"),
    )


def _change(data: Fields) -> BookChange:
    return BookChange(
        symbol=data.text("s"),
        first_id=data.whole("U"),
        last_id=data.whole("u"),
        previous_id=data.whole("pu"),
        bids=levels(data, "b"),
        asks=levels(data, "a"),
        time_ms=data.moment("T"),
    )


def _trade(data: Fields) -> MarketTrade:
    return trade_of(data.text("s"), data)


def trade_of(symbol: str, data: Fields) -> MarketTrade:
    """Return an aggregated trade; REST and stream name its fields alike."""
    return MarketTrade(
        symbol=symbol,
        id=data.whole("a"),
        price=data.positive("p"),
        quantity=data.amount("q"),
        buyer_is_maker=data.flag("m"),
        time_ms=data.moment("T"),
    )


def _mark(data: Fields) -> MarkTick:
    return MarkTick(
        symbol=data.text("s"),
        mark=data.positive("p"),
        index=data.positive("i"),
        funding_rate=data.number("r"),
        next_funding_ms=data.moment("T"),
        time_ms=data.moment("E"),
    )


def _candle(data: Fields) -> Candle:
    bar = data.part("k")
    return candle(bar, bar.text("s"), bar.text("i"), bar.flag("x"))


def candle(bar: Fields, symbol: str, interval: str, closed: bool) -> Candle:
    """Return a bar; once it is closed, its prices lie between its lowest and its highest."""
    found = Candle(
        symbol=symbol,
        interval=interval,
        open_ms=bar.moment("t"),
        open=bar.positive("o"),
        high=bar.positive("h"),
        low=bar.positive("l"),
        close=bar.positive("c"),
        volume=bar.amount("v"),
        closed=closed,
    )
    if closed and not found.low <= min(found.open, found.close) <= max(found.open, found.close) <= found.high:
        raise Invalid(f"{bar.where}: low, open and close, high in this order, were {found}"[:200])
    return found


def candle_row(symbol: str, interval: str, row: Any) -> Candle:
    """Return a closed bar as REST has it, a list without names."""
    where = f"klines.{symbol}"
    if not isinstance(row, list) or len(row) < 6:
        raise Invalid(f"{where}: a row of at least 6, was {row!r:.60}")
    return candle(Fields(dict(zip("tohlcv", row, strict=False)), where), symbol, interval, True)


READERS: Final[dict[str, Callable[[Fields], Said]]] = {
    "bookTicker": _best,
    "depthUpdate": _change,
    "aggTrade": _trade,
    "markPriceUpdate": _mark,
    "kline": _candle,
}
