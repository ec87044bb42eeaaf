"""Wire: one signed request out, and what came back: a whole answer, proof that nothing left, or neither.

Only what failed before a connection stood is `NotSent`. After that an exception means nothing: the order may live.
Reasons name a kind of failure and never repeat its text, which could hold an address with a signature in it.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    TCPConnector,
)

from qt_ray.adapters.binance.answers import Reply
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.hotline import Hotlines
from qt_ray.adapters.binance.reading import Told
from qt_ray.adapters.binance.requests import Step
from qt_ray.adapters.binance.signing import Signer, encoded
from qt_ray.adapters.binance.usage import Usage
from qt_ray.core.limits import RECEIVE_WINDOW_MS

BODY_MAX: Final = 32 * 2**20
CONNECTIONS_MAX: Final = 16
KEEP_ALIVE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Patience:
    """How long anything may take."""

    recv_window_ms: int = RECEIVE_WINDOW_MS
    connect_ms: int = 2_000
    answer_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request has left."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Bytes may have left, and no whole answer came."""

    reason: str


class Wire:
    """The connections to one venue, kept alive between requests."""

    def __init__(self, endpoints: Endpoints, signer: Signer | None, patience: Patience, usage: Usage) -> None:
        self.endpoints = endpoints
        self.receive_window_ms = patience.recv_window_ms
        self.http = ClientSession(
            connector=TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S),
            headers=signer.headers if signer else {},
            timeout=ClientTimeout(total=patience.answer_ms / 1_000, sock_connect=patience.connect_ms / 1_000),
        )
        # Left to itself aiohttp sends a PUT or DELETE again when a kept connection breaks; whether anything is sent
        # again is for those to say who know what it was.
        self.http._retry_connection = False
        self._hotlines = Hotlines(
            endpoints.rest, signer.headers if signer else {}, patience.connect_ms / 1_000, patience.answer_ms / 1_000
        )
        self._signer, self._patience, self._usage = signer, patience, usage

    @property
    def is_prompt(self) -> bool:
        """Return whether what changes something would leave at once."""
        return self._hotlines.is_ready

    async def warm(self) -> None:
        """Open what keeps an order from waiting for a connection."""
        if self._signer is not None:
            await self._hotlines.warm()

    def begin(self, step: Step, venue_ms: int) -> "asyncio.Future[Told | str] | None":
        """Send a signed request at once if a line stands idle, and return what will come of it."""
        if self.http.closed or self._signer is None or not step.is_signed:
            return None
        return self._hotlines.begin(step.method, f"{step.path}?{self._query(step, venue_ms)}")

    def heard(self, told: Told | str) -> Reply | Lost:
        """Return what came of a request that was begun."""
        if isinstance(told, str):
            return Lost(told)
        self._usage.hear(told.headers)
        return Reply(told.status, told.body, told.headers.get("retry-after"))

    async def send(self, step: Step, venue_ms: int) -> Reply | NotSent | Lost:
        """Send one request, once, and return what came of it."""
        if self.http.closed:
            return NotSent("the session is closed")
        if step.is_signed and self._signer is None:
            return NotSent("a signed request needs a key, there is none")
        query = self._query(step, venue_ms)
        door = self.endpoints.keys_request if step.asks_keys else self.endpoints.request
        try:
            async with self.http.request(step.method, door(step.path, query), allow_redirects=False) as response:
                return await self._reply(response)
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            return NotSent(type(error).__name__)
        except (ClientError, TimeoutError, OSError) as error:
            return Lost(type(error).__name__)

    async def close(self) -> None:
        """Let the connections go."""
        await self._hotlines.close()
        await self.http.close()

    def _query(self, step: Step, venue_ms: int) -> str:
        if self._signer is None or not step.is_signed:
            return encoded(step.pairs)
        window = ("recvWindow", str(self.receive_window_ms))
        return self._signer.sign(encoded((*step.pairs, window, ("timestamp", str(venue_ms)))))

    async def _reply(self, response: ClientResponse) -> Reply | Lost:
        self._usage.hear(response.headers)
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > BODY_MAX:
                return Lost(f"an answer of more than {BODY_MAX} bytes")
        return Reply(response.status, bytes(body), response.headers.get("Retry-After"))
