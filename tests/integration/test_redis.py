"""FAULTS rows 53, 54, 56: a real Redis, killed and stalled; nothing acknowledged is lost, nothing is there twice."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.adapters.publisher import Publisher
from qt_ray.adapters.redis.bus import RedisBus
from qt_ray.adapters.redis.link import linked
from qt_ray.adapters.redis.server import RedisServer, server_binary
from qt_ray.core.errors import Invalid, InvalidConfig, Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import ModeChanged
from tests.integration.socket_proxy import SocketProxy

pytestmark = pytest.mark.integration


def happened(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number + 1, "ann"), "policy", number)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


async def told(bus: RedisBus) -> list[int]:
    """Return everything of the policy's that is on the bus."""
    await bus.join("all", from_start=True)
    found = await bus.hear("all", "one", 10_000, 0)
    return [one.event.time_ms for one in found if one.event and one.event.source == "policy"]


def test_a_bus_on_which_nobody_speaks_is_no_dead_one_however_long_news_is_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        server = RedisServer.start(tmp_path)
        bus = RedisBus(linked(server.socket))
        await bus.join("all")
        assert await bus.read("", 10, 30_000) == ()
        assert await bus.hear("all", "one", 10, 30_000) == ()
        await bus.close()
        server.stop()

    run(story)


def test_a_killed_server_has_kept_what_it_acknowledged(tmp_path: Path) -> None:
    async def story() -> None:
        acknowledged = list[int]()
        server = RedisServer.start(tmp_path)
        bus = RedisBus(linked(server.socket))

        async def publish() -> None:
            for number in range(100_000):
                await bus.publish([happened(number)])
                acknowledged.append(number)
                if number == 50:
                    server.kill()

        with pytest.raises(Retryable):
            await publish()
        await bus.close()
        server = RedisServer.start(tmp_path)
        bus = RedisBus(linked(server.socket))
        for number in (acknowledged[-1] + 1, acknowledged[-1] + 2):  # the one in doubt, and one more
            await bus.publish([happened(number)])
        assert await told(bus) == list(range(acknowledged[-1] + 3))
        await bus.close()
        server.stop()

    run(story)


def test_a_lost_reply_puts_no_event_on_the_bus_twice(tmp_path: Path) -> None:
    async def story() -> None:
        server = RedisServer.start(tmp_path / "redis")
        async with SocketProxy(tmp_path / "proxy.sock", server.socket) as proxy:
            bus = RedisBus(linked(proxy.path, answer_s=0.2))
            for number in range(10):
                proxy.holds_answers = number % 2 == 0
                try:
                    await bus.publish([happened(number)])
                except Retryable:
                    proxy.holds_answers = False
                    await bus.publish([happened(number)])
            assert await told(bus) == list(range(10))
            await bus.close()
        server.stop()

    run(story)


@pytest.mark.requirement("P0-03", "Sprint5-1")
@pytest.mark.p0_patches
@pytest.mark.sprint5
def test_an_outage_in_the_middle_of_a_stream_of_events_shows_nowhere(tmp_path: Path) -> None:
    async def story() -> None:
        server = RedisServer.start(tmp_path / "redis")
        bus, buffer = RedisBus(linked(server.socket, answer_s=0.2)), EventBuffer(tmp_path / "buffer")
        publisher = Publisher(bus, buffer, "gateway", again_ms=20)
        carrying = asyncio.create_task(publisher.run())
        for number in range(300):
            if number == 100:
                server.kill()
            if number == 200:
                server = RedisServer.start(tmp_path / "redis")
            await publisher.publish(happened(number))
        while not publisher.is_reaching:
            await asyncio.sleep(0.01)
        await publisher.publish(happened(300))
        assert await told(bus) == list(range(301))
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        buffer.close()
        await bus.close()
        server.stop()

    run(story)


def test_the_embedded_server_is_its_user_s_alone_and_runs_nobody_s_code(tmp_path: Path) -> None:
    async def story() -> None:
        server = RedisServer.start(tmp_path / "redis")
        redis = linked(server.socket)
        assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700
        assert server.socket.stat().st_mode & 0o777 == 0o600
        for command in ("CONFIG GET dir", "EVAL return 0", "FLUSHALL", "DEBUG SLEEP 0"):
            with pytest.raises(Exception, match="unknown command"):
                await redis.execute_command(*command.split())
        await redis.aclose()
        server.stop()

    run(story)


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        first = RedisServer.start(tmp_path / "redis")
        first.stop()
        (tmp_path / "redis" / "appendonlydir").mkdir(exist_ok=True)
        for path in (tmp_path / "redis" / "appendonlydir").glob("*.manifest"):
            path.write_text("nonsense\n")
        (tmp_path / "redis" / "appendonly.aof").write_text("nonsense\n")
        with pytest.raises(Retryable, match="redis: a server starts, it ended with"):
            RedisServer.start(tmp_path / "redis")
        with pytest.raises(InvalidConfig, match="at most 100 bytes"):
            RedisServer.start(tmp_path / ("x" * 120))

        (tmp_path / "old").write_text("#!/bin/sh\necho Redis server v=5.0.14\n")
        (tmp_path / "old").chmod(0o700)
        with pytest.raises(InvalidConfig, match=r"6.2 or newer, old said b'Redis server v=5.0.14"):
            RedisServer.start(tmp_path / "redis", tmp_path / "old")
        with pytest.raises(InvalidConfig, match="a server can be run, none cannot: No such file"):
            RedisServer.start(tmp_path / "redis", tmp_path / "none")

    run(story)
    monkeypatch.setenv("QT_REDIS_SERVER", "/somewhere/redis")
    assert server_binary() == Path("/somewhere/redis")


def test_a_question_that_makes_no_sense_is_our_mistake(tmp_path: Path) -> None:
    async def story() -> None:
        server = RedisServer.start(tmp_path)
        bus = RedisBus(linked(server.socket))
        with pytest.raises(Invalid, match="redis: a stream is understood"):
            await bus.hear("nobody", "one", 1, 0)
        await bus.close()
        server.stop()

    run(story)
