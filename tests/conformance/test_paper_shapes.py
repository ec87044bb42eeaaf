"""The paper venue's JSON against what the real one was heard to say: the same names, and values of the same kinds.

Recorded messages are read where they lie beside the repository, or where QT_FIXTURES says; what is written out here
holds without them.
"""

import asyncio
import gzip
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from qt_ray.adapters.paper.hub import Listener
from qt_ray.adapters.paper.stream_names import Road
from tests.unit.adapters.paper.client import Client, Watch, venue
from tests.unit.adapters.paper.test_streams import Wire

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
FIXTURES = Path(os.environ.get("QT_FIXTURES", ROOT.parent / "shared" / "data" / "fixtures"))
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

STREAMS = (
    "btcusdt@depth@100ms",
    "btcusdt@bookTicker",
    "btcusdt@trade",
    "btcusdt@aggTrade",
    "btcusdt@markPrice@1s",
    "btcusdt@kline_1m",
    "btcusdt@ticker",
    "btcusdt@miniTicker",
)

WRITTEN: dict[str, Any] = {
    "GET /fapi/v1/order": {
        "orderId": 1,
        "clientOrderId": "text",
        "price": "1",
        "avgPrice": "1",
        "origQty": "1",
        "executedQty": "1",
        "reduceOnly": True,
        "closePosition": True,
        "priceProtect": True,
        "stopPrice": "1",
        "time": 1,
        "updateTime": 1,
        "goodTillDate": 1,
    },
    "GET /fapi/v1/userTrades": [
        {
            "buyer": True,
            "commission": "1",
            "commissionAsset": "text",
            "id": 1,
            "maker": True,
            "orderId": 1,
            "price": "1",
            "qty": "1",
            "quoteQty": "1",
            "realizedPnl": "1",
            "side": "text",
            "positionSide": "text",
            "symbol": "text",
            "time": 1,
        }
    ],
    "GET /fapi/v1/income": [
        {"symbol": "text", "incomeType": "text", "income": "1", "asset": "text", "time": 1, "tranId": 1, "tradeId": "1"}
    ],
    "GET /fapi/v1/leverageBracket": [
        {
            "symbol": "text",
            "brackets": [
                {"bracket": 1, "initialLeverage": 1, "notionalCap": 1, "maintMarginRatio": 0.5, "cum": 0.5},
            ],
        }
    ],
    "GET /fapi/v3/positionRisk": [
        {
            "symbol": "text",
            "positionSide": "text",
            "positionAmt": "1",
            "entryPrice": "1",
            "markPrice": "1",
            "unRealizedProfit": "1",
            "liquidationPrice": "1",
            "isolatedMargin": "1",
            "updateTime": 1,
        }
    ],
    "GET /fapi/v1/symbolConfig": [
        {"symbol": "text", "marginType": "text", "isAutoAddMargin": True, "leverage": 1, "maxNotionalValue": "1"}
    ],
    "TRADE_LITE": {"e": "text", "E": 1, "T": 1, "s": "text", "q": "1", "p": "1", "m": True, "t": 1, "i": 1},
    "ORDER_TRADE_UPDATE": {
        "e": "text",
        "o": dict.fromkeys(("q", "p", "ap", "sp", "l", "L", "z", "n", "b", "a", "rp"), "1")
        | dict.fromkeys(("i", "t", "T", "si", "ss", "gtd"), 1)
        | dict.fromkeys(("m", "R", "cp", "pP"), True),
    },
    "ALGO_UPDATE": {
        "e": "text",
        "o": dict.fromkeys(("q", "tp", "p"), "1")
        | dict.fromkeys(("aid", "tt", "gtd"), 1)
        | dict.fromkeys(("cp", "pP", "R"), True),
    },
}


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, str):
        return "number in a string" if NUMBER.fullmatch(value) else "text"
    return "number" if isinstance(value, int | float) else type(value).__name__


def apart(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """Yield where our JSON lacks a name of theirs, or has a value of another kind."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name, value in theirs.items():
            if name in ours:
                yield from apart(ours[name], value, f"{at}.{name}")
            elif name not in MAY_LACK:
                yield f"{at}.{name} is missing"
    elif isinstance(theirs, list) and isinstance(ours, list):
        if theirs and ours:
            yield from apart(ours[0], theirs[0], f"{at}[0]")
    elif theirs is not None and ours is not None and kind(ours) != kind(theirs) and at not in LOOSE:
        yield f"{at}: {kind(theirs)}, was {kind(ours)} {ours!r}"


# A symbol's number among its pair's and its status came to the streams with other products; nothing reads them.
MAY_LACK = {"st", "ps", "AP", "cr", "estimatedSettlePrice", "serverTime"}
LOOSE = {".o.ai", ".o.act", ".o.rm", ".o.c", ".o.caid", ".updateTime", "[0].updateTime", ".o.N", ".c"}


@pytest.fixture(scope="module")
def heard() -> dict[str, Any]:
    """Return one of everything the venue says, by request or by event."""
    watch = Watch()
    house = venue(bars=None, step_ms=100, now_ms=watch)
    client, wire = Client(house), Wire()
    key = client.ask("POST", "/fapi/v1/listenKey")["listenKey"]
    house.hall.hub.join(Listener(wire, Road.ANY, False), [key, *STREAMS])
    client.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=25)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "TAKE_PROFIT", "timeInForce": "GTC", "quantity": "0.01"}
    price = float(client.ask("GET", "/fapi/v2/ticker/price", symbol="BTCUSDT")["price"])
    prices = {"price": f"{price * 1.04:.1f}", "triggerPrice": f"{price * 1.03:.1f}"}
    algo = client.ask("POST", "/fapi/v1/algoOrder", **stop, **prices, algoType="CONDITIONAL")
    placed = client.order("BUY", "0.01")
    told: dict[str, Any] = {"POST /fapi/v1/order": placed, "POST /fapi/v1/algoOrder": algo}
    for _ in range(15):
        watch.now_ms += 100
        house.pump.step(house.hall.market_ms())
    for event in wire.heard():
        told[event["e"]] = event
    watch.now_ms += 28_800_000
    house.pump.step(house.hall.market_ms())
    for path in {path for method, path in house.door.table if method == "GET"}:
        fields = {"orderId": placed["orderId"]} if path.endswith("/order") else {}
        told[f"GET {path}"] = client.ask("GET", path, symbol="BTCUSDT", interval="1m", **fields)
    asyncio.run(house.stop())
    return told


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_out_holds(heard: dict[str, Any], name: str) -> None:
    assert list(apart(heard[name], WRITTEN[name])) == []


REQUESTS = {
    "GET_fapi_v1_time": "/fapi/v1/time",
    "GET_fapi_v1_exchangeInfo_BTCUSDT_entry": "/fapi/v1/exchangeInfo",
    "GET_fapi_v1_premiumIndex": "/fapi/v1/premiumIndex",
    "GET_fapi_v1_openInterest": "/fapi/v1/openInterest",
    "GET_fapi_v1_klines": "/fapi/v1/klines",
    "GET_fapi_v1_fundingRate": "/fapi/v1/fundingRate",
    "GET_fapi_v1_fundingInfo_excerpt": "/fapi/v1/fundingInfo",
    "GET_fapi_v1_ticker_24hr": "/fapi/v1/ticker/24hr",
    "GET_fapi_v1_ticker_price": "/fapi/v1/ticker/price",
    "GET_fapi_v1_ticker_bookTicker": "/fapi/v1/ticker/bookTicker",
    "GET_fapi_v1_depth_limit5": "/fapi/v1/depth",
    "GET_fapi_v1_aggTrades": "/fapi/v1/aggTrades",
}
DOCUMENTED = {
    "account_info_v2.json": "GET /fapi/v2/account",
    "balance.json": "GET /fapi/v2/balance",
    "open_algo_orders.json": "GET /fapi/v1/openAlgoOrders",
    "order_response.json": "GET /fapi/v1/order",
    "position_risk.json": "GET /fapi/v2/positionRisk",
}


# What these hold is not what a venue with one open position says by itself.
NOT_TOLD = {"MARGIN_CALL", "listenKeyExpired", "forceOrder"}


def bodies() -> Iterator[tuple[str, Any]]:
    rest = FIXTURES / "rest" / "usdm_mainnet_rest_bodies_20260915.json"
    for name, body in (orjson.loads(rest.read_bytes()) if rest.exists() else {}).items():
        yield "GET " + REQUESTS[name], body
    for name, request in DOCUMENTED.items():
        path = FIXTURES / "nautilus_binance" / "http_json" / name
        if path.exists():
            yield request, orjson.loads(path.read_bytes())


def events() -> Iterator[dict[str, Any]]:
    for path in sorted(FIXTURES.glob("user_stream/*.jsonl")):
        yield from map(orjson.loads, path.read_bytes().splitlines())
    for path in sorted(FIXTURES.glob("nautilus_binance/market_data_json/*.json")):
        yield orjson.loads(path.read_bytes())
    for path in FIXTURES.glob("ws_market/*.txt.gz"):
        lines = gzip.decompress(path.read_bytes()).splitlines()
        yield from (orjson.loads(line.split(b" ", 1)[1]).get("data", {}) for line in lines[:40])


def recordings() -> list[tuple[str, Any]]:
    """Return what was recorded, by request or by event."""
    said = [event for event in events() if "e" in event and event["e"] not in NOT_TOLD]
    whole = [event for event in said if event.get("a") != [] and event.get("b") != []]
    held = [event for event in whole if not isinstance(event.get("a"), dict) or event["a"]["P"]]
    return [("GET /fapi/v1/time", {"serverTime": 1}), *bodies(), *((event["e"], event) for event in held)]


@pytest.mark.parametrize(("name", "body"), recordings())
def test_what_was_recorded_holds(heard: dict[str, Any], name: str, body: Any) -> None:
    assert list(apart(heard[name], body)) == []
