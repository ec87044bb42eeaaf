"""Every way in which the paper venue can break a request or an event, and what our side makes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.calls import (
    AskMarks,
    AskOpenOrders,
    AskOrder,
    AskTrades,
    Done,
    Place,
    Refused,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.news import AccountNews, News, OrderNews, StreamDown, StreamUp, Unheeded, Unreadable

pytestmark = pytest.mark.integration

BTC, ORDERS = "BTCUSDT", "/fapi/v1/order"
Story = Callable[[PaperVenue, BinanceSession], Awaitable[None]]


@asynccontextmanager
async def paper() -> AsyncIterator[tuple[PaperVenue, BinanceSession]]:
    venue = PaperVenue(PaperSettings(symbols=(BTC,), step_ms=0))
    await venue.start()
    endpoints = Endpoints(venue.base_url, venue.ws_url)
    session = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET), Patience(5_000, 500, 250))
    try:
        yield venue, session
    finally:
        await session.close()
        await venue.stop()


def play(story: Story) -> None:
    async def whole() -> None:
        async with paper() as (venue, session):
            await asyncio.wait_for(story(venue, session), 30)

    asyncio.run(whole())


def order(number: int) -> Intent:
    name = f"qt-trend-00000000000000000000-{number}"
    return Intent(name, BTC, Side.BUY, OrderType.MARKET, Decimal("0.01"), "d", 1, 1)


LIVE, GONE = True, False
REQUESTS: list[tuple[dict[str, Any], type[Any], bool]] = [
    ({"deed": Deed.DROP_BEFORE}, Unsure, GONE),
    ({"deed": Deed.DROP_AFTER}, Unsure, LIVE),
    ({"deed": Deed.DELAY_AFTER, "delay_ms": 400}, Unsure, LIVE),
    ({"deed": Deed.TRUNCATE}, Unsure, LIVE),
    ({"deed": Deed.GARBLE}, Unsure, LIVE),
    ({"deed": Deed.SPOIL, "field": "executedQty", "value": '"NaN"'}, Unsure, LIVE),
    ({"deed": Deed.SPOIL, "field": "avgPrice", "value": '"-1"'}, Unsure, LIVE),
    *[({"deed": Deed.ANSWER_AFTER, "answer": said}, Unsure, LIVE) for said in ("unknown", "timeout", "bad_gateway")],
    *[({"deed": Deed.ANSWER_BEFORE, "answer": said}, Unsure, GONE) for said in ("unknown", "timeout", "bad_gateway")],
    *[({"deed": Deed.ANSWER_BEFORE, "answer": said}, Refused, GONE) for said in ("unavailable", "internal", "revoked")],
    ({"deed": Deed.ANSWER_BEFORE, "answer": "throttled"}, Throttled, GONE),
]


@pytest.mark.parametrize(("fault", "kind", "is_live"), REQUESTS, ids=lambda part: str(part)[:60])
def test_no_answer_is_taken_for_more_than_it_says(fault: dict[str, Any], kind: type[Any], is_live: bool) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        for number in range(3):
            rule = venue.faults.add(Rule(method="POST", path=ORDERS, **fault))
            answer = await session.ask(Place(order(number)))
            venue.faults.remove(rule.id)
            assert type(answer) is kind
            shown = await session.ask(AskOrder(BTC, order(number).client_id))
            assert shown == Refused(-2013, "Order does not exist.") if not is_live else isinstance(shown, Done)
        trades = await session.ask(AskTrades(BTC))
        assert isinstance(trades, Done)
        assert len({trade.order_id for trade in trades.value}) == (3 if is_live else 0)

    play(story)


def test_a_resting_order_whose_request_arrives_twice_is_one_order() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        venue.faults.add(Rule(Deed.DUPLICATE, method="POST", path=ORDERS))
        marks = await session.ask(AskMarks())
        assert isinstance(marks, Done)
        low = (marks.value[BTC].mark * Decimal("0.97")).quantize(Decimal("0.1"))
        answer = await session.ask(Place(replace(order(1), type=OrderType.LIMIT, limit_price=low)))
        assert isinstance(answer, Done) or answer == Refused(-4116, "ClientOrderId is duplicated.")
        resting = await session.ask(AskOpenOrders(BTC))
        assert isinstance(resting, Done)
        assert len(resting.value) == 1

    play(story)


@pytest.mark.parametrize("said", ["too_many", "banned"])
def test_a_shut_door_is_not_knocked_at(said: str) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        venue.faults.add(Rule(Deed.ANSWER_BEFORE, path=ORDERS, answer=said))
        for number in range(5):
            assert isinstance(await session.ask(Place(order(number))), Throttled)
            assert isinstance(await session.ask(AskOpenOrders()), Throttled)
        assert venue.faults.injected == {"answer_before": 1}

    play(story)


ORDER_EVENT = {"event": "ORDER_TRADE_UPDATE"}
EVENTS: list[tuple[dict[str, Any], list[type[News]], list[str]]] = [
    ({"deed": Deed.EVENT_LOSE}, [Unheeded, AccountNews], []),
    (
        {"deed": Deed.EVENT_DUPLICATE},
        [OrderNews, OrderNews, Unheeded, AccountNews, OrderNews, OrderNews],
        ["trade"] * 2,
    ),
    ({"deed": Deed.EVENT_TRUNCATE}, [Unreadable, Unheeded, AccountNews, Unreadable], []),
    ({"deed": Deed.EVENT_EXTRA}, [OrderNews, Unheeded, AccountNews, OrderNews], ["trade"]),
    ({"deed": Deed.EVENT_UNKNOWN}, [OrderNews, Unheeded, Unheeded, AccountNews, OrderNews, Unheeded], ["trade"]),
    ({"deed": Deed.EVENT_HUGE}, [OrderNews, Unheeded, Unheeded, AccountNews, OrderNews, Unheeded], ["trade"]),
    *[
        ({"deed": Deed.EVENT_SPOIL, "field": "L", "value": value}, [OrderNews, Unheeded, AccountNews, Unreadable], [])
        for value in ('"0"', '"-5"', '"NaN"', '"1e400"', "5", '"１"')
    ],
]


@pytest.mark.parametrize(("fault", "kinds", "trades"), EVENTS, ids=lambda part: str(part)[:60])
def test_a_broken_event_breaks_nothing_else(fault: dict[str, Any], kinds: list[type[News]], trades: list[str]) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        news = session.news()
        assert isinstance(await anext(news), StreamUp)
        rule = venue.faults.add(Rule(**ORDER_EVENT, **fault))
        assert isinstance(await session.ask(Place(order(1))), Done)
        told = [await anext(news) for _ in kinds]
        assert [type(one) for one in told] == kinds
        assert len([one for one in told if isinstance(one, OrderNews) and one.execution]) == len(trades)
        venue.faults.remove(rule.id)
        assert isinstance(await session.ask(Place(order(2))), Done)
        assert isinstance(await anext(news), OrderNews)

    play(story)


def test_an_event_that_cuts_the_socket_leaves_a_told_gap() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        news = session.news()
        await anext(news)
        venue.faults.add(Rule(Deed.EVENT_CLOSE, **ORDER_EVENT, count=1))
        assert isinstance(await session.ask(Place(order(1))), Done)
        kinds: list[type[News]] = []
        while StreamUp not in kinds:
            kinds.append(type(await anext(news)))
        assert kinds[-2:] == [StreamDown, StreamUp]

    play(story)
