"""Sizer as an actor: it keeps nothing, so a new life is as good as the one before."""

from qt_ray.actors.living import Living
from qt_ray.actors.origin import Origin
from qt_ray.actors.sizer import RL_FALLBACK_HIGH_VOL, Sizer
from qt_ray.actors.topology import SIZER
from qt_ray.actors.voice import voice, why_mute
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.logs import log
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.core.events import event
from qt_ray.core.notices import SizeFallback
from qt_ray.engine.high_volatility import Curbed
from qt_ray.monitoring.health import Condition


class SizerActor(Sizer):
    """The sizer of the account that `origin` names."""

    def __init__(self, origin: Origin) -> None:
        """Be ready to be asked."""
        super().__init__(self._fell_back)
        self._origin, self._voice = origin, voice(origin, SIZER)
        self._living = Living(SIZER)
        self._living.keep(self._voice.run())

    async def condition(self) -> Condition:
        """Return how the sizer is."""
        mute = why_mute(self._voice, self._origin)
        health = Health.HEALTHY if mute is None else Health.DEGRADED
        facts = {"sized": self.sized, "fallbacks": dict(self.counts)}
        return self._living.condition(health, () if mute is None else (mute,), facts)

    async def rest(self) -> None:
        """End; what was told is on the bus or on disk."""
        await self._living.rest()
        self._voice.close()

    def _fell_back(self, curbed: Curbed) -> None:
        log().warning(RL_FALLBACK_HIGH_VOL, symbol=curbed.symbol, regime=curbed.regime, wished=str(curbed.wished))
        told = SizeFallback(curbed.symbol, curbed.regime, curbed.wished, curbed.allowed, RL_FALLBACK_HIGH_VOL)
        self._voice.tell(event("rl.fallback", told, SIZER, now_ms()))
