import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.modes import Difference, Mode, ensure_mode
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.venue_clock import Verdict
from qt_ray.adapters.binance.wire import Patience
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.calls import (
    NOT_SENT,
    Amend,
    Answer,
    AskAccount,
    AskBook,
    AskKey,
    AskMode,
    AskOpenOrders,
    AskTime,
    Cancel,
    Done,
    Place,
    PlaceMany,
    Refused,
    SetLeverage,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.views import KeyView
from tests.integration.binance_venue import (
    KEY,
    QUICK,
    SECRET,
    Behaviour,
    Venue,
    cuts_short,
    hangs_up,
    never_answers,
    refuses,
    says,
    session_at,
    venue,
)
from tests.unit.adapters.binance.recorded import ALGO, ORDER

pytestmark = pytest.mark.integration

ENTRY = Intent(
    client_id="qt-trend-00000000000000000000-0",
    symbol="币安人生USDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.010"),
    decision_id="d",
    policy_version=1,
    epoch=1,
    limit_price=Decimal("5E+4"),
)
EXIT = replace(ENTRY, side=Side.SELL, reduce_only=True)
ORDERS = "/fapi/v1/order"


def play(story: Callable[[Venue, BinanceSession], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with venue() as fake, session_at(fake) as session:
            await story(fake, session)

    asyncio.run(whole())


def test_an_order_is_signed_as_sent_and_answered_as_read() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("POST", ORDERS, says(ORDER, **{"X-MBX-USED-WEIGHT-1M": "7", "X-MBX-ORDER-COUNT-10S": "1"}))
        answer = await session.ask(Place(ENTRY))
        assert isinstance(answer, Done)
        assert answer.value.executed == Decimal("0.004")
        sent = fake.asked("POST", ORDERS)[0]
        assert sent.query["symbol"] == ENTRY.symbol
        assert sent.query["price"] == "50000"
        assert sent.query["selfTradePreventionMode"] == "EXPIRE_TAKER"
        assert (session.usage().weight_minute, session.usage().orders_ten_seconds) == (7, 1)

    play(story)


LOST: list[Behaviour] = [
    hangs_up,
    cuts_short,
    never_answers,
    says(b"<html>502 Bad Gateway</html>", 502),
    says(b"<html>login</html>", 200),
    says(b'{"orderId": 1', 200),
    says({"orderId": 1}, 200),
    refuses(503, -1007, "Timeout waiting for response from backend server."),
    refuses(503, -1000, "Unknown error, please check your request or try again later."),
]


@pytest.mark.parametrize("behaviour", LOST)
def test_after_bytes_have_left_an_accident_is_no_answer_and_no_reason_to_send_again(behaviour: Behaviour) -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("POST", ORDERS, behaviour)
        assert isinstance(await session.ask(Place(ENTRY)), Unsure)
        assert len(fake.asked("POST", ORDERS)) == 1

    play(story)


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (refuses(400, -2019, "Margin is insufficient."), Refused(-2019, "Margin is insufficient.")),
        (refuses(503, -1001, "Internal error; unable."), Refused(-1001, "Internal error; unable.")),
        (refuses(503, -1008, "throttled"), Throttled(-1008, 1_000)),
        (refuses(429, -1003, "Too many", **{"Retry-After": "5"}), Throttled(-1003, 5_000)),
        (says(b"teapot", 418, **{"Retry-After": "9"}), Throttled(-1003, 9_000, banned=True)),
    ],
)
def test_the_venues_own_word_is_definite(behaviour: Behaviour, answer: Answer[Any]) -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("POST", ORDERS, behaviour)
        assert await session.ask(Place(ENTRY)) == answer
        assert len(fake.asked("POST", ORDERS)) == 1

    play(story)


def test_nothing_that_changes_something_is_sent_again_on_a_kept_connection() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        for method, call in (
            ("DELETE", Cancel("X", "c")),
            ("PUT", Amend("X", "c", Side.BUY, Decimal(1), Decimal(1))),
            ("POST", Place(EXIT)),
        ):
            assert isinstance(await session.ask(AskTime()), Done)
            fake.plan(method, ORDERS, hangs_up)
            assert isinstance(await session.ask(call), Unsure)
            assert len(fake.asked(method, ORDERS)) == 1

    play(story)


def test_while_the_door_is_shut_nothing_knocks() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("GET", "/fapi/v1/openOrders", refuses(418, -1003, "banned", **{"Retry-After": "60"}))
        assert await session.ask(AskOpenOrders()) == Throttled(-1003, 60_000, banned=True)
        asked = len(fake.heard)
        for call in (Place(EXIT), AskTime(), AskOpenOrders(), Cancel("X", "c")):
            answer = await session.ask(call)
            assert isinstance(answer, Throttled)
            assert answer.banned
            assert 50_000 < answer.retry_after_ms <= 60_000
        assert len(fake.heard) == asked

    play(story)


def test_what_never_left_is_a_definite_no() -> None:
    async def story() -> None:
        async with venue() as fake:
            gone = fake.endpoints
        session = await BinanceSession.open(gone, Signer(KEY, SECRET))
        try:
            assert await session.ask(Place(EXIT)) == Refused(NOT_SENT, "ClientConnectorError")
        finally:
            await session.close()
        assert await session.ask(Place(EXIT)) == Refused(NOT_SENT, "the session is closed")

    asyncio.run(story())


def test_a_dear_question_is_asked_once_because_whoever_needs_it_counts_what_it_spends() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("GET", "/fapi/v1/openOrders", hangs_up, says([ORDER]))
        assert isinstance(await session.ask(AskOpenOrders()), Unsure)
        assert isinstance(await session.ask(AskOpenOrders()), Done)

    play(story)


@pytest.mark.parametrize("first", [hangs_up, says({"code": -1001, "msg": "Service Unavailable."}, 503)])
def test_a_question_may_be_repeated(first: Behaviour) -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("GET", "/fapi/v1/openOrders", first, says([ORDER, {**ORDER, "status": "ODD"}]))
        answer = await session.ask(AskOpenOrders("BTCUSDT"))
        assert isinstance(answer, Done)
        assert [view.client_id for view in answer.value] == [ORDER["clientOrderId"]]
        assert len(answer.unread) == 1
        assert "openOrders[1].status" in answer.unread[0]

    play(story)


@pytest.mark.requirement("S4 OrderGateway")
def test_a_clock_that_is_off_is_set_again_and_only_questions_go_twice() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        late = refuses(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        fake.plan("POST", ORDERS, late)
        asked = len(fake.asked("GET", "/fapi/v1/time"))
        fake.skew_ms = -90_000
        answer = await session.ask(Place(EXIT))
        assert isinstance(answer, Refused)
        assert answer.code == -1021
        assert len(fake.asked("GET", "/fapi/v1/time")) == asked + 1
        assert len(fake.asked("POST", ORDERS)) == 1
        fake.plan("GET", "/fapi/v1/openOrders", late, says([]))
        assert await session.ask(AskOpenOrders()) == Done(())
        stamps = [int(r.query["timestamp"]) for r in fake.asked("GET", "/fapi/v1/openOrders")]
        assert abs(stamps[1] + 90_000 - int(fake.asked("POST", ORDERS)[0].query["timestamp"])) < 5_000

    play(story)


def test_under_a_wrong_clock_nothing_is_opened_and_everything_may_be_closed() -> None:
    async def story() -> None:
        async with venue() as fake:
            fake.skew_ms = 5_000
            fake.plan("POST", ORDERS, says(ORDER))
            async with session_at(fake) as session:
                assert session.clock().verdict is Verdict.STOP
                refused = await session.ask(Place(ENTRY))
                assert isinstance(refused, Refused)
                assert refused.code == NOT_SENT
                assert isinstance(await session.ask(PlaceMany((EXIT, ENTRY))), Refused)
                assert isinstance(await session.ask(Place(EXIT)), Done)

    asyncio.run(story())


def test_the_clock_is_compared_again_and_again() -> None:
    async def story() -> None:
        async with venue() as fake, session_at(fake, replace(QUICK, clock_s=0.01)) as session:
            asked = len(fake.asked("GET", "/fapi/v1/time"))
            fake.skew_ms = 5_000
            while session.clock().verdict is not Verdict.STOP:
                await asyncio.sleep(0)
            assert len(fake.asked("GET", "/fapi/v1/time")) > asked

    asyncio.run(story())


def test_what_cannot_be_said_to_the_venue_is_refused_before_it_is_sent() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        trailing = replace(ENTRY, type=OrderType.TRAILING_STOP_MARKET, limit_price=None)
        answer = await session.ask(Place(trailing))
        assert isinstance(answer, Refused)
        assert answer.code == NOT_SENT
        assert "callback rate" in answer.message
        assert fake.asked("POST", "/fapi/v1/algoOrder") == []

    play(story)


def test_without_a_key_only_the_market_can_be_asked() -> None:
    async def story() -> None:
        async with venue() as fake:
            nobody = BinanceSession(fake.endpoints, None, Patience(), QUICK)
            assert await nobody.ask(AskAccount()) == Refused(NOT_SENT, "a signed request needs a key, there is none")
            await nobody.close()

    asyncio.run(story())


def test_an_answer_without_end_is_no_answer() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            for _ in range(40):
                await response.write(b" " * 2**20)
        return response

    async def story() -> None:
        async with venue() as fake, session_at(fake, patience=Patience(answer_ms=5_000)) as session:
            fake.plan("DELETE", ORDERS, endless)
            answer = await session.ask(Cancel("X", "c"))
            assert isinstance(answer, Unsure)
            assert "at most" in answer.reason

    asyncio.run(story())


def test_a_batch_answers_for_each() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("POST", "/fapi/v1/batchOrders", says([ORDER, {"code": -2022, "msg": "ReduceOnly"}]), says([ORDER]))
        answer = await session.ask(PlaceMany((ENTRY, EXIT)))
        assert isinstance(answer, Done)
        assert isinstance(answer.value[0], Done)
        assert answer.value[1] == Refused(-2022, "ReduceOnly")
        assert isinstance(await session.ask(PlaceMany((ENTRY, EXIT))), Unsure)

    play(story)


def test_a_cancelled_conditional_order_is_shown_as_it_is_then() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        path = "/fapi/v1/algoOrder"
        fake.plan("DELETE", path, says({"algoId": 1, "clientAlgoId": "c", "code": "200", "msg": "success"}))
        fake.plan("GET", path, says({**ALGO, "algoStatus": "CANCELED"}), refuses(400, -2013))
        call = Cancel("BTCUSDT", ALGO["clientAlgoId"], conditional=True)
        answer = await session.ask(call)
        assert isinstance(answer, Done)
        assert answer.value.status == "CANCELED"
        assert isinstance(await session.ask(call), Unsure)

    play(story)


@pytest.mark.requirement("S4 OrderGateway")
def test_leverage_is_read_back() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        shown = {"symbol": "X", "marginType": "CROSSED", "leverage": 3, "maxNotionalValue": "1000"}
        fake.plan("POST", "/fapi/v1/leverage", says({"leverage": 5, "maxNotionalValue": "1000", "symbol": "X"}))
        fake.plan("GET", "/fapi/v1/symbolConfig", says([shown]))
        answer = await session.ask(SetLeverage("X", 5))
        assert isinstance(answer, Done)
        assert answer.value.leverage == 3

    play(story)


def test_a_key_tells_of_itself_only_where_the_venue_does() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("GET", "/fapi/v2/account", says({"canTrade": True}))
        assert await session.ask(AskKey()) == Done(KeyView(True, None, None))
        rights = {"ipRestrict": True, "enableWithdrawals": False, "enableFutures": True}
        fake.plan("GET", "/sapi/v1/account/apiRestrictions", says(rights))
        ends = fake.endpoints
        live = await BinanceSession.open(Endpoints(ends.rest, ends.streams, ends.rest), Signer(KEY, SECRET))
        try:
            assert await live.ask(AskKey()) == Done(KeyView(True, False, True))
        finally:
            await live.close()

    play(story)


def test_the_account_is_set_as_wanted_and_what_cannot_be_is_said() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        def shown(leverage: int) -> list[dict[str, Any]]:
            return [{"symbol": "X", "marginType": "CROSSED", "leverage": leverage, "maxNotionalValue": "1"}]

        fake.plan(
            "GET", "/fapi/v1/positionSide/dual", says({"dualSidePosition": True}), says({"dualSidePosition": False})
        )
        fake.plan("GET", "/fapi/v1/multiAssetsMargin", says({"multiAssetsMargin": True}))
        fake.plan("GET", "/fapi/v1/symbolConfig", says(shown(20)), says(shown(5)))
        fake.plan("POST", "/fapi/v1/positionSide/dual", refuses(400, -4059, "No need to change position side."))
        fake.plan("POST", "/fapi/v1/leverage", says({}))
        differences = await ensure_mode(session, Mode({"X": 5, "Y": 5}))
        assert isinstance(differences, list)
        found = {one.setting: (one.mended, one.reason) for one in differences}
        assert found == {
            "hedge mode": (True, ""),
            "multi-asset margin": (False, "only a person can change it"),
            "X leverage": (True, ""),
            "Y settings": (False, "only a person can change it"),
        }
        fake.plan("GET", "/fapi/v1/symbolConfig", refuses(401, -2015, "Invalid API-key"))
        assert await ensure_mode(session, Mode({})) == Refused(-2015, "Invalid API-key")
        fake.plan("GET", "/fapi/v1/symbolConfig", says(shown(20)), refuses(401, -2015, "Invalid API-key"))
        fake.plan("POST", "/fapi/v1/leverage", refuses(400, -4028, "Leverage 9 is not valid"))
        assert await ensure_mode(session, Mode({"X": 9})) == Refused(-2015, "Invalid API-key")
        fake.plan("GET", "/fapi/v1/symbolConfig", says(shown(20)))
        (multi, leverage) = await found_differences(session, Mode({"X": 9}))
        assert multi.found == "True"
        assert (leverage.found, leverage.mended) == ("20", False)
        assert "Leverage 9 is not valid" in leverage.reason
        fake.plan("GET", "/fapi/v1/symbolConfig", refuses(401, -2015, "Invalid API-key"))
        assert isinstance(await session.ask(AskMode()), Refused)

    play(story)


async def found_differences(session: BinanceSession, wanted: Mode) -> list[Difference]:
    found = await ensure_mode(session, wanted)
    assert isinstance(found, list)
    return found


def test_no_secret_is_ever_shown(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[str] = []

    async def story(fake: Venue, session: BinanceSession) -> None:
        for behaviour in (*LOST, refuses(401, -2015)):
            fake.plan("POST", ORDERS, behaviour)
            shown.append(repr(await session.ask(Place(ENTRY))))
        shown.extend(map(repr, (session, session._wire, session._wire._signer, vars(session._wire), fake.endpoints)))

    play(story)
    with pytest.raises(TypeError) as error:
        Signer(KEY, SECRET).__reduce__()
    assert "canary" not in "".join([*shown, str(error.value), caplog.text])


def test_one_connection_serves_many_calls() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("GET", "/fapi/v1/depth", says({"lastUpdateId": 5, "bids": [["1", "2"]], "asks": []}))
        for _ in range(5):
            assert isinstance(await session.ask(AskBook("BTCUSDT", 10)), Done)
        assert isinstance(await session.ask(AskTime()), Done)
        assert isinstance(await session.ask(AskAccount()), Refused)
        assert len(fake.callers) == 1
        assert {request.query["limit"] for request in fake.asked("GET", "/fapi/v1/depth")} == {"10"}

    play(story)
