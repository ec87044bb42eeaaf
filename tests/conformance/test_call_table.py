"""Every call, stream and method of the venue's documentation is answered: what is asked for is there, in its form."""

import asyncio
import json
import time
from typing import Any

import pytest

from qt_ray.adapters.paper.calls import CALLS
from qt_ray.adapters.paper.venue import PaperVenue
from tests.conformance.raw_session import KEY, RawSession, signature
from tests.conformance.test_error_codes import LIMIT, MARKET, ORDER, STOP, SYMBOL, tell

pytestmark = pytest.mark.integration

V1, V2, V3 = "/fapi/v1", "/fapi/v2", "/fapi/v3"
QUESTIONS: dict[str, dict[str, Any]] = {
    f"{V1}/ping": {},
    f"{V1}/time": {},
    f"{V1}/exchangeInfo": {},
    f"{V1}/depth": SYMBOL,
    f"{V1}/trades": SYMBOL,
    f"{V1}/historicalTrades": SYMBOL,
    f"{V1}/aggTrades": SYMBOL,
    f"{V1}/klines": {**SYMBOL, "interval": "1m"},
    f"{V1}/markPriceKlines": {**SYMBOL, "interval": "1m"},
    f"{V1}/premiumIndex": {},
    f"{V1}/fundingRate": {},
    f"{V1}/fundingInfo": {},
    f"{V1}/openInterest": SYMBOL,
    f"{V1}/ticker/24hr": {},
    f"{V1}/ticker/price": SYMBOL,
    f"{V2}/ticker/price": {},
    f"{V1}/ticker/bookTicker": {},
    f"{V2}/account": {},
    f"{V3}/account": {},
    f"{V2}/balance": {},
    f"{V3}/balance": {},
    f"{V2}/positionRisk": {},
    f"{V3}/positionRisk": {},
    f"{V1}/accountConfig": {},
    f"{V1}/symbolConfig": {},
    f"{V1}/positionSide/dual": {},
    f"{V1}/multiAssetsMargin": {},
    f"{V1}/leverageBracket": {},
    f"{V1}/commissionRate": SYMBOL,
    f"{V1}/income": {},
    f"{V1}/feeBurn": {},
    f"{V1}/rateLimit/order": {},
    f"{V1}/adlQuantile": {},
    f"{V1}/forceOrders": {},
    f"{V1}/order": {**SYMBOL, "origClientOrderId": "mine"},
    f"{V1}/openOrder": {**SYMBOL, "origClientOrderId": "mine"},
    f"{V1}/openOrders": {},
    f"{V1}/allOrders": {},
    f"{V1}/userTrades": SYMBOL,
    f"{V1}/algoOrder": {"clientAlgoId": "stop"},
    f"{V1}/openAlgoOrders": {},
    f"{V1}/allAlgoOrders": SYMBOL,
    "/sapi/v1/account/apiRestrictions": {},
    "/sapi/v1/capital/config/getall": {},
    "/sapi/v1/margin/allPairs": {},
}
MINE = {**SYMBOL, "origClientOrderId": "mine"}
DEEDS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", f"{V1}/order/test", LIMIT),
    ("PUT", ORDER, {**MINE, "side": "BUY", "quantity": "0.02", "price": "69001"}),
    ("PUT", f"{V1}/batchOrders", {"batchOrders": json.dumps([{**MINE, "side": "BUY", "quantity": "1", "price": "1"}])}),
    ("DELETE", ORDER, MINE),
    ("POST", f"{V1}/batchOrders", {"batchOrders": json.dumps([LIMIT])}),
    ("DELETE", f"{V1}/batchOrders", {**SYMBOL, "origClientOrderIdList": json.dumps(["mine"])}),
    ("DELETE", f"{V1}/allOpenOrders", SYMBOL),
    ("POST", f"{V1}/countdownCancelAll", {**SYMBOL, "countdownTime": 0}),
    ("DELETE", f"{V1}/algoOrder", {"clientAlgoId": "stop"}),
    ("DELETE", f"{V1}/algoOpenOrders", SYMBOL),
    ("POST", f"{V1}/leverage", {**SYMBOL, "leverage": 5}),
    ("POST", ORDER, {**MARKET, "side": "SELL", "reduceOnly": "true"}),
    ("POST", f"{V1}/marginType", {**SYMBOL, "marginType": "ISOLATED"}),
    ("POST", f"{V1}/positionSide/dual", {"dualSidePosition": "true"}),
    ("POST", f"{V1}/positionSide/dual", {"dualSidePosition": "false"}),
    ("POST", ORDER, MARKET),
    ("POST", f"{V1}/positionMargin", {**SYMBOL, "amount": "1", "type": 1}),
    ("POST", ORDER, {**MARKET, "side": "SELL", "reduceOnly": "true"}),
    ("POST", f"{V1}/marginType", {**SYMBOL, "marginType": "CROSSED"}),
    ("POST", f"{V1}/multiAssetsMargin", {"multiAssetsMargin": "true"}),
    ("POST", f"{V1}/feeBurn", {"feeBurn": "true"}),
    ("POST", f"{V1}/algoOrder", STOP),
    ("POST", f"{V1}/listenKey", {}),
    ("PUT", f"{V1}/listenKey", {}),
    ("DELETE", f"{V1}/listenKey", {}),
]
STREAMS = {
    "btcusdt@depth": "depthUpdate",
    "btcusdt@depth@0ms": "depthUpdate",
    "btcusdt@depth@100ms": "depthUpdate",
    "btcusdt@depth@500ms": "depthUpdate",
    "btcusdt@depth5": "depthUpdate",
    "btcusdt@depth10@100ms": "depthUpdate",
    "btcusdt@depth20": "depthUpdate",
    "btcusdt@bookTicker": "bookTicker",
    "btcusdt@trade": "trade",
    "btcusdt@aggTrade": "aggTrade",
    "btcusdt@markPrice": "markPriceUpdate",
    "btcusdt@markPrice@1s": "markPriceUpdate",
    "!markPrice@arr": "markPriceUpdate",
    "!markPrice@arr@1s": "markPriceUpdate",
    "btcusdt@kline_1m": "kline",
    "btcusdt@kline_1M": "kline",
    "btcusdt@miniTicker": "24hrMiniTicker",
    "btcusdt@ticker": "24hrTicker",
    "!miniTicker@arr": "24hrMiniTicker",
}
METHODS: list[tuple[str, dict[str, Any]]] = [
    ("order.place", {**LIMIT, "newClientOrderId": "mine"}),
    ("order.status", MINE),
    ("order.modify", {**MINE, "side": "BUY", "quantity": "0.02", "price": "69001"}),
    ("order.cancel", MINE),
    ("algoOrder.place", {**STOP, "clientAlgoId": "stop"}),
    ("algoOrder.cancel", {"clientAlgoId": "stop"}),
    ("account.status", {}),
    ("v2/account.balance", {}),
    ("account.position", {}),
    ("v2/account.position", {}),
    ("ticker.book", SYMBOL),
    ("userDataStream.start", {}),
]


def test_every_call_there_is_stands_in_these_tables() -> None:
    asked = {("GET", path) for path in QUESTIONS} | {(method, path) for method, path, _ in DEEDS}
    assert asked == set(CALLS)


def test_every_call_is_answered_with_what_was_asked() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        await session.send("POST", ORDER, MARKET)
        await session.send("POST", ORDER, {**LIMIT, "newClientOrderId": "mine"})
        await session.send("POST", f"{V1}/algoOrder", {**STOP, "clientAlgoId": "stop"})
        answers = {path: (await session.send("GET", path, fields))[0] for path, fields in QUESTIONS.items()}
        assert answers == dict.fromkeys(QUESTIONS, 200)
        for method, path, fields in DEEDS:
            status, found = await session.send(method, path, fields)
            assert status == 200, (method, path, found)

    tell(story)


def test_fees_are_burned_as_the_account_says_and_shown_as_they_are_set() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        for burns in (True, False):
            _, said = await session.send("POST", f"{V1}/feeBurn", {"feeBurn": str(burns).lower()})
            assert said["code"] == 200
            assert (await session.send("GET", f"{V1}/feeBurn", {}))[1] == {"feeBurn": burns}
            assert venue.exchange.burns_fees("paper") is burns
        assert (await session.send("POST", f"{V1}/feeBurn", {}))[1]["code"] == -1102

    tell(story)


def test_every_stream_speaks_in_its_own_words() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        heard: dict[str, str] = {}
        names = "/".join(STREAMS)
        async with session.http.ws_connect(f"{session.ws_url}/stream?streams={names}") as socket:
            async with asyncio.timeout(30):
                while set(heard) != set(STREAMS):
                    told = json.loads((await socket.receive()).data)
                    body = told["data"][0] if isinstance(told["data"], list) else told["data"]
                    heard[told["stream"]] = body["e"]
        assert heard == STREAMS

    tell(story, step_ms=20, bars=None)


def test_every_method_of_the_socket_api_is_answered() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        async with session.http.ws_connect(f"{session.ws_url}/ws-fapi/v1") as socket:
            for method, fields in METHODS:
                given = {**fields, "apiKey": KEY, "timestamp": time.time_ns() // 1_000_000}
                given["signature"] = signature("&".join(f"{name}={given[name]}" for name in sorted(given)))
                await socket.send_json({"id": method, "method": method, "params": given})
                found = json.loads((await socket.receive(5)).data)
                assert (found["id"], found["status"]) == (method, 200), found
                assert "result" in found

    tell(story)
