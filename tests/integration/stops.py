"""An emergency stop at its post beside a gateway at work, each with its own session on the same paper venue."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from qt_ray.actors.emergency_stop import Post
from qt_ray.actors.emergency_watch import EmergencyStop
from qt_ray.actors.gateway import Gateway
from qt_ray.actors.living import Living
from qt_ray.actors.rounds import Ask
from qt_ray.actors.topology import DESK, FEED, GATEWAY
from qt_ray.adapters.binance.assembly import session_of
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.emergency_memory import EmergencyMemory
from qt_ray.adapters.latch import Latch
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.errors import Retryable
from qt_ray.core.limits import EssLimits
from qt_ray.execution.flatten import Flattening
from qt_ray.monitoring.health import Condition
from tests.integration.accounts import SYMBOLS
from tests.integration.gateways import PATIENCE_S, Direct, House


class Fake:
    """A part that is well, until it is not there."""

    def __init__(self) -> None:
        self.is_away = False

    async def condition(self) -> Condition:
        if self.is_away:
            raise Retryable("somebody is there, was not")
        return Condition("part", Health.HEALTHY, 0)


class Guarded:
    """A house with an emergency stop; what outlives a stop is the house's."""

    def __init__(self, house: House, gateway: Gateway) -> None:
        self.house, self.gateway = house, gateway
        self.desk, self.feed = Fake(), Fake()
        self.line = Direct(house.store)
        self.latch = Latch(house.folder / "one" / "latch.json")

    def build(self) -> "tuple[EmergencyStop, Callable[[], object]]":
        settings = self.house.settings
        session = session_of(settings.exchange, settings.credentials, ess=True)
        memory = EmergencyMemory(self.house.folder / "emergency.json")
        asks: dict[str, Ask] = {
            DESK: self.desk.condition,
            FEED: self.feed.condition,
            GATEWAY: self.gateway.condition,
        }
        stop = EmergencyStop(
            "main",
            "USDT",
            session,
            session.market(Wanted(SYMBOLS, frozenset({Stream.MARK}))),
            Post(self.latch, memory, lambda epoch, at: Flattening("main", epoch, 1, SYMBOLS, {}, at), EssLimits()),
            self.line,
            asks,
            Living("EmergencyStop", end=self.house.ends.append, was_reconstructed=False),
            self.house.voice.tell,
        )
        stop._living.keep(session.begin())
        return stop, session.close

    @asynccontextmanager
    async def at_post(self, armed: bool = True) -> AsyncIterator[EmergencyStop]:
        stop, close = self.build()
        stop._living.keep(stop.run())
        try:
            if armed:
                await until(stop, lambda found: found.is_ready)
            yield stop
        finally:
            await stop.rest()
            await close()  # type: ignore[misc]

    def told(self, kind: str) -> list[object]:
        return [event.payload for event in self.house.voice.events if event.type == kind]


async def until(stop: EmergencyStop, holds: Callable[[Condition], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds(await stop.condition()):
            await asyncio.sleep(0.01)
