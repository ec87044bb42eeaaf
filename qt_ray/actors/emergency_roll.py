"""Emergency roll: who must be well while an account trades, and what their silence means.

A part that has never been there cannot be lost, so until a fund has begun its silence is no alarm; after that it is
one. The feed says whether the market is seen, and the gateway how many orders went wrong and whether its books agree.
"""

from collections.abc import Callable, Mapping
from typing import Final

from qt_ray.actors.rounds import Ask, Rounds
from qt_ray.actors.topology import FEED, GATEWAY
from qt_ray.adapters.clock import now_ms
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.monitoring.health import Condition
from qt_ray.risk.vigil import Vigil

BEGIN_MS_MAX: Final = 180_000
ERRORS_AT_ONCE_MAX: Final = 100


class EmergencyRoll:
    """Asks each part how it is, and lets the vigil hear the answers."""

    def __init__(self, asks: Mapping[str, Ask], vigil: Vigil, clock: Callable[[], int] = now_ms) -> None:
        """Ask by name; the fund has some time to begin."""
        self._rounds, self._vigil, self._clock = Rounds(asks, self._heard, clock), vigil, clock
        self._since_ms, self._was_fed = clock(), False
        self._rejected: int | None = None

    @property
    def is_reconciled(self) -> bool:
        """Return whether the gateway's books agree with the venue, as it has said of late."""
        gateway = self._rounds.fresh(GATEWAY)
        return gateway is not None and gateway.facts.get("is_reconciled") is True

    async def run(self) -> None:
        """Ask until cancelled."""
        await self._rounds.run()

    def wait_for_the_fund(self) -> None:
        """Beat for whoever has not begun yet, while there is time to begin."""
        at_ms = self._clock()
        if at_ms - self._since_ms >= BEGIN_MS_MAX:
            return
        for name in self._rounds.absent():
            self._vigil.beat(name, at_ms)
        if not self._was_fed:
            self._vigil.fed(at_ms)

    def _heard(self, name: str, condition: Condition, at_ms: int) -> None:
        """Take in that a part lives, and what the feed and the gateway say of what they carry."""
        self._vigil.beat(name, at_ms)
        if name == FEED and condition.health < Health.CRITICAL:
            self._was_fed = True
            self._vigil.fed(at_ms)
        if name == GATEWAY and isinstance(rejected := condition.facts.get("rejected"), int):
            before = rejected if self._rejected is None or rejected < self._rejected else self._rejected
            for _ in range(min(rejected - before, ERRORS_AT_ONCE_MAX)):
                self._vigil.execution_error(at_ms)
            self._rejected = rejected
