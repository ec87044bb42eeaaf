"""Every number with which the venue's documentation says that it refuses, provoked over REST: the number, its HTTP
status, and what it takes."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from tests.conformance.raw_session import RawSession
from tests.unit.adapters.paper.client import still_bars

pytestmark = pytest.mark.integration

BTC, ORDER, ALGO = "BTCUSDT", "/fapi/v1/order", "/fapi/v1/algoOrder"
MARKET = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
LIMIT = {**MARKET, "type": "LIMIT", "timeInForce": "GTC", "price": "69000"}
STOP = {**MARKET, "algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "60000"}
CLOSING = {name: value for name, value in STOP.items() if name != "quantity"} | {"closePosition": "true"}
SYMBOL = {"symbol": BTC}


@dataclass(frozen=True)
class Asked:
    """A request; `key` and `secret` are the account's own unless a stranger asks."""

    method: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict)
    key: str | None = "paper"
    secret: str = "paper"


@dataclass(frozen=True)
class Refusal:
    """How a number is provoked: by a request, after others, at a venue whose listing or limits may be changed."""

    asked: Asked
    status: int = 400
    after: tuple[Asked, ...] = ()
    relisted: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def placed(**changes: Any) -> Asked:
    return Asked("POST", ORDER, {**LIMIT, **changes})


def waits(given: dict[str, Any], **changes: Any) -> Asked:
    return Asked("POST", ALGO, {**given, **changes})


BUY = Asked("POST", ORDER, MARKET)
HEDGE = Asked("POST", "/fapi/v1/positionSide/dual", {"dualSidePosition": "true"})
NETTED = Asked("POST", "/fapi/v1/positionSide/dual", {"dualSidePosition": "false"})
NO_ORDERS = json.dumps([])
BALANCE = "/fapi/v2/balance"

CODES: dict[int, Refusal] = {
    -1003: Refusal(Asked("GET", BALANCE), 429, (Asked("GET", BALANCE),), settings={"weight_minute": 9}),
    -1021: Refusal(Asked("GET", BALANCE, {"timestamp": 1_600_000_000_000})),
    -1022: Refusal(Asked("GET", BALANCE, secret="another")),
    -1100: Refusal(placed(quantity="１")),
    -1102: Refusal(placed(price=None)),
    -1106: Refusal(Asked("POST", ORDER, {**MARKET, "price": "69000"})),
    -1111: Refusal(placed(price="69000.05")),
    -1115: Refusal(placed(timeInForce="DAY")),
    -1116: Refusal(placed(type="LIMITED")),
    -1117: Refusal(placed(side="LONG")),
    -1120: Refusal(Asked("GET", "/fapi/v1/klines", {**SYMBOL, "interval": "7m"})),
    -1121: Refusal(placed(symbol="NEVERUSDT")),
    -1125: Refusal(Asked("PUT", "/fapi/v1/listenKey"), after=(Asked("DELETE", "/fapi/v1/listenKey"),)),
    -1131: Refusal(Asked("GET", BALANCE, {"recvWindow": 60_001})),
    -2007: Refusal(
        Asked("POST", ALGO, {**STOP, "type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "20.1"})
    ),
    -2011: Refusal(Asked("DELETE", ORDER, {**SYMBOL, "origClientOrderId": "never"})),
    -2013: Refusal(Asked("GET", ORDER, {**SYMBOL, "origClientOrderId": "never"})),
    -2014: Refusal(Asked("GET", BALANCE, key=None), 401),
    -2015: Refusal(Asked("GET", BALANCE, key="stranger"), 401),
    -2019: Refusal(placed(quantity="90")),
    -2021: Refusal(waits(STOP, triggerPrice="70500")),
    -2022: Refusal(placed(side="SELL", price="71000", reduceOnly="true")),
    -4003: Refusal(placed(quantity="0")),
    -4005: Refusal(placed(quantity="1000000")),
    -4014: Refusal(placed(price="69000.3"), relisted={"tick": "0.5"}),
    -4016: Refusal(placed(price="75000")),
    -4021: Refusal(Asked("GET", "/fapi/v1/depth", {**SYMBOL, "limit": 7})),
    -4024: Refusal(placed(side="SELL", price="65000")),
    -4028: Refusal(Asked("POST", "/fapi/v1/leverage", {**SYMBOL, "leverage": 500})),
    -4046: Refusal(Asked("POST", "/fapi/v1/marginType", {**SYMBOL, "marginType": "CROSSED"})),
    -4059: Refusal(NETTED),
    -4061: Refusal(placed(positionSide="LONG")),
    -4067: Refusal(HEDGE, after=(placed(),)),
    -4068: Refusal(HEDGE, after=(BUY,)),
    -4082: Refusal(Asked("POST", "/fapi/v1/batchOrders", {"batchOrders": NO_ORDERS})),
    -4116: Refusal(placed(newClientOrderId="twice"), after=(placed(newClientOrderId="twice"),)),
    -4120: Refusal(Asked("POST", ORDER, {**STOP, "stopPrice": "60000"})),
    -4136: Refusal(waits(CLOSING, type="STOP", price="59900", timeInForce="GTC")),
    -4164: Refusal(placed(quantity="0.001"), relisted={"notional_min": "100"}),
    -5000: Refusal(Asked("GET", "/fapi/v9/order"), 404),
    -5021: Refusal(placed(price="71000", quantity="50", timeInForce="FOK"), settings={"balance": Decimal(10**9)}),
    -5022: Refusal(placed(price="71000", timeInForce="GTX")),
}


@asynccontextmanager
async def opened(**settings: Any) -> Any:
    """Yield a venue on loopback and somebody who knows the key."""
    venue = PaperVenue(PaperSettings(**{"symbols": (BTC,), "step_ms": 0, "bars": still_bars(), **settings}))
    await venue.start()
    session = RawSession(venue.base_url, venue.ws_url)
    try:
        yield venue, session
    finally:
        await session.close()
        await venue.stop()


def tell(story: Callable[[PaperVenue, RawSession], Awaitable[None]], **settings: Any) -> None:
    """Let a story happen at a venue of its own."""

    async def whole() -> None:
        async with opened(**settings) as (venue, session):
            await story(venue, session)

    asyncio.run(whole())


async def answered(session: RawSession, asked: Asked) -> tuple[int, Any]:
    return await session.send(asked.method, asked.path, asked.fields, asked.key, asked.secret)


@pytest.mark.requirement("S4 PaperVenue")
@pytest.mark.parametrize("code", CODES)
def test_each_number_has_its_cause_and_its_status(code: int) -> None:
    refusal = CODES[code]

    async def story(venue: PaperVenue, session: RawSession) -> None:
        if refusal.relisted:
            venue.control.do("relist", {**SYMBOL, **refusal.relisted})
        for asked in refusal.after:
            assert (await answered(session, asked))[0] == 200
        status, body = await answered(session, refusal.asked)
        assert (body["code"], status) == (code, refusal.status), body
        assert body["msg"]
        assert set(body) == {"code", "msg"}

    tell(story, **refusal.settings)


@pytest.mark.parametrize("ahead_ms", [-6_000, 2_000])
def test_a_request_is_too_late_or_from_the_future(ahead_ms: int) -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        at_ms = time.time_ns() // 1_000_000 + ahead_ms
        status, body = await session.send("GET", BALANCE, {"timestamp": at_ms})
        assert (status, body["code"]) == (400, -1021)

    tell(story)


@pytest.mark.parametrize(
    ("answer", "status", "code", "means"),
    [
        ("unknown", 503, -1000, "Unknown error, please check your request or try again later."),
        ("timeout", 503, -1007, "Send status unknown; execution status unknown."),
        ("unavailable", 503, None, "Service Unavailable."),
        ("internal", 503, None, "Internal error"),
        ("throttled", 503, -1008, "throttled"),
    ],
)
def test_503_has_its_variants_and_each_says_what_it_means(
    answer: str, status: int, code: int | None, means: str
) -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        venue.control.act("POST", "/faults", json.dumps({"deed": "answer_before", "answer": answer}).encode())
        found, body = await session.send("POST", ORDER, MARKET)
        assert found == status
        assert code is None or body["code"] == code
        assert means in body["msg"]
        if answer == "throttled":
            closes = await session.send("POST", ORDER, {**MARKET, "reduceOnly": "true"})
            assert closes[1]["code"] == -2022

    tell(story)
