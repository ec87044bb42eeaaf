"""Risk guard as an actor: it follows the policy and the gateway, and takes up the switch as it was left."""

import asyncio

from qt_ray.actors.line import Line
from qt_ray.actors.lines.gateway import GatewayLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.risk_guard import KILL_FILE, RiskGuard
from qt_ray.actors.topology import GATEWAY, POLICY_STORE, RISK_GUARD, namespace_of
from qt_ray.actors.voice import voice
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.engine.rehearsal import rehearsed


class RiskGuardActor(RiskGuard):
    """The guard of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Begin to follow; until policy and gateway have answered, nothing grows."""
        settings, space = origin.settings, namespace_of(origin.settings)
        reader = PolicyReader(PolicyStoreLine(Line(POLICY_STORE, space), near=origin.places.policy))
        self._publisher, living = voice(origin, RISK_GUARD), Living(RISK_GUARD)
        switch = Latch(origin.places.folder / KILL_FILE)
        super().__init__(settings.fund.account, switch, reader, living, self._publisher.tell)
        self.is_warm = False
        for work in (self._publisher.run(), reader.run(), self._begin(GatewayLine(Line(GATEWAY, space)))):
            living.keep(work)

    async def rest(self) -> None:
        """End, and leave on disk what was not told yet."""
        await super().rest()
        self._publisher.close()

    async def _begin(self, gateway: GatewayLine) -> None:
        """Review what nobody wants, and then look at what is at work."""
        await asyncio.to_thread(rehearsed)
        self.is_warm = True
        await self.follow(gateway)
