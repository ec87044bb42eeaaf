import asyncio

import pytest

from qt_ray.adapters.simulated_session import SimulatedSession
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.exchange.counter import Counter
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import NOT_SENT, Done, Refused
from qt_ray.execution.venue.news import News, StreamUp
from tests.unit.execution.exchange.floor import START, D, exchange

pytestmark = pytest.mark.unit


def session() -> SimulatedSession:
    return SimulatedSession(Counter(exchange(), "ann"), lambda: START)


def test_what_a_call_causes_is_heard_before_its_answer() -> None:
    async def story() -> None:
        ours = session()
        news = ours.news()
        assert await anext(news) == StreamUp(START)
        await ours.ask(calls.SetLeverage("BTCUSDT", 5))
        heard = asyncio.create_task(anext(news))
        await asyncio.sleep(0)
        assert heard.done()
        await news.aclose()  # type: ignore[attr-defined]  # it is an async generator

    asyncio.run(story())


def test_what_happens_in_the_world_is_heard_by_every_listener() -> None:
    async def story() -> None:
        x = exchange()
        ours = SimulatedSession(Counter(x, "ann"), lambda: START)
        ears = [ours.news(), ours.news()]
        for ear in ears:
            await anext(ear)
        x.deposit("ann", "USDT", D(5), START)
        ours.hear()
        one, other = [await anext(ear) for ear in ears]
        assert one == other

    asyncio.run(story())


def test_a_closed_session_sends_nothing_and_its_news_end() -> None:
    async def story() -> None:
        ours = session()
        heard: list[News] = []

        async def listen() -> None:
            heard.extend([news async for news in ours.news()])

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        await ours.ask(calls.SetLeverage("BTCUSDT", 5))
        await ours.close()
        await asyncio.wait_for(listening, 1)
        assert len(heard) == 2
        answer = await ours.ask(calls.AskTime())
        assert isinstance(answer, Refused)
        assert answer.code == NOT_SENT

    asyncio.run(story())


def test_open_orders_stay_where_they_are_when_a_session_ends() -> None:
    async def story() -> None:
        counter = Counter(exchange(), "ann")
        first = SimulatedSession(counter, lambda: START)
        resting = Intent("a", "BTCUSDT", Side.BUY, OrderType.LIMIT, D(1), "decision", 1, 1, limit_price=D(90))
        await first.ask(calls.Place(resting))
        await first.close()
        found = await SimulatedSession(counter, lambda: START).ask(calls.AskOpenOrders())
        assert isinstance(found, Done)
        assert [one.client_id for one in found.value] == ["a"]

    asyncio.run(story())
