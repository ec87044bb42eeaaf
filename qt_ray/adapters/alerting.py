"""Alerting: carries alerts to people over the network, in its own time; nobody who trades ever waits for it.

What cannot be delivered is tried again a few times and is in the log in any case. A full queue gives up what is oldest
and least. An address is a secret and appears in no log and no error.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import aiohttp
from pydantic import SecretStr

from qt_ray.adapters.logs import log
from qt_ray.core.codec import canonical
from qt_ray.core.errors import Retryable
from qt_ray.core.moments import rfc3339
from qt_ray.monitoring.alerts import Alert, Severity

QUEUE_MAX: Final = 200
TRIES_MAX: Final = 4
AGAIN_S: Final = 2.0
WITHIN_S: Final = 5.0
PING_S: Final = 60.0
GOOD: Final = range(200, 300)


class Channel(Protocol):
    """A way to a person; Retryable when it did not lead there."""

    async def say(self, alert: Alert) -> None:
        """Deliver an alert."""

    async def close(self) -> None:
        """Give connections back."""


class Webhook:
    """Posts each alert as JSON to one address; `text` is what chats show, the rest is for programs."""

    def __init__(self, address: SecretStr, within_s: float = WITHIN_S) -> None:
        """Be ready to post; nothing is connected yet."""
        self._door = _Door(address, within_s)

    async def say(self, alert: Alert) -> None:
        """Post an alert."""
        await self._door.knock("POST", canonical(letter(alert)))

    async def close(self) -> None:
        """Give connections back."""
        await self._door.close()


class DeadMan:
    """Tells somebody outside that the fund is watched; when that stops, he wakes a person."""

    def __init__(self, address: SecretStr, within_s: float = WITHIN_S) -> None:
        """Be ready to ask; nothing is connected yet."""
        self._door = _Door(address, within_s)

    async def run(self, is_watched: Callable[[], bool]) -> None:
        """Say so every minute until cancelled, but not while it is not so."""
        while True:
            if is_watched():
                with suppress(Retryable):  # whoever listens notices the silence, which is the point
                    await self.ping()
            await asyncio.sleep(PING_S)

    async def ping(self) -> None:
        """Say that all is watched; Retryable if nobody took it in."""
        await self._door.knock("GET")

    async def close(self) -> None:
        """Give connections back."""
        await self._door.close()


class Alerting:
    """Alerts on their way; `counts` is what became of them."""

    def __init__(self, channels: Sequence[Channel], again_s: float = AGAIN_S) -> None:
        """Have nothing to say yet."""
        self.counts: Counter[str] = Counter()
        self._channels, self._again_s = tuple(channels), again_s
        self._queue: deque[Alert] = deque()
        self._some = asyncio.Event()

    def tell(self, alert: Alert) -> None:
        """Deliver an alert soon; it is in the log at once."""
        write = log().error if alert.severity is Severity.CRITICAL else log().warning
        write(alert.title, alert=alert.key, severity=alert.severity.name, detail=alert.detail, told=alert.told)
        self._queue.append(alert)
        if len(self._queue) > QUEUE_MAX:
            self._queue.remove(min(self._queue, key=lambda waiting: waiting.severity))
            self.counts["given up"] += 1
        self._some.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            while self._queue:
                await self._deliver(self._queue.popleft())
            self._some.clear()
            await self._some.wait()

    async def close(self) -> None:
        """Give connections back."""
        for channel in self._channels:
            await channel.close()

    async def _deliver(self, alert: Alert) -> None:
        for channel in self._channels:
            for tried in range(1, TRIES_MAX + 1):
                with suppress(Retryable):
                    await channel.say(alert)
                    self.counts["delivered"] += 1
                    break
                await asyncio.sleep(self._again_s * tried)
            else:
                self.counts["undelivered"] += 1


class _Door:
    def __init__(self, address: SecretStr, within_s: float) -> None:
        self._address, self._within = address, aiohttp.ClientTimeout(total=within_s)
        self._session: aiohttp.ClientSession | None = None

    async def knock(self, method: str, body: bytes | None = None) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._within)
        headers = {"Content-Type": "application/json"} if body is not None else None
        address = self._address.get_secret_value()
        try:
            async with self._session.request(method, address, data=body, headers=headers) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retryable(f"alerts: an address answers, {type(error).__name__}") from None
        if status not in GOOD:
            raise Retryable(f"alerts: an address takes what it is sent, answered {status}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def letter(alert: Alert) -> dict[str, object]:
    """Return an alert as it is posted."""
    return {
        "schema": "qt.alert/1",
        "text": f"[{alert.severity.name}] {alert.title}: {alert.detail}",
        "key": alert.key,
        "severity": alert.severity.name,
        "since": rfc3339(alert.first_ms),
        "times": alert.times,
        "told": alert.told,
    }
