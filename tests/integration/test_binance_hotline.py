"""Orders over lines of our own: what leaves at once, what leaves the other way, and that nothing leaves twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
import uvloop

from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.hotline import LINES, STEADY_NS, Hotlines
from qt_ray.adapters.binance.reading import Told
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.wire import Patience
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.calls import NOT_SENT, Cancel, Done, Place, Refused, Unsure
from tests.integration.binance_venue import (
    KEY,
    QUICK,
    SECRET,
    Venue,
    hangs_up,
    never_answers,
    says,
    session_at,
    venue,
)
from tests.integration.tls import served_over_tls
from tests.unit.adapters.binance.recorded import ORDER

pytestmark = pytest.mark.integration

PATIENT = Patience()
ORDERS = "/fapi/v1/order"
ENTRY = Intent("qt-trend-00000000000000000000-0", "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal(1), "d", 1, 1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def play(
    story: Callable[[Venue, BinanceSession], Awaitable[None]],
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    async def whole() -> None:
        async with venue() as fake, session_at(fake) as session:
            await story(fake, session)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(whole())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.002)


def test_what_finds_no_idle_line_leaves_the_other_way_and_each_leaves_once() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("POST", ORDERS, says(ORDER))
        ways = []
        under_way = []
        for _ in range(LINES + 2):
            ways.append(session.is_prompt)
            under_way.append(session.start(Place(ENTRY)))
        answers = [await one for one in under_way]
        assert ways == [True] * LINES + [False] * 2
        assert all(isinstance(answer, Done) for answer in answers)
        assert len(fake.asked("POST", ORDERS)) == LINES + 2
        assert session.is_prompt

    play(story)
    # A part of a cluster lives on a loop of another make, whose transports are of another class.
    play(story, uvloop.new_event_loop)


def test_a_line_that_hung_up_is_not_asked_again_and_is_missed_once_at_most() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("POST", ORDERS, *[hangs_up] * LINES, says(ORDER))
        for _ in range(LINES):
            assert isinstance(await session.ask(Place(ENTRY)), Unsure)
        assert not session.is_prompt
        assert isinstance(await session.ask(Place(ENTRY)), Done)
        assert len(fake.asked("POST", ORDERS)) == LINES + 1
        await until(lambda: session.is_prompt)

    play(story)


def test_who_stops_waiting_leaves_no_answer_for_the_next() -> None:
    async def story(fake: Venue, session: BinanceSession) -> None:
        fake.plan("POST", ORDERS, never_answers)
        fake.plan("DELETE", ORDERS, says({**ORDER, "status": "CANCELED"}))
        for _ in range(LINES):
            waiting = asyncio.create_task(session.ask(Place(ENTRY)))
            await until(lambda: len(fake.asked("POST", ORDERS)) > 0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        answer = await session.ask(Cancel("BTCUSDT", "c"))
        assert isinstance(answer, Done)
        assert answer.value.status == "CANCELED"

    play(story)


def test_a_session_that_is_closed_or_finds_nobody_sends_nothing() -> None:
    async def story() -> None:
        async with venue() as fake:
            session = await BinanceSession.open(fake.endpoints, Signer(KEY, SECRET), None, QUICK)
            await session.close()
            assert await session.start(Place(ENTRY)) == Refused(NOT_SENT, "the session is closed")
            assert fake.asked("POST", ORDERS) == []
        alone = BinanceSession(Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1"), Signer(KEY, SECRET), PATIENT, QUICK)
        answer = await alone.ask(Place(ENTRY))
        assert isinstance(answer, Refused)
        assert answer.code == NOT_SENT
        await alone.close()

    asyncio.run(story())


@dataclass
class Plain:
    """A server that says what it is told to, whatever it hears, and the lines to it."""

    says: bytes = OK
    heard: list[bytes] = field(default_factory=list)
    callers: list[asyncio.StreamWriter] = field(default_factory=list)
    now_ns: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers.append(writer)
        while data := await reader.read(4_096):
            self.heard.append(data)
            writer.write(self.says)

    def lines(self, path: str = "") -> Hotlines:
        url = f"http://127.0.0.1:{self.port}{path}"
        return Hotlines(url, {"X-MBX-APIKEY": "k"}, 1.0, 0.2, clock=lambda: self.now_ns)


@asynccontextmanager
async def plain(said: bytes = OK) -> AsyncIterator[Plain]:
    found = Plain(said)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for writer in found.callers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in found.callers), return_exceptions=True)


async def asked(lines: Hotlines) -> Told | str:
    answered = lines.begin("POST", "/order?a=1")
    assert answered is not None
    return await answered


def test_a_request_is_what_was_signed_with_its_headers_and_no_body() -> None:
    async def story() -> None:
        async with plain() as server:
            lines = server.lines("/base/")
            await lines.warm()
            assert await asked(lines) == Told(200, {"content-length": "2"}, b"{}", is_kept=True)
            await lines.close()
            head = b"POST /base/order?a=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port
            assert server.heard == [head + b"Accept: */*\r\nContent-Length: 0\r\nX-MBX-APIKEY: k\r\n\r\n"]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"no HTTP\r\n\r\n", "an answer begins with its status"), (OK[:-1], "TimeoutError"), (b"", "TimeoutError")],
)
def test_a_line_that_does_not_answer_whole_has_no_answer_and_is_closed(said: bytes, why: str) -> None:
    async def story() -> None:
        async with plain(said) as server:
            lines = server.lines()
            await lines.warm()
            for _ in range(LINES):
                assert await asked(lines) == why
            assert lines.begin("POST", "/order") is None
            assert len(server.heard) == LINES
            await lines.close()

    asyncio.run(story())


def test_whoever_speaks_unasked_is_not_listened_to_any_more() -> None:
    async def story() -> None:
        async with plain() as server:
            lines = server.lines()
            await lines.warm()
            await until(lambda: len(server.callers) == LINES)
            for writer in server.callers:
                writer.write(OK)
            await until(lambda: not lines.is_ready)
            await lines.close()

    asyncio.run(story())


def test_a_line_that_ends_at_once_is_opened_when_it_is_missed_and_another_one_without_that() -> None:
    async def story() -> None:
        async with plain() as server:
            lines = server.lines()
            await lines.warm()
            await until(lambda: len(server.callers) == LINES)
            for writer in server.callers:
                writer.close()
            await until(lambda: not lines.is_ready)
            assert len(server.callers) == LINES
            assert lines.begin("POST", "/order") is None
            await until(lambda: lines.is_ready and len(server.callers) == 2 * LINES)
            server.now_ns = STEADY_NS
            server.callers[-1].close()
            await until(lambda: len(server.callers) == 2 * LINES + 1)
            await lines.close()
            assert not lines.is_ready

    asyncio.run(story())


def test_a_header_cannot_carry_another() -> None:
    with pytest.raises(Invalid, match="letters that can be printed"):
        Hotlines("http://127.0.0.1", {"X-MBX-APIKEY": "k\r\nX: y"}, 1.0, 1.0)


async def says_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whatever is asked, until nobody asks any more."""
    while await reader.read(1 << 16):
        writer.write(OK)
    writer.close()


def test_over_tls_a_line_is_as_good_and_a_venue_that_nobody_vouches_for_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with served_over_tls(tmp_path, says_ok) as url:
            stranger = Hotlines(url, {}, 5.0, 5.0)
            await stranger.warm()
            assert not stranger.is_ready
            await stranger.close()
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "venue.pem"))
            lines = Hotlines(url, {}, 5.0, 5.0)
            await lines.warm()
            answers = [lines.begin("POST", ORDERS) for _ in range(LINES)]
            told = [await answer for answer in answers if answer is not None]
            assert [isinstance(one, Told) and one.status for one in told] == [200] * LINES
            await lines.close()

    asyncio.run(story())
