import asyncio

import pytest

from qt_ray.adapters.ruling_reader import STALE_MS, RulingReader
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.monitoring.emergency import Ruling
from qt_ray.risk.ess import EssState
from qt_ray.risk.triggers import RecoveryMode, under_ramp

pytestmark = pytest.mark.unit


class Stop:
    """An emergency stop that rules, and may be away."""

    def __init__(self) -> None:
        self.ruling = Ruling(1, EssState.ARMED, RecoveryMode.NORMAL, "")
        self.is_away = False
        self.turns: list[int] = []

    async def watch(self, turn: int, wait_ms: int) -> Ruling:
        self.turns.append(turn)
        if self.is_away:
            raise Retryable("somebody is there, was not")
        return self.ruling


def test_a_policy_is_used_as_the_ruling_leaves_it_and_not_at_all_while_it_is_unheard() -> None:
    async def story() -> None:
        stop, now, policy, rung = Stop(), 10_000, Policy(), list[int]()
        reader = RulingReader(stop, lambda: now)
        reader.listen(lambda: rung.append(1))
        assert reader.in_force(policy) == (under_ramp(policy, RecoveryMode.EMERGENCY), EssState.ARMED)
        await reader.turn()
        assert reader.in_force(policy) == (policy, EssState.ARMED)
        stop.ruling = Ruling(2, EssState.ARMED, RecoveryMode.CAUTIOUS, "")
        await reader.turn()
        await reader.turn()
        assert reader.in_force(policy) == (under_ramp(policy, RecoveryMode.CAUTIOUS), EssState.ARMED)
        assert (len(rung), stop.turns) == (2, [-1, 1, 2])
        now += STALE_MS
        assert not reader.in_force(policy)[0].allow_new_trades
        stop.ruling = Ruling(3, EssState.FLATTENING, RecoveryMode.EMERGENCY, "fire")
        await reader.turn()
        assert reader.in_force(policy)[1] is EssState.FLATTENING

    asyncio.run(story())


def test_one_that_is_away_is_asked_until_it_answers() -> None:
    async def story() -> None:
        stop = Stop()
        stop.is_away = True
        reader = RulingReader(stop)
        going = asyncio.create_task(reader.run())
        while len(stop.turns) < 2:
            await asyncio.sleep(0.01)
        assert not reader.is_fresh
        stop.is_away = False
        while not reader.is_fresh:
            await asyncio.sleep(0.01)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)

    asyncio.run(story())
