"""The rules of the wire that break clients when they are broken, and the test that holds each.

| rule | held by |
| --: | --- |
| 1 | `test_wire_rules.test_a_signature_is_over_the_bytes_as_they_came` |
| 2 | `test_wire_rules.test_parameters_come_in_query_or_body_of_every_method` |
| 3 | `test_wire_rules.test_lists_of_names_have_two_spellings` |
| 4 | `test_wire_rules.test_a_batch_is_a_list_in_order_with_200` |
| 5 | `test_wire_rules.test_json_has_exactly_the_venues_types` |
| 6 | `test_wire_rules.test_what_a_stop_does_not_use_is_null` |
| 7 | `test_wire_rules.test_the_third_generation_lists_the_busy_and_the_second_all` |
| 8 | `test_wire_rules.test_nothing_that_a_strict_client_needs_is_missing` |
| 9 | `test_wire_rules.test_events_have_every_field` |
| 10 | `test_wire_rules.test_words_are_of_closed_sets` |
| 11 | `test_wire_rules.test_events_come_in_the_venues_order` |
| 12 | `test_wire_rules.test_a_listen_key_is_shared_kept_and_ends` |
| 13 | `test_wire_rules.test_changes_of_a_book_join_on_to_a_snapshot` |
| 14 | `test_wire_rules.test_a_path_may_end_in_junk_and_ids_come_back_as_they_are` |
| 15 | `test_wire_rules.test_use_is_told_in_headers_and_too_much_is_429_and_then_418` |
| 16 | `test_error_codes.test_503_has_its_variants_and_each_says_what_it_means` |
| 17 | `test_wire_rules.test_a_number_is_plain_ascii_digits` |
| 18 | `test_wire_rules.test_a_countdown_is_replaced_disarmed_and_takes_no_conditional_order` |
| 19 | `test_wire_rules.test_sockets_have_manners` |
| 20 | `test_error_codes.test_each_number_has_its_cause_and_its_status` |
"""

import json
import re
import time
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from qt_ray.adapters.paper.sockets import Manners
from qt_ray.adapters.paper.venue import PaperVenue
from tests.conformance import test_error_codes
from tests.conformance.houses import Watch
from tests.conformance.raw_session import RawSession, signature
from tests.conformance.test_error_codes import LIMIT, MARKET, ORDER, STOP, SYMBOL, tell

pytestmark = pytest.mark.integration

BATCH, RISK = "/fapi/v1/batchOrders", "/fapi/v3/positionRisk"
FORM = "application/x-www-form-urlencoded"
ACCOUNT_NAMES = "feeTier canTrade canDeposit canWithdraw updateTime assets"
ASSET_NAMES = (
    "asset walletBalance unrealizedProfit marginBalance maintMargin initialMargin positionInitialMargin"
    " openOrderInitialMargin crossWalletBalance crossUnPnl availableBalance maxWithdrawAmount"
)
POSITION_NAMES = (
    "symbol positionSide positionAmt entryPrice markPrice unRealizedProfit liquidationPrice isolatedMargin updateTime"
)
SYMBOL_NAMES = (
    "pair contractType deliveryDate onboardDate maintMarginPercent requiredMarginPercent baseAsset quoteAsset"
    " marginAsset pricePrecision quantityPrecision baseAssetPrecision quotePrecision underlyingType underlyingSubType"
    " triggerProtect liquidationFee marketTakeBound filters orderTypes timeInForce"
)
CONFIG_NAMES = "symbol marginType isAutoAddMargin leverage maxNotionalValue"
REPORT = "s c S o f q p ap X i l z L T t b a m R wt ot ps pP si ss rp gtd sp n N cp V pm er"
ALGO_REPORT = "caid aid at o s S ps f q X tp p wt pm cp pP R tt gtd ai ap aq act V rm"
FILTERS = {
    "PRICE_FILTER",
    "LOT_SIZE",
    "MARKET_LOT_SIZE",
    "MAX_NUM_ORDERS",
    "MIN_NOTIONAL",
    "PERCENT_PRICE",
    "POSITION_RISK_CONTROL",
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def has(found: dict[str, Any], names: str) -> bool:
    return set(names.split()) <= set(found)


async def own(session: RawSession, more: str = "") -> Any:
    _, made = await session.send("POST", "/fapi/v1/listenKey", {})
    return session.http.ws_connect(f"{session.ws_url}/private/ws?listenKey={made['listenKey']}{more}")


async def events(socket: Any, count: int) -> list[Any]:
    return [json.loads((await socket.receive(5)).data) for _ in range(count)]


def test_every_rule_is_held_by_a_test_that_is_there() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)\.(\w+)` \|$", __doc__ or "", re.MULTILINE)
    modules = {"test_wire_rules": globals(), "test_error_codes": vars(test_error_codes)}
    assert [int(number) for number, _, _ in rows] == list(range(1, 21))
    assert all(callable(modules[module].get(name)) for _, module, name in rows)


@pytest.mark.parametrize("comma", [",", "%2C", "%2c"])
@pytest.mark.parametrize("first", [False, True])
def test_a_signature_is_over_the_bytes_as_they_came(comma: str, first: bool) -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        names = f'["a"{comma}"b"]'.replace('"', "%22")
        query = f"timestamp={now_ms()}&symbol=BTCUSDT&origClientOrderIdList={names}"
        mark = f"signature={signature(query)}"
        target = f"{mark}&{query}" if first else f"{query}&{mark}"
        status, body, _ = await session.raw("DELETE", f"{BATCH}?{target}")
        assert (status, [each["code"] for each in json.loads(body)]) == (200, [-2011, -2011])
        requoted = query.replace(comma, "%2C" if comma == "," else ",")
        status, body, _ = await session.raw("DELETE", f"{BATCH}?{requoted}&{mark}")
        assert json.loads(body)["code"] == -1022

    tell(story)


@pytest.mark.parametrize("where", ["query", "body", "both"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_parameters_come_in_query_or_body_of_every_method(method: str, where: str) -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        await session.send("POST", ORDER, {**LIMIT, "newClientOrderId": "first"})
        named = {"symbol": "BTCUSDT", "origClientOrderId": "first"}
        fields: dict[str, dict[str, Any]] = {
            "POST": {**LIMIT, "newClientOrderId": "second"},
            "PUT": {**named, "side": "BUY", "quantity": "0.02", "price": "69001"},
            "DELETE": named,
        }
        pairs = [*fields[method].items(), ("timestamp", now_ms())]
        cut = {"query": len(pairs), "body": 0, "both": 2}[where]
        query, body = urlencode(pairs[:cut]), urlencode(pairs[cut:])
        mark = f"signature={signature(query + body)}"
        if body:
            body = f"{body}&{mark}"
            status, found, _ = await session.raw(method, f"{ORDER}?{query}", body.encode(), **{"Content-Type": FORM})
        else:
            told = {"Content-Type": "application/json"}
            status, found, _ = await session.raw(method, f"{ORDER}?{query}&{mark}", **told)
        assert (status, json.loads(found)["symbol"]) == (200, "BTCUSDT")

    tell(story)


@pytest.mark.parametrize("name", ["origClientOrderIdList", "origclientorderidlist", "orderIdList", "orderidlist"])
def test_lists_of_names_have_two_spellings(name: str) -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        _, order = await session.send("POST", ORDER, {**LIMIT, "newClientOrderId": "mine"})
        value = [order["orderId"]] if name.lower() == "orderidlist" else ["mine"]
        _, (ended,) = await session.send("DELETE", BATCH, {**SYMBOL, name: json.dumps(value)})
        assert ended["status"] == "CANCELED"

    tell(story)


def test_a_batch_is_a_list_in_order_with_200() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        wished = [{**LIMIT, "newClientOrderId": "a"}, {**LIMIT, "price": "1"}, {**LIMIT, "newClientOrderId": "c"}]
        status, found = await session.send("POST", BATCH, {"batchOrders": json.dumps(wished)})
        assert status == 200
        assert [each.get("clientOrderId") for each in found] == ["a", None, "c"]
        assert set(found[1]) == {"code", "msg"}

    tell(story)


def test_json_has_exactly_the_venues_types() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        _, order = await session.send("POST", ORDER, {**MARKET, "newOrderRespType": "RESULT"})
        assert all(type(order[name]) is str for name in ("price", "avgPrice", "origQty", "executedQty", "stopPrice"))
        assert all(type(order[name]) is int for name in ("orderId", "updateTime", "goodTillDate"))
        assert all(type(order[name]) is bool for name in ("reduceOnly", "closePosition", "priceProtect"))
        _, algo = await session.send("POST", "/fapi/v1/algoOrder", STOP)
        assert type(algo["algoId"]) is int
        _, ended = await session.send("DELETE", "/fapi/v1/algoOrder", {"algoId": algo["algoId"]})
        assert ended["code"] == "200"
        _, counted = await session.send("POST", "/fapi/v1/countdownCancelAll", {**SYMBOL, "countdownTime": 5_000})
        assert counted["countdownTime"] == "5000"
        _, leverage = await session.send("POST", "/fapi/v1/leverage", {**SYMBOL, "leverage": 10})
        assert (type(leverage["leverage"]), type(leverage["maxNotionalValue"])) == (int, str)
        _, (brackets,) = await session.send("GET", "/fapi/v1/leverageBracket", SYMBOL)
        assert all(type(value) in (int, float) for each in brackets["brackets"] for value in each.values())
        _, (income,) = await session.send("GET", "/fapi/v1/income", {})
        assert (type(income["tranId"]), type(income["tradeId"]), type(income["income"])) == (int, str, str)
        _, (trade,) = await session.send("GET", "/fapi/v1/userTrades", SYMBOL)
        assert (type(trade["id"]), type(trade["price"]), type(trade["maker"])) == (int, str, bool)

    tell(story)


def test_what_a_stop_does_not_use_is_null() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        trailing = {**STOP, "type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "1"}
        for fields, rate in ((STOP, None), (trailing, "1")):
            _, placed = await session.send("POST", "/fapi/v1/algoOrder", fields)
            assert (placed["callbackRate"], placed["activatePrice"]) == (rate, None)
        _, waiting = await session.send("GET", "/fapi/v1/openAlgoOrders", {})
        assert [(each["callbackRate"], each["activatePrice"]) for each in waiting] == [(None, None), ("1", None)]

    tell(story)


def test_the_third_generation_lists_the_busy_and_the_second_all() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        assert (await session.send("GET", RISK, {}))[1] == []
        assert len((await session.send("GET", "/fapi/v2/positionRisk", {}))[1]) == 1
        await session.send("POST", "/fapi/v1/marginType", {**SYMBOL, "marginType": "ISOLATED"})
        await session.send("POST", ORDER, MARKET)
        _, (held,) = await session.send("GET", RISK, {})
        _, account = await session.send("GET", "/fapi/v3/account", {})
        for found in (held, account["positions"][0]):
            assert not {"leverage", "marginType"} & set(found)
            assert Decimal(found["isolatedMargin"]) > 0
            assert Decimal(found["isolatedWallet"]) > 0
        _, (old,) = await session.send("GET", "/fapi/v2/positionRisk", {})
        assert (old["leverage"], old["marginType"]) == ("20", "isolated")

    tell(story)


def test_nothing_that_a_strict_client_needs_is_missing() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        await session.send("POST", ORDER, MARKET)
        for path in ("/fapi/v2/account", "/fapi/v3/account"):
            _, account = await session.send("GET", path, {})
            assert has(account, ACCOUNT_NAMES)
            assert has(account["assets"][0], ASSET_NAMES)
        for path in (RISK, "/fapi/v2/positionRisk"):
            assert has((await session.send("GET", path, {}))[1][0], POSITION_NAMES)
        assert has((await session.send("GET", "/fapi/v1/symbolConfig", {}))[1][0], CONFIG_NAMES)
        _, info = await session.send("GET", "/fapi/v1/exchangeInfo", {})
        assert has(info["symbols"][0], SYMBOL_NAMES)
        assert info["exchangeFilters"] == []
        assert has(info["assets"][0], "asset marginAvailable autoAssetExchange")

    tell(story)


def test_events_have_every_field() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        async with await own(session) as socket:
            await session.send("POST", ORDER, MARKET)
            await session.send("POST", "/fapi/v1/algoOrder", STOP)
            told = {event["e"]: event for event in await events(socket, 5)}
        report = told["ORDER_TRADE_UPDATE"]["o"]
        assert has(report, REPORT)
        assert type(report["b"]) is type(report["a"]) is str
        account = told["ACCOUNT_UPDATE"]["a"]
        assert has(account["B"][0], "a wb cw bc")
        assert has(account["P"][0], "s pa ep bep cr up mt iw ps")
        assert has(told["ALGO_UPDATE"]["o"], ALGO_REPORT)
        assert has(told["TRADE_LITE"], "e E T s q p m c S L l t i")

    tell(story)


def test_words_are_of_closed_sets() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        _, info = await session.send("GET", "/fapi/v1/exchangeInfo", {})
        assert {each["filterType"] for each in info["symbols"][0]["filters"]} == FILTERS
        async with await own(session) as socket:
            await session.send("POST", ORDER, {**LIMIT, "newClientOrderId": "a"})
            await session.send("DELETE", ORDER, {**SYMBOL, "origClientOrderId": "a"})
            _, expired = await session.send(
                "POST", ORDER, {**LIMIT, "timeInForce": "IOC", "newOrderRespType": "RESULT"}
            )
            told = [event["o"] for event in await events(socket, 4)]
        assert [each["x"] for each in told] == ["NEW", "CANCELED", "NEW", "EXPIRED"]
        assert [each["X"] for each in told] == ["NEW", "CANCELED", "NEW", "EXPIRED"]
        assert expired["status"] == "EXPIRED"

    tell(story)


def test_events_come_in_the_venues_order() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        async with await own(session) as socket:
            for side in ("BUY", "SELL"):
                await session.send("POST", ORDER, {**MARKET, "side": side})
            told = await events(socket, 8)
        fill = ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
        assert [event["e"] for event in told] == fill * 2
        assert [event["o"]["x"] for event in told if "o" in event] == ["NEW", "TRADE"] * 2
        assert all(event["a"]["m"] == "ORDER" for event in told if "a" in event)
        for name in ("E", "T"):
            assert all(one[name] <= other[name] for one, other in pairwise(told))

    tell(story)


def test_a_listen_key_is_shared_kept_and_ends() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        async with (
            await own(session) as one,
            await own(session) as two,
            await own(session, "&events=X/TRADE_LITE") as some,
        ):
            await session.send("POST", ORDER, MARKET)
            assert await events(one, 4) == await events(two, 4)
            assert [event["e"] for event in await events(some, 1)] == ["TRADE_LITE"]
            venue.control.do("end_listen_key", {"told": "true"})
            assert (await events(one, 1))[0]["e"] == "listenKeyExpired"
        _, first = await session.send("POST", "/fapi/v1/listenKey", {})
        assert (await session.send("POST", "/fapi/v1/listenKey", {}))[1] == first
        assert (await session.send("PUT", "/fapi/v1/listenKey", {}))[0] == 200
        await session.send("DELETE", "/fapi/v1/listenKey", {})
        assert (await session.send("PUT", "/fapi/v1/listenKey", {}))[1]["code"] == -1125

    tell(story)


def test_changes_of_a_book_join_on_to_a_snapshot() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        async with session.http.ws_connect(f"{session.ws_url}/public/ws/btcusdt@depth@0ms") as socket:
            told = await events(socket, 2)
            _, snapshot = await session.send("GET", "/fapi/v1/depth", {**SYMBOL, "limit": 1_000})
            while told[-1]["u"] < snapshot["lastUpdateId"]:
                told += await events(socket, 1)
            told += await events(socket, 2)
        assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(told))
        joined = [event for event in told if event["u"] >= snapshot["lastUpdateId"]]
        assert joined[0]["U"] <= snapshot["lastUpdateId"] <= joined[0]["u"]

    tell(story, step_ms=20, bars=None)


@pytest.mark.parametrize("number", [7, 1_234_567_890_123, "0b5f4bc0-0a6a-4f34-8d77-1f6ab4c4cd9e"])
def test_a_path_may_end_in_junk_and_ids_come_back_as_they_are(number: Any) -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        async with session.http.ws_connect(f"{session.ws_url}/public/ws/0") as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": number})
            assert await events(socket, 1) == [{"result": None, "id": number}]
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
            (listed,) = await events(socket, 1)
        assert "btcusdt@bookTicker" in listed["result"]

    tell(story)


def test_use_is_told_in_headers_and_too_much_is_429_and_then_418() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        query = urlencode({**LIMIT, "timestamp": now_ms()})
        _, _, headers = await session.raw("POST", f"{ORDER}?{query}&signature={signature(query)}")
        used = [headers[f"X-MBX-{name}"] for name in ("USED-WEIGHT-1M", "ORDER-COUNT-10S", "ORDER-COUNT-1M")]
        assert used == ["0", "1", "1"]
        answers = [await session.raw("GET", "/fapi/v1/time") for _ in range(22)]
        statuses = [status for status, _, _ in answers]
        assert [status for status, _ in groupby(statuses)] == [200, 429, 418]
        assert all(int(told["Retry-After"]) > 0 for status, _, told in answers if status != 200)
        assert {json.loads(body)["code"] for status, body, _ in answers if status != 200} == {-1003}

    # The minute in which weight is counted does not end in the middle of the test.
    tell(story, weight_minute=5, now_ms=Watch(now_ms()))


@pytest.mark.parametrize("text", ["１", "1_0", " 1", "NaN", "1e400", "-1", "+1", "0x1"])
def test_a_number_is_plain_ascii_digits(text: str) -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        assert (await session.send("POST", ORDER, {**LIMIT, "quantity": text}))[1]["code"] == -1100
        assert venue.exchange.open_orders("paper") == []

    tell(story)


def test_a_countdown_is_replaced_disarmed_and_takes_no_conditional_order() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        path = "/fapi/v1/countdownCancelAll"
        await session.send("POST", ORDER, {**LIMIT, "newClientOrderId": "plain"})
        await session.send("POST", "/fapi/v1/algoOrder", STOP)
        async with await own(session) as socket:
            started = venue.exchange.now_ms
            for after_ms in (30_000, 60_000):
                await session.send("POST", path, {**SYMBOL, "countdownTime": after_ms})
            venue.exchange.advance(started + 59_000)
            assert len(venue.exchange.open_orders("paper")) == 1
            await session.send("POST", path, {**SYMBOL, "countdownTime": 0})
            venue.exchange.advance(started + 300_000)
            assert len(venue.exchange.open_orders("paper")) == 1
            await session.send("POST", path, {**SYMBOL, "countdownTime": 1_000})
            venue.exchange.advance(started + 302_000)
            (ended,) = await events(socket, 1)
        assert (ended["o"]["c"], ended["o"]["X"]) == ("plain", "CANCELED")
        assert len((await session.send("GET", "/fapi/v1/openAlgoOrders", {}))[1]) == 1

    tell(story)


def test_sockets_have_manners() -> None:
    async def story(venue: PaperVenue, session: RawSession) -> None:
        url = f"{session.ws_url}/ws"
        async with session.http.ws_connect(url, autoping=False) as silent:
            assert (await silent.receive(5)).type is aiohttp.WSMsgType.PING
            while (found := await silent.receive(5)).type is aiohttp.WSMsgType.PING:
                pass
            assert (found.type, found.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        async with session.http.ws_connect(url) as full:
            names = [f"never{at}@trade" for at in range(1_025)]
            await full.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
            assert "error" in (await events(full, 1))[0]

    tell(story, manners=Manners(ping_ms=250, pong_ms=700, life_ms=86_400_000))
