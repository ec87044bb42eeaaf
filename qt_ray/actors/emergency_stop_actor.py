"""Emergency stop as an actor: its own key, its own session, and a memory that outlives every life of the account."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

from qt_ray.actors.emergency_door import EmergencyDoor
from qt_ray.actors.emergency_stop import Post
from qt_ray.actors.emergency_watch import EmergencyStop
from qt_ray.actors.line import Line
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.topology import (
    DESK,
    EMERGENCY_STOP,
    FEED,
    GATEWAY,
    POLICY_STORE,
    RISK_GUARD,
    namespace_of,
)
from qt_ray.actors.voice import bus_of, voice
from qt_ray.adapters.binance.assembly import session_of
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.consumer import Consumer, Effects
from qt_ray.adapters.emergency_memory import EmergencyMemory
from qt_ray.adapters.instruments import market_parts
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.logs import log
from qt_ray.adapters.side_door import SideDoor
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.core.policy import Policy
from qt_ray.execution.flatten import Flattening
from qt_ray.governance.bus import EventBus

WATCHED: Final = (DESK, RISK_GUARD, FEED, GATEWAY)
MEMORY: Final = "emergency.json"
GROUP: Final = "emergency_stop"
WORTH: Final = "account.equity.updated"
AGAIN_MS: Final = 1_000
# Whoever answers within a third of the time after which he counts as lost is slow and alive.
ANSWER_MS: Final = 3_000


class EmergencyStopActor(EmergencyStop):
    """The emergency stop of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Take up what was left half done, and watch."""
        settings, places, living = origin.settings, origin.places, Living(EMERGENCY_STOP)
        session = session_of(settings.exchange, settings.credentials, ess=True)
        symbols, account = settings.market.symbols, settings.fund.account
        parts = market_parts(None if settings.data.instruments is None else Path(settings.data.instruments))
        publisher, space = voice(origin, EMERGENCY_STOP), namespace_of(settings)
        store = PolicyStoreLine(Line(POLICY_STORE, space), near=places.policy)
        super().__init__(
            account,
            settings.fund.quote,
            session,
            session.market(Wanted(symbols, frozenset({Stream.MARK}))),
            Post(
                Latch(places.latch),
                EmergencyMemory(places.folder / MEMORY, origin.life),
                lambda epoch, at_ms: Flattening(account, epoch, 1, symbols, parts, at_ms),
                Policy().ess,
            ),
            store,
            {name: partial(Line(name, space).ask, "condition", within_ms=ANSWER_MS) for name in WATCHED},
            living,
            publisher.tell,
        )
        state = self._system.emergency.state
        log().info("the emergency stop is at its post", state=state.label, life=origin.life)
        door = SideDoor(places.door, EmergencyDoor(self, Latch(places.latch)).answer)
        for work in (publisher.run(), session.begin(), self.run(), door.run()):
            living.keep(work)
        if origin.redis is not None:
            living.keep(listen(bus_of(origin), Rumours(self)))
        self._session, self._publisher = session, publisher

    async def rest(self) -> None:
        """Go to rest, end the session, and leave on disk what was not told yet."""
        await super().rest()
        await self._session.close()
        self._publisher.close()


class Rumours:
    """What the bus says of the account's worth; heard again it is as good, and too old it is nothing."""

    def __init__(self, stop: EmergencyStop) -> None:
        self._stop = stop

    def knows(self, event: Event) -> bool:
        """Return that nothing is known twice: a rumour has no lasting effect."""
        return False

    async def commit(self, event: Event) -> None:
        """Pass a rumour on."""
        self._stop.rumour(event.payload, event.time_ms)


async def listen(bus: EventBus, effects: Effects) -> None:
    """Hear the bus until cancelled; while it is away the emergency stop has its own eyes."""
    consumer, is_member = Consumer(bus, GROUP, EMERGENCY_STOP, (WORTH,), effects), False
    while True:
        try:
            if not is_member:
                await bus.join(GROUP)
                is_member = True
            await consumer.turn()
        except Retryable:
            await asyncio.sleep(AGAIN_MS / 1_000)
