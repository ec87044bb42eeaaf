"""Market calls: what anybody may ask of the market, and of the venue itself."""

from collections.abc import Callable
from typing import Any

from qt_ray.adapters.paper.board import Row
from qt_ray.adapters.paper.door import Call, Endpoint, Guard
from qt_ray.adapters.paper.hall import Hall
from qt_ray.adapters.paper.info_shapes import exchange_info
from qt_ray.adapters.paper.market_shapes import (
    aggregate_shape,
    best_shape,
    funding_shape,
    kline_row,
    pairs,
    premium,
    ticker_shape,
    trade_shape,
)
from qt_ray.adapters.paper.params import Params
from qt_ray.adapters.paper.refusals import denied
from qt_ray.adapters.paper.spelling import text
from qt_ray.adapters.paper.stream_names import CANDLES_MS

DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1_000: 20}
KLINES_MAX, TRADES_MAX, FUNDINGS_MAX, DEPTH_MAX = 1_500, 1_000, 1_000, 1_000

Shape = dict[str, Any]


def _ping(hall: Hall, call: Call) -> Shape:
    return {}


def _time(hall: Hall, call: Call) -> Shape:
    return {"serverTime": hall.now()}


def _exchange_info(hall: Hall, call: Call) -> Shape:
    return exchange_info(hall.listings, hall.limits, hall.now())


def _depth(hall: Hall, call: Call) -> Shape:
    symbol, limit = call.params.text("symbol"), _depth_limit(call.params)
    hall.row(symbol)
    book = hall.exchange.depth(symbol, limit)
    return {
        "lastUpdateId": book.update_id,
        "E": call.now_ms,
        "T": call.now_ms,
        "bids": pairs(book.bids),
        "asks": pairs(book.asks),
    }


def _depth_limit(params: Params) -> int:
    limit = params.limit(500, DEPTH_MAX)
    if limit not in DEPTH_WEIGHTS:
        raise denied(-4021, value=limit)
    return limit


def _depth_weight(params: Params) -> int:
    return DEPTH_WEIGHTS.get(int(params.maybe_whole("limit") or 500), 20)


def _trades(hall: Hall, call: Call) -> list[Shape]:
    row, limit = hall.row(call.params.text("symbol")), call.params.limit(500, TRADES_MAX)
    return [trade_shape(printed.trade) for printed in list(row.trades)[-limit:]]


def _historical_trades(hall: Hall, call: Call) -> list[Shape]:
    row, limit = hall.row(call.params.text("symbol")), call.params.limit(100, 500)
    since = call.params.maybe_whole("fromId")
    found = [printed.trade for printed in row.trades if since is None or printed.trade.id >= since]
    return [trade_shape(trade) for trade in (found[-limit:] if since is None else found[:limit])]


def _aggregates(hall: Hall, call: Call) -> list[Shape]:
    params = call.params
    row, limit = hall.row(params.text("symbol")), params.limit(500, TRADES_MAX)
    since, start, end = params.maybe_whole("fromId"), params.maybe_whole("startTime"), params.maybe_whole("endTime")
    found = [
        printed
        for printed in row.trades
        if (since is None or printed.number >= since)
        and (start is None or printed.trade.time_ms >= start)
        and (end is None or printed.trade.time_ms <= end)
    ]
    newest = since is None and start is None
    return [aggregate_shape(printed) for printed in (found[-limit:] if newest else found[:limit])]


def _klines(hall: Hall, call: Call) -> list[list[Any]]:
    row = hall.row(call.params.text("symbol"))
    return [kline_row(bar, interval_ms) for bar, interval_ms in _bars(row, call.params)]


def _bars(row: Row, params: Params) -> list[tuple[Any, int]]:
    interval_ms = CANDLES_MS.get(params.text("interval"))
    if interval_ms is None:
        raise denied(-1120)
    limit = params.limit(500, KLINES_MAX)
    bars = row.bars(interval_ms, params.maybe_whole("startTime"), params.maybe_whole("endTime"), limit)
    return [(bar, interval_ms) for bar in bars]


def _price_klines(hall: Hall, call: Call) -> list[list[Any]]:
    """Return bars of a price that has no volume; here the mark follows the last price bar by bar."""
    return [[*row[:5], "0", row[6], "0", row[8], "0", "0", "0"] for row in _klines(hall, call)]


def _klines_weight(params: Params) -> int:
    limit = params.maybe_whole("limit") or 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1_000 else 10


def _premium_index(hall: Hall, call: Call) -> Any:
    return _one_or_all(hall, call, lambda row: premium(hall.listings[row.symbol], row.quote) if row.quote else None)


def _funding_rates(hall: Hall, call: Call) -> list[Shape]:
    params, symbol = call.params, call.params.maybe("symbol")
    start, end, limit = params.maybe_whole("startTime"), params.maybe_whole("endTime"), params.limit(100, FUNDINGS_MAX)
    rows = hall.board.rows.values() if symbol is None else (hall.row(symbol),)
    found = [
        (each.time_ms, row.symbol, each)
        for row in rows
        for each in row.fundings
        if (start is None or each.time_ms >= start) and (end is None or each.time_ms <= end)
    ]
    found.sort(key=lambda entry: entry[:2])
    chosen = found[-limit:] if start is None else found[:limit]
    return [funding_shape(name, each) for _, name, each in chosen]


def _funding_info(hall: Hall, call: Call) -> list[Shape]:
    return [
        {
            "symbol": listing.symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": listing.funding_interval_ms // 3_600_000,
            "disclaimer": False,
            "updateTime": None,
        }
        for listing in hall.listings.values()
    ]


def _open_interest(hall: Hall, call: Call) -> Shape:
    symbol = hall.row(call.params.text("symbol")).symbol
    return {"symbol": symbol, "openInterest": text(hall.open_interest(symbol)), "time": call.now_ms}


def _day(hall: Hall, call: Call) -> Any:
    def shape(row: Row) -> Shape | None:
        day = row.day(call.now_ms)
        if day is None or not row.trades:
            return None
        return ticker_shape(row.symbol, day, row.trades[-1].trade, hall.listings[row.symbol].tick, call.now_ms)

    return _one_or_all(hall, call, shape)


def _price(hall: Hall, call: Call) -> Any:
    def shape(row: Row) -> Shape | None:
        if row.quote is None:
            return None
        return {"symbol": row.symbol, "price": text(hall.exchange.last_price(row.symbol)), "time": call.now_ms}

    return _one_or_all(hall, call, shape)


def _book_ticker(hall: Hall, call: Call) -> Any:
    def shape(row: Row) -> Shape | None:
        book = hall.exchange.depth(row.symbol, 1)
        if not book.bids or not book.asks:
            return None
        return best_shape(row.symbol, book.update_id, book.bids[0], book.asks[0], book.time_ms)

    return _one_or_all(hall, call, shape)


def _one_or_all(hall: Hall, call: Call, shape: Callable[[Row], Shape | None]) -> Any:
    """Return the shape of one symbol, or a list over all when none was named."""
    symbol = call.params.maybe("symbol")
    if symbol is not None:
        return shape(hall.row(symbol)) or {}
    return [found for row in hall.board.rows.values() if (found := shape(row)) is not None]


def one_or(one: int, every: int) -> Callable[[Params], int]:
    """Return a weight that is small when one symbol is named and large when all are wanted."""
    return lambda params: one if params.maybe("symbol") else every


def _public(run: Callable[[Hall, Call], Any], weight: int | Callable[[Params], int] = 1) -> Endpoint:
    return Endpoint(run, weight, Guard.NONE)


MARKET_CALLS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/fapi/v1/ping"): _public(_ping),
    ("GET", "/fapi/v1/time"): _public(_time),
    ("GET", "/fapi/v1/exchangeInfo"): _public(_exchange_info),
    ("GET", "/fapi/v1/depth"): _public(_depth, _depth_weight),
    ("GET", "/fapi/v1/trades"): _public(_trades, 5),
    ("GET", "/fapi/v1/historicalTrades"): Endpoint(_historical_trades, 200, Guard.KEY),
    ("GET", "/fapi/v1/aggTrades"): _public(_aggregates, 20),
    ("GET", "/fapi/v1/klines"): _public(_klines, _klines_weight),
    ("GET", "/fapi/v1/markPriceKlines"): _public(_price_klines, _klines_weight),
    ("GET", "/fapi/v1/premiumIndex"): _public(_premium_index, one_or(1, 10)),
    ("GET", "/fapi/v1/fundingRate"): _public(_funding_rates),
    ("GET", "/fapi/v1/fundingInfo"): _public(_funding_info, 0),
    ("GET", "/fapi/v1/openInterest"): _public(_open_interest),
    ("GET", "/fapi/v1/ticker/24hr"): _public(_day, one_or(1, 40)),
    ("GET", "/fapi/v1/ticker/price"): _public(_price, one_or(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): _public(_price, one_or(1, 2)),
    ("GET", "/fapi/v1/ticker/bookTicker"): _public(_book_ticker, one_or(2, 5)),
}
