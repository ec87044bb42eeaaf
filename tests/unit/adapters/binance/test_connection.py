import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest
from aiohttp import ClientConnectionResetError, ClientWebSocketResponse, WSMessage, WSMsgType

from qt_ray.adapters.binance.connection import Connection
from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.binance.queues import drained

pytestmark = pytest.mark.unit


class Socket:
    """A socket that hears what it was given, in order; `None` is silence until the time is over."""

    close_code = 1006

    def __init__(self, *frames: WSMessage | None, is_cut: bool = False) -> None:
        self.frames = list(frames)
        self.is_cut = is_cut
        self.waited: list[float] = []
        self.said: list[str] = []

    async def receive(self, timeout: float) -> WSMessage:
        self.waited.append(timeout)
        frame = self.frames.pop(0)
        if frame is None:
            raise TimeoutError
        return frame

    async def ping(self) -> None:
        self._say("ping")

    async def pong(self, data: bytes) -> None:
        self._say(f"pong {data.decode()}")

    async def send_str(self, text: str) -> None:
        self._say(text)

    async def close(self) -> None:
        self.said.append("close")

    def _say(self, what: str) -> None:
        if self.is_cut:
            raise ClientConnectionResetError
        self.said.append(what)


def frame(kind: WSMsgType, data: Any = "") -> WSMessage:
    return WSMessage(kind, data, None)


TEXT, PONG = frame(WSMsgType.TEXT, "hello"), frame(WSMsgType.PONG)


def over(socket: Socket) -> Connection:
    return Connection(cast(ClientWebSocketResponse, socket), Pace())


def ran(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_silence_is_broken_by_a_ping_and_an_answer_is_life() -> None:
    socket = Socket(None, PONG, None, TEXT, frame(WSMsgType.PING, b"x"), frame(WSMsgType.BINARY, b"bytes"))
    connection = over(socket)
    assert ran(connection.hear()) == "hello"
    assert ran(connection.hear()) == b"bytes"
    assert socket.said == ["ping", "ping", "pong x"]
    assert socket.waited == [2, 3, 2, 3, 2, 2]


@pytest.mark.parametrize(
    ("socket", "ended"),
    [
        (Socket(None, None), "silent for 5 s, even when pinged"),
        (Socket(frame(WSMsgType.CLOSED)), "closed with 1006"),
        (Socket(frame(WSMsgType.ERROR, ValueError())), "closed with 1006"),
        (Socket(None, is_cut=True), "ClientConnectionResetError"),
        (Socket(frame(WSMsgType.PING, b""), is_cut=True), "ClientConnectionResetError"),
    ],
)
def test_a_connection_ends_once_and_says_why(socket: Socket, ended: str) -> None:
    connection = over(socket)
    assert ran(connection.hear()) is None
    assert ran(connection.hear()) is None
    ran(connection.close())
    assert connection.ended == ended
    assert socket.said[-1] == "close"


def test_what_cannot_be_said_ends_the_connection() -> None:
    connection = over(Socket(TEXT, is_cut=True))
    ran(connection.say("hello"))
    assert connection.ended == "ClientConnectionResetError"
    assert ran(connection.hear()) is None


def test_a_queue_is_drained_until_its_source_ends() -> None:
    async def story(fails: bool) -> list[int]:
        queue: asyncio.Queue[int] = asyncio.Queue(2)

        async def source() -> None:
            for number in range(5):
                await queue.put(number)
            if fails:
                raise ValueError("broken")

        return [number async for number in drained(queue, asyncio.create_task(source()))]

    assert ran(story(fails=False)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="broken"):
        ran(story(fails=True))
