"""Paper venue: what one core of it carries: signed orders through real sockets, and a market told to many.

The clients are another process, so the venue's own processor time is what is counted; a rate per processor second is
the same on a busy machine, where a rate per second of the wall is not. A lag is from the moment that a message tells
to the moment at which a client holds it, both by the one clock of this machine; marks are told ten times as often as
the real ones.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from benchmarks.form import Row, Sample, at_least, at_most, main
from qt_ray.adapters.paper.keys import sign
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue

NO_LIMIT = 10**9
KEY, SECRET = "benchmark-key", "benchmark-secret"
LANES = 8
LISTENERS = 20
SYMBOLS = 200
TIMES_A_SECOND = 10
MARK_MS = 1_000 // TIMES_A_SECOND
TARGET = 2_000.0
SHARE_TARGET = 1.0
HEARD_SHARE = 0.9
LAG_TARGET_MS = 100.0
EVENT_TIME = b'"E":'
SETTLED_S = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the clients saw: how much was done or heard, and how late in milliseconds."""

    count: int
    lags_ms: tuple[int, ...] = ()


Load = Callable[[str, int], Awaitable[Found]]


@dataclass(frozen=True, slots=True)
class Spent:
    """What the venue did, and what it spent on it."""

    count: int
    processor_s: float
    wall_s: float
    lags_ms: tuple[int, ...] = ()


def request(method: str, fields: str) -> bytes:
    """Return a signed request as it goes over the wire."""
    query = f"{fields}&recvWindow=60000&timestamp={time.time_ns() // 1_000_000}"
    signature = sign(SECRET.encode(), query.encode())
    head = f"{method} /fapi/v1/order?{query}&signature={signature} HTTP/1.1\r\n"
    return f"{head}Host: x\r\nX-MBX-APIKEY: {KEY}\r\n\r\n".encode()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> None:
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if b" 200 " not in head[:16]:
        raise RuntimeError(f"an order is accepted, was {body!r}")


async def takers(url: str, count: int) -> Found:
    """Trade at the market, to and fro, and hear of it."""
    heard = asyncio.create_task(_hear_own(url))
    done = await _lanes(url, count, _take)
    heard.cancel()
    return done


async def makers(url: str, count: int) -> Found:
    """Let orders rest and cancel them again."""
    return await _lanes(url, count, _make)


def _take(lane: int, number: int) -> bytes:
    side = "SELL" if number % 2 else "BUY"
    return request("POST", f"symbol=BTCUSDT&side={side}&type=MARKET&quantity=0.002")


def _make(lane: int, number: int) -> bytes:
    name = f"l{lane}-{number // 2}"
    if number % 2:
        return request("DELETE", f"symbol=BTCUSDT&origClientOrderId={name}")
    order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.002&price=60000"
    return request("POST", f"{order}&newClientOrderId={name}")


async def _lanes(url: str, count: int, made: Callable[[int, int], bytes]) -> Found:
    host, port = url.split("//")[1].split(":")

    async def lane(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for at in range(count // LANES):
            await _exchange(reader, writer, made(number, at))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(lane(number) for number in range(LANES)))
    return Found(count // LANES * LANES)


async def _opened(url: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a stream socket."""
    host, port = url.split("//")[1].split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\n{upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    writer.write(asked.encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def _last(answer: bytes) -> str:
    return answer.split(b'"')[-2].decode()


async def _hear_own(url: str) -> None:
    """Read a user stream."""
    host, port = url.split("//")[1].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /fapi/v1/listenKey HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {KEY}\r\n\r\n".encode())
    answer = await reader.readuntil(b'"}')
    writer.close()
    reader, _ = await _opened(url, f"/private/ws?listenKey={_last(answer)}")
    while await reader.read(2**16):
        pass


async def audience(url: str, seconds: int) -> Found:
    """Listen with many sockets to every symbol's best prices and marks."""
    names = '","'.join(f"qt{n:04d}usdt@{what}" for n in range(SYMBOLS) for what in ("bookTicker", "markPrice@1s"))
    text = f'{{"method":"SUBSCRIBE","id":1,"params":["{names}"]}}'.encode()
    settled = time.monotonic() + SETTLED_S
    until = settled + seconds - SETTLED_S

    async def listen() -> Found:
        reader, writer = await _opened(url, "/ws")
        writer.write(b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text)
        heard, lags = 0, []
        while time.monotonic() < until:
            part = await reader.read(2**18)
            heard += part.count(b'{"e":')
            lag = _lag_ms(part)
            if lag is not None and time.monotonic() > settled:
                lags.append(lag)
        writer.close()
        return Found(heard, tuple(lags))

    found = await asyncio.gather(*(listen() for _ in range(LISTENERS)))
    return Found(sum(each.count for each in found), tuple(lag for each in found for lag in each.lags_ms))


def _lag_ms(part: bytes) -> int | None:
    """Return how long ago the last message in a piece of a stream was told, if the piece has its time."""
    at = part.rfind(EVENT_TIME) + len(EVENT_TIME)
    told = part[at : at + 13]
    return time.time_ns() // 1_000_000 - int(told) if len(told) == 13 and told.isdigit() else None


def _play(load: Load, url: str, amount: int, done: Connection) -> None:
    """Be the clients, in a process of their own."""
    done.send(asyncio.run(load(url, amount)))  # type: ignore[arg-type]  # a load is a coroutine function


async def under(load: Load, amount: int, **settings: Any) -> Spent:
    """Return what a venue spends while clients load it."""
    keys = {"key": KEY, "secret": SECRET}
    free = {"weight_minute": NO_LIMIT, "orders_minute": NO_LIMIT, "orders_ten_seconds": NO_LIMIT}
    venue = PaperVenue(PaperSettings(balance=Decimal(10_000_000), **keys, **free, **settings))
    await venue.start()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    clients = multiprocessing.get_context("spawn").Process(target=_play, args=(load, venue.base_url, amount, theirs))
    clients.start()
    processor, wall = time.process_time(), time.perf_counter()
    found = await asyncio.to_thread(ours.recv)
    spent = Spent(found.count, time.process_time() - processor, time.perf_counter() - wall, found.lags_ms)
    await asyncio.to_thread(clients.join)
    await venue.stop()
    return spent


def rate(load: Load, count: int, runs: int) -> Sample:
    """Return orders per second of the venue's processor time."""
    rates = []
    for _ in range(runs):
        spent = asyncio.run(under(load, count, symbols=("BTCUSDT",)))
        rates.append(spent.count / spent.processor_s)
    return Sample(median(rates), runs, (min(rates), max(rates)))


def told_to_many(seconds: int) -> list[Row]:
    """Return what it costs to tell 200 symbols to 20 sockets, how much of it was heard and how late."""
    settings: dict[str, Any] = {"symbols": ("BTCUSDT",), "invented": SYMBOLS, "mark_ms": MARK_MS}
    heard = asyncio.run(under(audience, seconds, **settings))
    share, told = heard.processor_s / seconds, heard.count / seconds
    late = float(sorted(heard.lags_ms)[len(heard.lags_ms) * 99 // 100])
    least, most = float(min(heard.lags_ms)), float(max(heard.lags_ms))
    full = SYMBOLS * 2 * TIMES_A_SECOND * LISTENERS
    return [
        at_most("best price and mark of 200, 10 Hz, to 20", "cores", Sample(share, 1, (share, share)), SHARE_TARGET),
        at_least("messages heard by them", "messages/s", Sample(told, 1, (told, told)), HEARD_SHARE * full),
        at_most("how late they are heard, p99", "ms", Sample(late, 1, (least, most)), LAG_TARGET_MS),
    ]


def measure(quick: bool) -> list[Row]:
    """Load the venue with takers, with makers, and with an audience."""
    count, runs, seconds = (800, 1, 2) if quick else (8_000, 3, 10)
    return [
        at_least("market orders, signed, filled and told", "orders/s of a core", rate(takers, count, runs), TARGET),
        at_least("limit orders and cancels, signed", "calls/s of a core", rate(makers, count, runs), TARGET),
        *told_to_many(seconds),
    ]


if __name__ == "__main__":
    main(measure)
