import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import orjson
import pytest
from aiohttp import web

from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.execution.venue.news import News, OrderNews, StreamDown, StreamUp, Unheeded, Unreadable
from tests.integration.binance_venue import QUICK, Venue, hangs_up, never_answers, refuses, says, session_at, venue
from tests.unit.adapters.binance.recorded import TRADED

pytestmark = pytest.mark.integration

CALM = replace(QUICK, ping_s=5.0, pong_s=5.0, keep_key_s=60.0)
LISTEN_KEY = "/fapi/v1/listenKey"
EXPIRED = b'{"e":"listenKeyExpired","E":"1736996475556","listenKey":"key-1"}'

Story = Callable[[Venue, BinanceSession, AsyncIterator[News]], Awaitable[None]]


def play(story: Story, pace: Pace = CALM) -> None:
    async def whole() -> None:
        async with venue() as fake, session_at(fake, pace) as session:
            news = session.news()
            await asyncio.wait_for(story(fake, session, news), 20)
            await news.aclose()  # type: ignore[attr-defined]

    asyncio.run(whole())


def traded(trade_id: int) -> bytes:
    return orjson.dumps({**TRADED, "o": {**TRADED["o"], "t": trade_id}})


async def send(socket: web.WebSocketResponse, *messages: bytes) -> None:
    for message in messages:
        await socket.send_str(message.decode("utf-8", "surrogateescape"))


async def until(news: AsyncIterator[News], kind: type[News]) -> list[News]:
    """Return what is heard up to the first of a kind."""
    heard: list[News] = []
    async for one in news:
        heard.append(one)
        if isinstance(one, kind):
            return heard
    raise AssertionError(f"no {kind}, but {heard}")


def trades(heard: list[News]) -> list[int]:
    return [one.execution.trade_id for one in heard if isinstance(one, OrderNews) and one.execution]


def test_everything_is_told_in_the_order_it_was_heard() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        assert isinstance(await anext(news), StreamUp)
        socket = await fake.connected(1)
        await send(socket, traded(1), b'{"e":"TRADE_LITE","E":1}', b'{"e":"ORDER', traded(2))
        heard = [await anext(news) for _ in range(4)]
        assert [type(one) for one in heard] == [OrderNews, Unheeded, Unreadable, OrderNews]
        assert trades(heard) == [1, 2]

    play(story)


def test_a_socket_that_ends_is_followed_by_another_with_the_gap_told() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        await anext(news)
        for count in range(1, 4):
            await send(await fake.connected(count), traded(count))
            await fake.sockets[-1].close()
            heard = await until(news, StreamUp)
            assert [type(one) for one in heard] == [OrderNews, StreamDown, StreamUp]
            assert trades(heard) == [count]

    play(story)


def test_a_socket_that_answers_no_ping_is_dead() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        fake.pongs = False
        await anext(news)
        down = await anext(news)
        assert isinstance(down, StreamDown)
        assert "silent for 0.2 s" in down.reason

    play(story, QUICK)


def test_a_socket_that_answers_pings_lives_however_silent() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        await anext(news)
        socket = await fake.connected(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(fake.told(1)), 0.5)
        await socket.ping(b"are you there")
        await send(socket, traded(1))
        assert trades([await anext(news)]) == [1]
        assert len(fake.sockets) == 1

    play(story, replace(QUICK, keep_key_s=60.0))


def test_a_day_old_socket_is_replaced_without_a_gap() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        await anext(news)
        old = await fake.connected(1)
        new = await fake.connected(2)
        await send(old, traded(1))
        await send(new, traded(1), traded(2))
        heard = [await anext(news) for _ in range(3)]
        assert sorted(trades(heard)) == [1, 1, 2]

    play(story, replace(CALM, life_s=0.1, overlap_s=2.0))


def test_a_server_that_shuts_down_is_left_before_it_goes() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        await anext(news)
        await send(await fake.connected(1), b'{"e":"serverShutdown","E":1}')
        await send(await fake.connected(2), traded(2))
        assert [type(await anext(news)) for _ in range(2)] == [Unheeded, OrderNews]

    play(story)


def test_a_server_that_goes_before_we_have_another_leaves_a_gap() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        fake.plan("POST", LISTEN_KEY, says({"listenKey": "key-1"}), never_answers, says({"listenKey": "key-2"}))
        await anext(news)
        socket = await fake.connected(1)
        await send(socket, b'{"e":"serverShutdown","E":1}')
        await socket.close()
        heard = await until(news, StreamUp)
        assert [type(one) for one in heard] == [Unheeded, StreamDown, StreamUp]

    play(story)


def test_an_expired_key_is_replaced_and_the_gap_told() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        await anext(news)
        await send(await fake.connected(1), EXPIRED)
        heard = await until(news, StreamUp)
        assert [type(one) for one in heard] == [Unheeded, StreamDown, StreamUp]
        assert "canary" not in repr(heard)
        await send(await fake.connected(2), traded(2))
        assert trades([await anext(news)]) == [2]

    play(story)


def test_a_key_is_kept_alive_and_a_deleted_one_noticed() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        fake.plan(
            "PUT", LISTEN_KEY, says({}), hangs_up, refuses(400, -1125, "This listenKey does not exist."), says({})
        )
        assert [type(one) for one in await until(news, StreamUp)] == [StreamUp]
        assert [type(one) for one in await until(news, StreamUp)] == [StreamDown, StreamUp]
        assert len(fake.asked("PUT", LISTEN_KEY)) >= 3
        assert len(fake.sockets) == 2

    play(story, replace(CALM, keep_key_s=0.1, keep_key_again_s=0.02))


def test_until_the_venue_lets_us_in_we_try_again_more_and_more_slowly() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        throttled = refuses(429, -1003, "later", **{"Retry-After": "0"})
        fake.plan("POST", LISTEN_KEY, hangs_up, refuses(401, -2015), throttled, says({"listenKey": "key-9"}))
        fake.refused_sockets = 1
        assert isinstance(await anext(news), StreamUp)
        assert len(fake.asked("POST", LISTEN_KEY)) == 5

    play(story)


def test_a_slow_listener_loses_nothing_and_is_not_taken_for_a_dead_socket() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        await anext(news)
        socket = await fake.connected(1)
        await send(socket, *(traded(n) for n in range(1, 41)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(fake.told(1)), 0.5)
        assert trades([await anext(news) for _ in range(40)]) == list(range(1, 41))
        assert len(fake.sockets) == 1

    play(story, replace(QUICK, keep_key_s=60.0, queue_max=2))


def test_closing_the_session_ends_the_news() -> None:
    async def story(fake: Venue, session: BinanceSession, news: AsyncIterator[News]) -> None:
        await anext(news)
        following = asyncio.ensure_future(anext(news, None))
        await asyncio.wait({following}, timeout=0.05)
        await session.close()
        assert await following is None

    play(story)
