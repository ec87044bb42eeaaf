"""Binance: what strict reading costs on the way of an event, and what the session adds to a bare round trip.

The peer of a round trip is the least one can do: a bare aiohttp request to the same server in the same process, neither
signed nor read. The rest is bounded by itself, because an event that waits is a stop that waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from time import perf_counter

import orjson
from aiohttp import ClientSession, web

from benchmarks.form import Row, Sample, at_most, less_is_better, main, median_of
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.market_events import tick_of
from qt_ray.adapters.binance.requests import plan_of
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.user_events import news_of
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.calls import AskOrder, Done, Place
from qt_ray.market.book import OrderBook
from qt_ray.market.ticks import BookChange

US = 1e6
ORDER = {
    "orderId": 22542179,
    "symbol": "BTCUSDT",
    "status": "PARTIALLY_FILLED",
    "clientOrderId": "qt-trend-00000000000000000000-0",
    "price": "50000.10",
    "avgPrice": "50000.05",
    "origQty": "0.010",
    "executedQty": "0.004",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "reduceOnly": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0",
    "updateTime": 1566818724722,
}
REPORT = {"s": "BTCUSDT", "c": "qt-trend-00000000000000000000-0", "S": "BUY", "o": "LIMIT", "f": "GTC", "ps": "BOTH"}
REPORT |= {"q": "0.010", "p": "50000.10", "ap": "50000.05", "x": "TRADE", "X": "PARTIALLY_FILLED", "rp": "1.25"}
REPORT |= {"l": "0.004", "z": "0.004", "L": "50000.05", "N": "USDT", "n": "0.08000008", "er": "0"}
TRADED = {"e": "ORDER_TRADE_UPDATE", "T": 1, "E": 2, "o": REPORT | {"i": 88, "T": 1, "t": 77, "m": True, "R": False}}
LEVELS = [[f"{50_000 + at * 0.1:.1f}", "0.500"] for at in range(20)]
CHANGED = {"e": "depthUpdate", "E": 2, "T": 1, "s": "BTCUSDT", "U": 2, "u": 3, "pu": 1, "b": LEVELS, "a": []}
INTENT = Intent("qt-trend-00000000000000000000-0", "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal("0.01"), "d", 1, 1)


def each(function: Callable[[], object], count: int, runs: int) -> Sample:
    """Return the microseconds that one of `count` calls takes."""

    def many() -> None:
        for _ in range(count):
            function()

    return median_of(many, runs).scaled(US / count)


async def timed(ask: Callable[[], Awaitable[object]], count: int, runs: int) -> Sample:
    """Return the microseconds that one of `count` questions takes, one after another."""
    walls = []
    for _ in range(runs + 1):
        started = perf_counter()
        for _ in range(count):
            await ask()
        walls.append((perf_counter() - started) * US / count)
    walls = sorted(walls[1:])
    return Sample(walls[len(walls) // 2], runs, (walls[0], walls[-1]))


async def round_trips(count: int, runs: int) -> tuple[Sample, Sample]:
    """Return what a signed question takes, and what a bare request takes, to one server in this process."""
    body = orjson.dumps(ORDER)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    session = await BinanceSession.open(Endpoints(url, url), Signer("key", "secret"))
    try:
        async with ClientSession() as http:

            async def bare() -> bytes:
                async with http.get(f"{url}/fapi/v1/order?symbol=BTCUSDT") as response:
                    return await response.read()

            async def asked() -> bool:
                return isinstance(await session.ask(AskOrder("BTCUSDT", "c")), Done)

            return await timed(asked, count, runs), await timed(bare, count, runs)
    finally:
        await session.close()
        await runner.cleanup()


def measure(quick: bool) -> list[Row]:
    """Time an event, a change of a book, a request and a round trip."""
    count, runs = (200, 1) if quick else (5_000, 5)
    traded, changed = orjson.dumps(TRADED), orjson.dumps(CHANGED)
    change = tick_of(changed, 9)
    if not isinstance(change, BookChange):
        raise SystemExit(f"the benchmark's own message is read, was not: {change}")
    book = OrderBook("BTCUSDT")
    signer = Signer("key", "secret")
    step = plan_of(Place(INTENT), False).steps[0]

    def applied() -> None:
        book.start(1, change.bids, ())
        book.hear(change)

    ours, bare = asyncio.run(round_trips(min(count, 500), runs))
    return [
        at_most("user event with a trade, bytes to news", "us", each(lambda: news_of(traded, 9), count, runs), 100.0),
        at_most("change of 20 levels, bytes to value", "us", each(lambda: tick_of(changed, 9), count, runs), 500.0),
        at_most("20 levels into a book and again", "us", each(applied, count, runs), 200.0),
        at_most("order to parameters", "us", each(lambda: plan_of(Place(INTENT), False), count, runs), 100.0),
        at_most("signature of an order", "us", each(lambda: signer.sign(str(step.pairs)), count, runs), 50.0),
        less_is_better("signed and read round trip vs bare aiohttp", "us", ours, bare.value, 2.0),
    ]


if __name__ == "__main__":
    main(measure)
