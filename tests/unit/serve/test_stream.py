"""Events over a WebSocket: in frames, from now on, with a heartbeat, and never at the cost of another listener."""

import asyncio
import json
from collections import deque
from typing import Any

import pytest
from starlette.types import Message

from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import ModeChanged
from qt_ray.governance.bus import Delivery
from qt_ray.monitoring.outbox import CRITICAL_MAX
from qt_ray.serve.stream import LISTENERS_MAX, OVERRUN, TOO_MANY, Broadcast, stream_app

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S7 Dashboard")]


class Bus:
    """A bus of deliveries that are handed out once; it may be away."""

    def __init__(self) -> None:
        self.coming = deque[Delivery]()
        self.is_away = False

    async def position(self, since_ms: int) -> str:
        return "0"

    async def read(self, after: str, most: int, wait_ms: int) -> tuple[Delivery, ...]:
        if self.is_away:
            raise Retryable("redis: a stream is answered, ConnectionError")
        await asyncio.sleep(0)
        return tuple(self.coming.popleft() for _ in range(min(most, len(self.coming))))

    def publish(self, *events: Event) -> None:
        self.coming.extend(Delivery(one.id, one) for one in events)


class Listener:
    """The client's end of a socket; `is_stuck` takes nothing off it."""

    def __init__(self, is_stuck: bool = False) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.coming: asyncio.Queue[Message] = asyncio.Queue()
        self.coming.put_nowait({"type": "websocket.connect"})
        self._is_stuck = is_stuck

    async def send(self, message: Message) -> None:
        if self._is_stuck and message["type"] == "websocket.send":
            await asyncio.Event().wait()
        self.sent.put_nowait(message)

    async def frame(self) -> Any:
        message = await asyncio.wait_for(self.sent.get(), 5)
        return json.loads(message["text"]) if message["type"] == "websocket.send" else message

    def leave(self) -> None:
        self.coming.put_nowait({"type": "websocket.disconnect", "code": 1001})


SCOPE = {
    "type": "websocket",
    "path": "/stream",
    "headers": [],
    "query_string": b"",
    "subprotocols": [],
    "root_path": "",
}


class Story:
    def __init__(self) -> None:
        self.bus = Bus()
        self.broadcast = Broadcast(self.bus, now_ms)
        self.app = stream_app(self.broadcast, now_ms)

    def open(self, listener: Listener) -> "asyncio.Task[None]":
        return asyncio.create_task(self.app(dict(SCOPE), listener.coming.get, listener.send))


def policy(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number, "ann"), "store", now_ms())


async def welcomed(story: Story, listener: Listener) -> "asyncio.Task[None]":
    task = story.open(listener)
    assert (await listener.frame())["type"] == "websocket.accept"
    assert (await listener.frame())["events"] == []
    return task


@pytest.mark.requirement("Sprint5-6")
@pytest.mark.sprint5
def test_what_happens_is_sent_in_frames_with_the_state_of_the_link() -> None:
    async def tale() -> None:
        story, listener = Story(), Listener()
        task = await welcomed(story, listener)
        story.bus.publish(policy(1))
        await story.broadcast.turn()
        found = await listener.frame()
        assert (found["schema"], found["link"]) == ("qt.stream/1", "down")
        assert [(one["type"], one["payload"]["version"]) for one in found["events"]] == [("policy.mode.changed", 1)]
        listener.leave()
        await asyncio.wait_for(task, 5)
        assert story.broadcast.listeners == 0

    asyncio.run(tale())


def test_a_bus_that_is_away_is_said_with_each_heartbeat() -> None:
    async def tale() -> None:
        story, listener = Story(), Listener()
        reading = asyncio.create_task(story.broadcast.run())
        task = await welcomed(story, listener)
        assert (await listener.frame())["link"] == "up"
        story.bus.is_away = True
        while (await listener.frame())["link"] == "up":
            pass
        for one in (reading, task):
            one.cancel()
        await asyncio.gather(reading, task, return_exceptions=True)

    asyncio.run(tale())


def test_a_listener_that_takes_nothing_holds_up_nobody() -> None:
    async def tale() -> None:
        story, stuck, other = Story(), Listener(is_stuck=True), Listener()
        held = story.open(stuck)
        task = await welcomed(story, other)
        story.bus.publish(policy(1))
        await story.broadcast.turn()
        assert len((await other.frame())["events"]) == 1
        for one in (held, task):
            one.cancel()
        await asyncio.gather(held, task, return_exceptions=True)
        assert story.broadcast.listeners == 0

    asyncio.run(tale())


def test_one_that_falls_too_far_behind_is_cut_off() -> None:
    async def tale() -> None:
        story, listener = Story(), Listener()
        task = await welcomed(story, listener)
        story.bus.publish(*(policy(number) for number in range(CRITICAL_MAX + 500)))
        while story.bus.coming:
            await story.broadcast.turn()
        while not isinstance(found := await listener.frame(), dict) or found.get("type") != "websocket.close":
            pass
        assert found["code"] == OVERRUN
        await asyncio.wait_for(task, 5)

    asyncio.run(tale())


def test_there_is_a_number_of_listeners_and_one_more_is_told_so() -> None:
    async def tale() -> None:
        story, listener = Story(), Listener()
        for _ in range(LISTENERS_MAX):
            story.broadcast.join()
        task = story.open(listener)
        assert [(await listener.frame())["type"], (await listener.frame())["code"]] == ["websocket.accept", TOO_MANY]
        await asyncio.wait_for(task, 5)

    asyncio.run(tale())
