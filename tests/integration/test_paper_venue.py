"""The paper venue through real sockets: what a client hears, and what it goes through when things break."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import orjson
import pytest

from qt_ray.adapters import clock
from qt_ray.adapters.paper.keys import sign
from qt_ray.adapters.paper.sockets import Manners
from qt_ray.adapters.paper.venue import PaperVenue
from tests.unit.adapters.paper.client import START_MS, Watch, still_bars, venue

pytestmark = pytest.mark.integration

STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "60000", "algoType": "CONDITIONAL"}


class Remote:
    """A client with real sockets."""

    def __init__(self, house: PaperVenue, session: aiohttp.ClientSession) -> None:
        self.house, self.session = house, session

    async def send(self, method: str, path: str, **fields: Any) -> tuple[int, bytes, dict[str, str]]:
        pairs = "&".join(f"{name}={value}" for name, value in fields.items())
        query = f"{pairs}&timestamp={self.house.hall.now()}".lstrip("&")
        url = f"{self.house.base_url}{path}?{query}&signature={sign(b'paper', query.encode())}"
        headers = {"X-MBX-APIKEY": "paper"}
        async with self.session.request(method, url, headers=headers) as answer:
            return answer.status, await answer.read(), dict(answer.headers)

    async def ask(self, method: str, path: str, **fields: Any) -> Any:
        return orjson.loads((await self.send(method, path, **fields))[1])

    async def order(self, client_id: str, **more: Any) -> Any:
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        return await self.ask("POST", "/fapi/v1/order", **fields, newClientOrderId=client_id, **more)

    async def control(self, at: str, /, verb: str = "POST", **fields: Any) -> Any:
        async with self.session.request(verb, self.house.control_url + at, json=fields) as answer:
            return await answer.json()

    def socket(self, path: str) -> Any:
        return self.session.ws_connect(self.house.ws_url + path, autoping=True)

    async def own(self, events: str = "") -> Any:
        key = (await self.ask("POST", "/fapi/v1/listenKey"))["listenKey"]
        return self.socket(f"/private/ws?listenKey={key}{events}")


def story(tell: Callable[[Remote], Awaitable[None]], **changes: Any) -> None:
    """Let a venue live on loopback while a story is told."""

    async def run() -> None:
        house = venue(**changes)
        await house.start()
        try:
            async with aiohttp.ClientSession() as session:
                await tell(Remote(house, session))
        finally:
            await house.stop()

    asyncio.run(run())


async def events(socket: Any, count: int) -> list[Any]:
    return [orjson.loads((await socket.receive(5)).data) for _ in range(count)]


async def eventually(found: Callable[[], bool]) -> None:
    """Wait, yielding to everybody else, until something holds; fail when it does not."""
    until = time.monotonic() + 5
    while not found():
        assert time.monotonic() < until
        await asyncio.sleep(0.002)


def test_an_order_and_its_news_come_over_real_sockets() -> None:
    async def tell(remote: Remote) -> None:
        async with await remote.own() as socket:
            placed = await remote.order("first")
            heard = await events(socket, 4)
        assert [event["e"] for event in heard][1:3] == ["TRADE_LITE", "ACCOUNT_UPDATE"]
        assert heard[-1]["o"]["i"] == placed["orderId"]

    story(tell)


def test_every_socket_of_a_key_hears_the_same_and_wished_events_alone_where_wished() -> None:
    async def tell(remote: Remote) -> None:
        async with (
            await remote.own() as one,
            await remote.own() as other,
            await remote.own("&events=ACCOUNT_UPDATE/NEVER_HEARD_OF") as some,
        ):
            await remote.order("first")
            assert await events(one, 4) == await events(other, 4)
            assert [event["e"] for event in await events(some, 1)] == ["ACCOUNT_UPDATE"]

    story(tell)


@pytest.mark.parametrize(
    ("deed", "status"),
    [
        ({"deed": "drop_after"}, None),
        ({"deed": "truncate"}, None),
        ({"deed": "answer_after", "answer": "timeout"}, 503),
        ({"deed": "answer_after", "answer": "unknown"}, 503),
        ({"deed": "answer_after", "answer": "bad_gateway"}, 502),
        ({"deed": "garble"}, 200),
    ],
)
def test_after_accept_an_exception_means_nothing(deed: dict[str, Any], status: int | None) -> None:
    async def tell(remote: Remote) -> None:
        await remote.control("/faults", **{"path": "/fapi/v1/order", "count": 1, **deed})
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": "x"}
        try:
            found, body, _ = await remote.send("POST", "/fapi/v1/order", **fields)
        except aiohttp.ClientError:
            found, body = None, b""
        assert found == status
        if body:
            with pytest.raises((orjson.JSONDecodeError, KeyError)):
                orjson.loads(body)["orderId"]
        asked = await remote.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="x")
        assert asked["status"] == "FILLED"

    story(tell)


@pytest.mark.parametrize("deed", [{"deed": "drop_before"}, {"deed": "answer_before", "answer": "unavailable"}])
def test_what_never_arrived_is_not_there(deed: dict[str, Any]) -> None:
    async def tell(remote: Remote) -> None:
        await remote.control("/faults", **{"path": "/fapi/v1/order", "count": 1, **deed})
        with suppress(aiohttp.ClientError):
            await remote.order("x")
        assert (await remote.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="x"))["code"] == -2013

    story(tell)


def test_a_doubled_request_makes_one_resting_order() -> None:
    async def tell(remote: Remote) -> None:
        await remote.control("/faults", deed="duplicate", path="/fapi/v1/order", count=1)
        limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "69000"}
        placed = await remote.ask("POST", "/fapi/v1/order", **limit, timeInForce="GTC", newClientOrderId="x")
        assert [order["orderId"] for order in await remote.ask("GET", "/fapi/v1/openOrders")] == [placed["orderId"]]

    story(tell)


def test_a_request_that_is_held_up_too_long_is_not_carried_out() -> None:
    async def tell(remote: Remote) -> None:
        watch = remote.house.settings.now_ms
        assert isinstance(watch, Watch)
        await remote.control("/faults", deed="delay_before", delay_ms=50, path="/fapi/v1/order", count=1)
        under_way = asyncio.ensure_future(remote.order("x"))
        await eventually(lambda: "delay_before" in remote.house.faults.injected)
        watch.now_ms += 8_000
        assert (await under_way)["code"] == -1021

    story(tell)


def test_a_closing_order_is_not_throttled() -> None:
    async def tell(remote: Remote) -> None:
        await remote.order("open")
        await remote.control("/faults", deed="answer_before", answer="throttled", path="/fapi/v1/*rder")
        assert (await remote.order("more"))["code"] == -1008
        close = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.01", "reduceOnly": "true"}
        assert "orderId" in await remote.ask("POST", "/fapi/v1/order", **close)
        await remote.control("/faults", "DELETE")
        await remote.order("again")
        await remote.control("/faults", deed="answer_before", answer="throttled", path="/fapi/v1/*rder")
        assert "algoId" in await remote.ask("POST", "/fapi/v1/algoOrder", **STOP, closePosition="true")

    story(tell)


def test_a_stalled_socket_still_answers_pings_and_closes_on_demand() -> None:
    async def tell(remote: Remote) -> None:
        async with await remote.own() as socket:
            assert await remote.control("/do/stall", road="private") == {"stalled": 1}
            await remote.order("unheard")
            await socket.ping(b"there?")
            await remote.control("/do/resume")
            await remote.order("heard")
            first = (await events(socket, 1))[0]
            assert first["o"]["c"] == "heard"
            assert await remote.control("/do/close", road="private") == {"closed": 1}
            while (message := await socket.receive(5)).type is aiohttp.WSMsgType.TEXT:
                assert message.data
            assert socket.closed

    story(tell)


def test_a_lost_event_is_lost_for_everybody_and_counted() -> None:
    async def tell(remote: Remote) -> None:
        await remote.control("/faults", deed="event_lose", event="ORDER_TRADE_UPDATE", nth=2)
        async with await remote.own() as socket:
            await remote.order("one")
            heard = [event["e"] for event in await events(socket, 3)]
        assert heard == ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE"]
        assert (await remote.control("/faults", "GET"))["injected"] == {"event_lose": 1}
        assert await remote.control("/faults", "DELETE") == {"lifted": 1}

    story(tell)


def test_an_expired_listen_key_says_so() -> None:
    async def tell(remote: Remote) -> None:
        watch = remote.house.settings.now_ms
        assert isinstance(watch, Watch)
        async with await remote.own() as socket:
            watch.now_ms += 3_600_000
            assert (await events(socket, 1))[0]["e"] == "listenKeyExpired"
        assert (await remote.ask("PUT", "/fapi/v1/listenKey"))["code"] == -1125

    story(tell)


def test_a_socket_is_pinged_and_closed_when_its_day_is_over() -> None:
    async def tell(remote: Remote) -> None:
        watch = remote.house.settings.now_ms
        assert isinstance(watch, Watch)
        async with remote.session.ws_connect(remote.house.ws_url + "/ws", autoping=False) as socket:
            watch.now_ms += 300
            assert (await socket.receive(5)).type is aiohttp.WSMsgType.PING
            watch.now_ms += 1_000
            assert (await socket.receive(5)).type is aiohttp.WSMsgType.CLOSE

    story(tell, manners=Manners(ping_ms=250, pong_ms=5_000, life_ms=1_000))


def test_who_talks_too_much_is_shown_out() -> None:
    async def tell(remote: Remote) -> None:
        async with remote.socket("/ws") as socket:
            for number in range(12):
                await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
            kinds = [(await socket.receive(5)).type for _ in range(11)]
        assert kinds[:10] == [aiohttp.WSMsgType.TEXT] * 10
        assert kinds[10] is aiohttp.WSMsgType.CLOSE

    story(tell)


def test_the_socket_api_carries_the_same_calls() -> None:
    def signed(fields: dict[str, Any]) -> dict[str, Any]:
        named = {**fields, "apiKey": "paper", "timestamp": START_MS}
        payload = "&".join(f"{name}={named[name]}" for name in sorted(named))
        return {**named, "signature": sign(b"paper", payload.encode())}

    async def tell(remote: Remote) -> None:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        async with remote.socket("/ws-fapi/v1") as socket:
            for number, (method, params) in enumerate(
                [
                    ("order.place", signed(order)),
                    ("v2/account.position", signed({})),
                    ("order.place", {**signed(order), "signature": "00"}),
                    ("session.logon", signed({})),
                    ("sing", {}),
                ]
            ):
                await socket.send_json({"id": number, "method": method, "params": params})
            answers = await events(socket, 5)
        assert [answer["status"] for answer in answers] == [200, 200, 400, 400, 400]
        assert answers[0]["result"]["status"] == "NEW"
        assert answers[1]["result"][0]["positionAmt"] == "0.01"
        assert [answer["error"]["code"] for answer in answers[2:]] == [-1022, -4056, -5000]
        assert answers[0]["rateLimits"][2]["count"] == 1

    story(tell)


def test_the_road_decides_what_is_heard() -> None:
    async def tell(remote: Remote) -> None:
        async with (
            remote.socket("/public/stream?streams=btcusdt@bookTicker/btcusdt@aggTrade") as public,
            remote.socket("/market/ws/btcusdt@aggTrade") as market,
            remote.socket("/ws/btcusdt@bookTicker") as plain,
        ):
            remote.house.pump.step(START_MS)
            await remote.control("/do/jump", symbol="BTCUSDT", factor="1.01")
            assert (await events(public, 1))[0]["stream"] == "btcusdt@bookTicker"
            assert (await events(market, 1))[0]["e"] == "aggTrade"
            assert (await events(plain, 1))[0]["e"] == "bookTicker"

    story(tell)


def test_a_countdown_takes_plain_orders_and_leaves_protection() -> None:
    async def tell(remote: Remote) -> None:
        watch = remote.house.settings.now_ms
        assert isinstance(watch, Watch)
        await remote.order("open")
        limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "69000"}
        await remote.ask("POST", "/fapi/v1/order", **limit, timeInForce="GTC")
        await remote.ask("POST", "/fapi/v1/algoOrder", **STOP, closePosition="true")
        await remote.ask("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=1_000)
        watch.now_ms += 1_000
        await eventually(lambda: not remote.house.exchange.open_orders("paper"))
        assert len(await remote.ask("GET", "/fapi/v1/openAlgoOrders")) == 1

    story(tell)


def test_the_world_can_be_turned() -> None:
    async def tell(remote: Remote) -> None:
        await remote.order("open")
        deeds: list[tuple[str, dict[str, Any]]] = [
            ("relist", {"symbol": "BTCUSDT", "step": "0.01", "quantity_min": "0.01", "status": "TRADING"}),
            ("split", {"symbol": "BTCUSDT", "factor": "1.02", "for_ms": 1_000}),
            ("deposit", {"amount": "-500"}),
            ("order", {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.01"}),
            ("fund", {"symbol": "BTCUSDT", "rate": "-0.02"}),
            ("leverage", {"symbol": "BTCUSDT", "leverage": 3}),
            ("skew", {"ms": -60_000}),
            ("skew", {"ms": 0}),
            ("burst", {"rounds": 10}),
            ("announce_shutdown", {}),
            ("end_listen_key", {}),
            ("key", {"revoked": True}),
        ]
        for name, fields in deeds:
            assert "error" not in await remote.control(f"/do/{name}", **fields), name
        assert (await remote.order("late"))["code"] == -2015
        assert (await remote.control("/faults", "GET"))["injected"]["skew"] == 2

    story(tell)


def test_a_market_that_moves_by_itself_is_heard() -> None:
    async def tell(remote: Remote) -> None:
        async with remote.socket("/stream?streams=btcusdt@bookTicker/btcusdt@markPrice@1s") as socket:
            heard = {event["stream"] for event in await events(socket, 12)}
        assert heard == {"btcusdt@bookTicker", "btcusdt@markPrice@1s"}

    story(tell, step_ms=100, speed=20.0, bars=None, now_ms=clock.now_ms)


def test_symbols_may_be_invented_for_scale() -> None:
    async def tell(remote: Remote) -> None:
        info = await remote.ask("GET", "/fapi/v1/exchangeInfo")
        assert len(info["symbols"]) == 21

    story(tell, invented=20, bars=None)


def test_recorded_bars_are_a_source() -> None:
    async def tell(remote: Remote) -> None:
        book = await remote.ask("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=5)
        assert abs(float(book["bids"][0][0]) - 40_000) < 100

    story(tell, bars=still_bars(price=40_000.0))
