"""Sizer as an actor: it keeps nothing, so a new life is as good as the one before, once it has rehearsed."""

import asyncio

from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.sizer import Sizer, fell_back
from qt_ray.actors.topology import SIZER
from qt_ray.actors.voice import voice, why_mute
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.engine.rehearsal import rehearsed
from qt_ray.monitoring.health import Condition


class SizerActor(Sizer):
    """The sizer of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Be ready to be asked once it has sized something that nobody wants."""
        self._origin, self._voice, self._is_warm = origin, voice(origin, SIZER), False
        super().__init__(fell_back(self._voice.tell))
        self._living = Living(SIZER)
        for work in (self._voice.run(), self._rehearse()):
            self._living.keep(work)

    async def condition(self) -> Condition:
        """Return how the sizer is; before it has rehearsed it is not ready."""
        mute = why_mute(self._voice, self._origin)
        health = Health.HEALTHY if mute is None else Health.DEGRADED
        facts = {"sized": self.sized, "fallbacks": dict(self.counts)}
        return self._living.condition(health, () if mute is None else (mute,), facts, ready=self._is_warm)

    async def rest(self) -> None:
        """End; what was told is on the bus or on disk."""
        await self._living.rest()
        self._voice.close()

    async def _rehearse(self) -> None:
        await asyncio.to_thread(rehearsed)
        self._is_warm = True
