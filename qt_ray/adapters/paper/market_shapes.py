"""Market shapes: what everybody may see, as questions are answered and as streams tell it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from qt_ray.adapters.paper.board import Candle, Funding, Printed
from qt_ray.adapters.paper.spelling import eight, like, text
from qt_ray.execution.exchange.listing import Level, Listing, Quote
from qt_ray.execution.exchange.told import LiquidationTold, TradeTold

Shape = dict[str, Any]
DAY_MS = 86_400_000
INTEREST_RATE = "0.00010000"


def next_funding_ms(listing: Listing, now_ms: int) -> int:
    """Return when funding is paid next."""
    return now_ms - now_ms % listing.funding_interval_ms + listing.funding_interval_ms


def pairs(levels: Sequence[Level]) -> list[tuple[str, str]]:
    """Return levels as the venue writes them."""
    return [(text(level.price), text(level.quantity)) for level in levels]


def premium(listing: Listing, quote: Quote) -> Shape:
    """Return mark, index and funding of a symbol."""
    return {
        "symbol": quote.symbol,
        "markPrice": eight(quote.mark),
        "indexPrice": eight(quote.index),
        "estimatedSettlePrice": eight(quote.index),
        "lastFundingRate": eight(quote.funding_rate),
        "interestRate": INTEREST_RATE,
        "nextFundingTime": next_funding_ms(listing, quote.time_ms),
        "time": quote.time_ms,
    }


def mark_event(listing: Listing, quote: Quote) -> Shape:
    """Return mark, index and funding as the stream tells it."""
    return {
        "e": "markPriceUpdate",
        "E": quote.time_ms,
        "s": quote.symbol,
        "p": eight(quote.mark),
        "ap": eight(quote.mark),
        "P": eight(quote.index),
        "i": eight(quote.index),
        "r": eight(quote.funding_rate),
        "T": next_funding_ms(listing, quote.time_ms),
    }


def best_event(quote_time_ms: int, symbol: str, update_id: int, bid: Level, ask: Level) -> Shape:
    """Return the best prices as the stream tells them."""
    return {
        "e": "bookTicker",
        "u": update_id,
        "s": symbol,
        "b": text(bid.price),
        "B": text(bid.quantity),
        "a": text(ask.price),
        "A": text(ask.quantity),
        "T": quote_time_ms,
        "E": quote_time_ms,
    }


def best_shape(symbol: str, update_id: int, bid: Level, ask: Level, time_ms: int) -> Shape:
    """Return the best prices as the question is answered."""
    return {
        "symbol": symbol,
        "bidPrice": text(bid.price),
        "bidQty": text(bid.quantity),
        "askPrice": text(ask.price),
        "askQty": text(ask.quantity),
        "time": time_ms,
        "lastUpdateId": update_id,
    }


def trade_event(trade: TradeTold) -> Shape:
    """Return a trade of the market."""
    return {
        "e": "trade",
        "E": trade.time_ms,
        "T": trade.time_ms,
        "s": trade.symbol,
        "t": trade.id,
        "p": text(trade.price),
        "q": text(trade.quantity),
        "X": "MARKET",
        "m": trade.buyer_is_maker,
    }


def aggregate_event(printed: Printed) -> Shape:
    """Return a trade of the market as an aggregate of one."""
    trade = printed.trade
    return {"e": "aggTrade", "E": trade.time_ms, "s": trade.symbol, **aggregate_shape(printed)}


def aggregate_shape(printed: Printed) -> Shape:
    """Return an aggregate as the question is answered."""
    trade = printed.trade
    return {
        "a": printed.number,
        "p": text(trade.price),
        "q": text(trade.quantity),
        "nq": text(trade.quantity),
        "f": trade.id,
        "l": trade.id,
        "T": trade.time_ms,
        "m": trade.buyer_is_maker,
    }


def trade_shape(trade: TradeTold) -> Shape:
    """Return a trade as the question is answered."""
    return {
        "id": trade.id,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.price * trade.quantity),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isRPITrade": False,
    }


def kline_row(candle: Candle, interval_ms: int) -> list[Any]:
    """Return a bar as the question is answered."""
    return [
        candle.opened_ms,
        text(candle.open),
        text(candle.high),
        text(candle.low),
        text(candle.close),
        text(candle.volume),
        candle.opened_ms + interval_ms - 1,
        text(candle.quote),
        candle.count,
        text(candle.bought),
        text(candle.bought_quote),
        "0",
    ]


def kline_event(symbol: str, candle: Candle, interval: str, interval_ms: int, now_ms: int) -> Shape:
    """Return a bar as the stream tells it; `x` says whether it has ended."""
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": candle.opened_ms,
            "T": candle.opened_ms + interval_ms - 1,
            "s": symbol,
            "i": interval,
            "f": candle.first_id,
            "L": candle.last_id,
            "o": text(candle.open),
            "c": text(candle.close),
            "h": text(candle.high),
            "l": text(candle.low),
            "v": text(candle.volume),
            "n": candle.count,
            "x": now_ms >= candle.opened_ms + interval_ms,
            "q": text(candle.quote),
            "V": text(candle.bought),
            "Q": text(candle.bought_quote),
            "B": "0",
        },
    }


def continuous(kline: Shape) -> Shape:
    """Return a bar as the stream of a pair's contracts tells it."""
    bar = {name: value for name, value in kline["k"].items() if name != "s"}
    return {"e": "continuous_kline", "E": kline["E"], "ps": kline["s"], "ct": "PERPETUAL", "k": bar}


def mini_event(symbol: str, day: Candle, now_ms: int) -> Shape:
    """Return the day's figures, in short."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": symbol,
        "c": text(day.close),
        "o": text(day.open),
        "h": text(day.high),
        "l": text(day.low),
        "v": text(day.volume),
        "q": text(day.quote),
    }


def _moved(day: Candle, tick: Decimal) -> tuple[str, str, str]:
    """Return by how much a price moved, by what share, and its average."""
    change = day.close - day.open
    share = change / day.open * 100 if day.open else change
    average = day.quote / day.volume if day.volume else day.close
    return text(change), like(share, Decimal("0.001")), like(average, tick)


def ticker_event(symbol: str, day: Candle, last: TradeTold, tick: Decimal, now_ms: int) -> Shape:
    """Return the day's figures, at length."""
    change, share, average = _moved(day, tick)
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": symbol,
        "p": change,
        "P": share,
        "w": average,
        "c": text(day.close),
        "Q": text(last.quantity),
        "o": text(day.open),
        "h": text(day.high),
        "l": text(day.low),
        "v": text(day.volume),
        "q": text(day.quote),
        "O": now_ms - DAY_MS,
        "C": now_ms,
        "F": day.first_id,
        "L": day.last_id,
        "n": day.count,
    }


def ticker_shape(symbol: str, day: Candle, last: TradeTold, tick: Decimal, now_ms: int) -> Shape:
    """Return the day's figures as the question is answered."""
    change, share, average = _moved(day, tick)
    return {
        "symbol": symbol,
        "priceChange": change,
        "priceChangePercent": share,
        "weightedAvgPrice": average,
        "lastPrice": text(day.close),
        "lastQty": text(last.quantity),
        "openPrice": text(day.open),
        "highPrice": text(day.high),
        "lowPrice": text(day.low),
        "volume": text(day.volume),
        "quoteVolume": text(day.quote),
        "openTime": now_ms - DAY_MS,
        "closeTime": now_ms,
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.count,
    }


def funding_shape(symbol: str, funding: Funding) -> Shape:
    """Return a funding rate as it was paid."""
    return {
        "symbol": symbol,
        "fundingTime": funding.time_ms,
        "fundingRate": eight(funding.rate),
        "markPrice": eight(funding.mark),
        "rateType": "Regular",
    }


def liquidation_event(told: LiquidationTold) -> Shape:
    """Return a liquidation as everybody hears it."""
    order = told.order
    return {
        "e": "forceOrder",
        "E": told.time_ms,
        "o": {
            "s": told.symbol,
            "S": order.side,
            "o": order.type,
            "f": order.time_in_force,
            "q": text(order.quantity),
            "p": text(order.price),
            "ap": eight(order.average),
            "X": order.state,
            "l": text(order.executed),
            "z": text(order.executed),
            "T": told.time_ms,
        },
    }
