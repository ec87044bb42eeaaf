"""Ruling reader: what the emergency stop rules, in the process of whoever decides; unheard means nothing new.

It is followed by a long poll as the policy is. A policy is then used as the ruling leaves it: less of it after an
emergency, step by step, and none of it for new positions while the emergency stop has not been heard of.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from qt_ray.adapters.clock import now_ms
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.monitoring.emergency import Ruling
from qt_ray.risk.ess import EssState
from qt_ray.risk.triggers import RecoveryMode, under_ramp

WAIT_MS: Final = 1_000
AGAIN_MS: Final = 100
STALE_MS: Final = 3_000
NEVER: Final = -1


class Ruled(Protocol):
    """The emergency stop, as far as whoever decides needs it; Retryable when it does not answer."""

    async def watch(self, turn: int, wait_ms: int) -> Ruling:
        """Return as soon as there is a ruling after `turn`, or after `wait_ms` to say that there is none."""


class RulingReader:
    """One process's knowledge of the emergency stop."""

    def __init__(self, stop: Ruled, clock: Callable[[], int] = now_ms) -> None:
        """Know nothing yet."""
        self.ruling: Ruling | None = None
        self._stop, self._clock, self._heard_ms = stop, clock, 0
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Tell `listener` that there is another ruling."""
        self._listeners.append(listener)

    @property
    def is_fresh(self) -> bool:
        """Return whether the emergency stop was heard of lately."""
        return self.ruling is not None and 0 <= self._clock() - self._heard_ms < STALE_MS

    def in_force(self, policy: Policy) -> tuple[Policy, EssState]:
        """Return the policy as it may be used now, and where the emergency stop is as far as anybody knows."""
        state = EssState.ARMED if self.ruling is None else self.ruling.state
        mode = self.ruling.mode if self.ruling is not None and self.is_fresh else RecoveryMode.EMERGENCY
        return under_ramp(policy, mode), state

    async def run(self) -> None:
        """Follow the emergency stop until cancelled."""
        while True:
            try:
                await self.turn()
            except Retryable:
                await asyncio.sleep(AGAIN_MS / 1_000)

    async def turn(self) -> None:
        """Take in the next ruling, or that there is none."""
        before = self.ruling
        self.ruling = await self._stop.watch(NEVER if before is None else before.turn, WAIT_MS)
        self._heard_ms = self._clock()
        if self.ruling != before:
            for listener in self._listeners:
                listener()
