"""Hotline: kept connections of our own for what changes something; the bytes leave before the caller goes on.

A client for everything goes through pools, tasks and writers before it writes, and that is most of an order's way out.
Here a request is one write to a socket that stands idle. Where none does, nothing was written and the client for
everything has its turn. A line carries one request at a time; nothing is ever sent again, and a line that did not
answer whole is closed.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

from qt_ray.adapters.binance.reading import Reading, Told
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.core.errors import Invalid

LINES: Final = 2
# A line that ends sooner is not opened again until it is missed, so that a venue which hangs up is not stormed.
STEADY_NS: Final = 5_000_000_000


class Line(asyncio.Protocol):
    """One connection: idle, or waiting for the answer to what it was asked."""

    def __init__(self, lines: "Hotlines") -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self.opened_ns = lines.clock()
        self._lines = lines
        self._transport: asyncio.Transport | None = None
        self._reading = Reading()
        self._answer: asyncio.Future[Told | str] | None = None

    @property
    def is_idle(self) -> bool:
        """Return whether a request may be written now."""
        return self._answer is None and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes, within_s: float) -> "asyncio.Future[Told | str]":
        """Write a request, and return what will be its answer, or why there is none."""
        loop = asyncio.get_running_loop()
        answer = self._answer = loop.create_future()
        self._reading = Reading()
        if self._transport is not None:
            self._transport.write(request)
        limit = loop.call_later(within_s, self.close, TimeoutError.__name__)
        answer.add_done_callback(partial(self._done, limit))
        return answer

    def close(self, why: str) -> None:
        """End the line; whoever waits for an answer has none."""
        self._settle(why)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the loops of some processes hand over what is a transport in all but its class."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; whoever speaks unasked, or not as agreed, is not listened to any more."""
        if self._answer is None or self._answer.done():
            self.close("nobody waits")
            return
        try:
            told = self._reading.feed(data)
        except Invalid as broken:
            self.close(str(broken))
            return
        if told is not None:
            self._settle(told)
            if not told.is_kept:
                self.close("it is not kept")

    def connection_lost(self, exc: Exception | None) -> None:
        """End; what was not answered stays without an answer."""
        self._settle("the connection ended")
        if not self.ended.done():
            self.ended.set_result(None)
        self._lines.lost(self)

    def _done(self, limit: asyncio.TimerHandle, answer: "asyncio.Future[Told | str]") -> None:
        limit.cancel()
        if answer.cancelled():
            self.close("nobody waits")  # what comes now would answer somebody else

    def _settle(self, told: Told | str) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(told)


class Hotlines:
    """The lines to one venue; one that ends after a while is opened again, so that an order seldom finds none."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        connect_s: float,
        answer_s: float,
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        """Speak to the venue at `url` with these headers; nothing is opened yet."""
        self.clock = clock
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._base = parts.path.rstrip("/")
        shown = {"Host": parts.netloc, "Accept": "*/*", "Content-Length": "0", **headers}
        if not all(text.isascii() and text.isprintable() for text in (*shown, *shown.values())):
            raise Invalid("a header is of letters that can be printed")
        self._tail = "".join(["HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in shown.items()), "\r\n"])
        self._connect_s, self._answer_s = connect_s, answer_s
        self._lines: deque[Line] = deque()
        self._opening: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        """Return whether a request would leave at once."""
        return any(line.is_idle for line in self._lines)

    def begin(self, method: str, target: str) -> "asyncio.Future[Told | str] | None":
        """Write a request if a line stands idle, and return what will be its answer, or why there is none."""
        line = next((line for line in self._lines if line.is_idle), None)
        if line is None:
            self._open_soon()
            return None
        self._lines.rotate(-1)
        return line.ask(f"{method} {self._base}{target} {self._tail}".encode(), self._answer_s)

    async def warm(self) -> None:
        """Open the lines that are missing; one that cannot be opened is no harm."""
        with suppress(OSError, TimeoutError):
            for _ in range(LINES - len(self._lines)):
                async with asyncio.timeout(self._connect_s):
                    _, line = await asyncio.get_running_loop().create_connection(
                        lambda: Line(self), self._host, self._port or (443 if self._tls else 80), ssl=self._tls
                    )
                if not line.ended.done():
                    self._lines.append(line)

    def lost(self, line: Line) -> None:
        """Take in that a line has ended."""
        with suppress(ValueError):
            self._lines.remove(line)
        if self.clock() - line.opened_ns >= STEADY_NS:
            self._open_soon()

    async def close(self) -> None:
        """End all lines."""
        self._is_closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        lines = tuple(self._lines)
        for line in lines:
            line.close("the session is closed")
        await asyncio.gather(*(line.ended for line in lines))

    def _open_soon(self) -> None:
        if not self._is_closed and (self._opening is None or self._opening.done()):
            self._opening = asyncio.create_task(self.warm())
