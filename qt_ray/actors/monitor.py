"""Monitor: what the fund looks like to people: a replica of its events, how each part is, and who is to be woken.

It owns nothing that trades and decides nothing about money. It has the record written of what all parts tell, and what
it shows is as old as it says. Begun anew, it hears this life's events again; what the bus no longer has, the parts
still know.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from qt_ray.actors.warden import SOURCE, Warden
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.scribe import Scribe
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.notices import AlertRaised
from qt_ray.core.payloads import HealthChanged
from qt_ray.engine.tidings import Tiding
from qt_ray.governance.bus import EventBus
from qt_ray.monitoring.alerts import Alert, AlertBook
from qt_ray.monitoring.patches import Evidence, Patch, patches
from qt_ray.monitoring.room import why_cramped
from qt_ray.monitoring.rounds import Rounds
from qt_ray.monitoring.status import Identity
from qt_ray.monitoring.troubles import trouble_of
from qt_ray.monitoring.views import Views

READ_MAX: Final = 500
WAIT_MS: Final = 1_000
# The gateway answers as soon as there is something to tell.
BOOKS_WAIT_MS: Final = 10_000
AGAIN_MS: Final = 1_000
WAKE_MS: Final = 500
TRIAL_MS: Final = 3_000

Trial = Callable[[], Awaitable[str]]


class Books(Protocol):
    """The keeper of the account's books; Retryable when it does not answer."""

    async def tidings(self, after: int, wait_ms: int) -> Sequence[Tiding]:
        """Return what happened after the tiding of that number; of nothing known, how the account stands."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a monitor can reach: the books, the machine, a person to wake, what may be tried, and who counts."""

    books: Books
    room: Callable[[], Mapping[str, Any]]
    machine: Callable[[Rounds], Mapping[str, Any]]
    tell: Callable[..., None]
    wake: Callable[[Alert], None]
    trials: Mapping[str, Trial]
    measure: Callable[[Event], None]


class Monitor:
    """One account's monitor."""

    def __init__(
        self,
        who: Identity,
        bus: EventBus,
        scribe: Scribe,
        warden: Warden,
        reach: Reach,
        book: AlertBook | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Begin with nothing heard."""
        self.who, self.views, self.scribe, self.warden = who, Views(), scribe, warden
        self.book = book or AlertBook()
        self._bus, self._reach, self._clock = bus, reach, clock
        self._position: str | None = None
        self.deaf = "the bus was not heard yet"

    def why_silent(self) -> str | None:
        """Return why nothing new may be opened as far as record, parts and machine go, or nothing."""
        return self.scribe.why_silent() or self.warden.why_shut() or why_cramped(self._reach.room())

    async def follow(self) -> None:
        """Hear the bus until cancelled."""
        while True:
            try:
                await self.hear()
                self.deaf = ""
            except Retryable as fault:
                self.deaf = str(fault)
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def hear(self, wait_ms: int = WAIT_MS) -> int:
        """Take in what the bus has, from the beginning of this life on, and return how much that was."""
        if self._position is None:
            self._position = await self._bus.position(self.who.began_ms)
        found = await self._bus.read(self._position, READ_MAX, wait_ms)
        for delivery in found:
            self._position = delivery.position
            if delivery.event is not None:
                self._heard(delivery.event)
        return len(found)

    async def keep_account(self) -> None:
        """Follow the account's books until cancelled."""
        while True:
            try:
                await self.ask_books()
            except Retryable:
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def ask_books(self, wait_ms: int = BOOKS_WAIT_MS) -> None:
        """Take in what the books tell next."""
        for tiding in await self._reach.books.tidings(self.views.account.number, wait_ms):
            self.views.account.hear(tiding)

    async def wake_people(self) -> None:
        """Tell people what is due until cancelled."""
        while True:
            self.wake()
            await asyncio.sleep(WAKE_MS / 1_000)

    def wake(self) -> None:
        """Tell people what is due now."""
        at_ms = self._clock()
        for alert in self.book.due(at_ms):
            self._reach.wake(alert)
            what = AlertRaised(alert.key, alert.severity.name, alert.title, alert.detail)
            self._reach.tell(event("alert.raised", what, SOURCE, at_ms))

    async def patches(self) -> tuple[Patch, ...]:
        """Return whether the founding requirements hold now, by looking and by trying."""
        names = tuple(self._reach.trials)
        found = await asyncio.gather(*(_tried(trial) for trial in self._reach.trials.values()))
        return patches(Evidence(self.warden.rounds.conditions, dict(zip(names, found, strict=True))))

    def _heard(self, told: Event) -> None:
        if told.time_ms < self.who.began_ms or not self.views.apply(told):
            return  # what waited on a disk since an earlier life is in the record, and not of this one
        self._reach.measure(told)
        trouble = trouble_of(told)
        # Whoever launches a fund sees how its parts come to life; nobody is woken for that.
        if trouble is not None and (self.warden.is_started or not isinstance(told.payload, HealthChanged)):
            self.book.hear(trouble, told.time_ms)


async def _tried(trial: Trial) -> str:
    try:
        async with asyncio.timeout(TRIAL_MS / 1_000):
            return await trial()
    except TimeoutError:
        return f"answers within {TRIAL_MS} ms, did not"
    except Retryable as fault:
        return str(fault)
