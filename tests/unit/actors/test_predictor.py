"""Predictor: one version answers a decision whole, in time, or nobody does; swaps lose nothing and mix nothing."""

import asyncio
from typing import Any

import numpy as np
import pytest

from qt_ray.actors.model_board import ModelBoard
from qt_ray.actors.predictor import Predictor
from qt_ray.adapters.models.stage import Stage
from qt_ray.ai.baselines import single
from qt_ray.ai.hedge_fund_os import Health
from qt_ray.ai.ladder import Rung
from qt_ray.ai.model_sync import LEASE_MS, Live
from qt_ray.core.errors import Invalid
from qt_ray.engine.pipeline import Opinion, Snapshot
from tests.unit.engine.funds import candles, still

pytestmark = pytest.mark.unit

BARS = candles(still(3))
DEADLINE_MS = 60_000
WORLD: Any = None


class Told(Stage):
    """A stage that says the number of its version, and nothing else."""

    def __init__(self, version: str, fault: Exception | None = None) -> None:
        self.number, self.rung, self.fault = float(version.removeprefix("v")), Rung.FULL, fault

    def opinion(self, snapshot: Snapshot, left_ms: float) -> Opinion:
        if self.fault:
            raise self.fault
        score = np.full(snapshot.bars.close.shape, self.number)
        return Opinion(snapshot, single(score, np.ones_like(score)), f"v{self.number:.0f}")


class Clock:
    now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


async def serving(epoch: int = 1, deadline_ms: int = DEADLINE_MS) -> Predictor:
    clock = Clock()
    predictor = Predictor(ModelBoard(clock=clock), Told, deadline_ms)
    predictor.board.name(Live(f"v{epoch}", epoch))
    clock.now_ms = LEASE_MS
    while predictor.models.served is None:
        await predictor.models.turn()
    return predictor


def snapshot(at: int = 1) -> Snapshot:
    return Snapshot(BARS.window(at, at + 1), np.zeros((1, 1, 0)), WORLD)


def test_before_any_models_serve_nobody_is_held_up_and_nothing_is_thought() -> None:
    async def story() -> None:
        predictor = Predictor(ModelBoard(), Told, DEADLINE_MS)
        opinion = await predictor.predict(snapshot())
        assert np.isnan(opinion.forecasts.score).all()
        assert opinion.version == ""
        assert predictor.health()[0] is Health.CRITICAL
        assert predictor.facts()["version"] is None

    asyncio.run(story())


def test_an_opinion_names_the_version_that_it_is_of() -> None:
    async def story() -> None:
        predictor = await serving()
        opinion = await predictor.predict(snapshot())
        assert (opinion.version, opinion.forecasts.score[0, 0]) == ("v1", 1.0)
        assert predictor.health() == (Health.HEALTHY, ())
        assert predictor.facts()["opinions"] == {"full": 1}
        assert (await predictor.acknowledged()).serving == Live("v1", 1)

    asyncio.run(story())


@pytest.mark.requirement("P0-06")
@pytest.mark.p0_patches
def test_decisions_during_swaps_are_each_of_one_version_and_none_fails() -> None:
    async def story() -> None:
        predictor = await serving()
        opinions: list[Opinion] = []
        done = asyncio.Event()

        async def decide() -> None:
            while not done.is_set():
                opinions.append(await predictor.predict(snapshot()))

        async def swap() -> None:
            for epoch in range(2, 12):
                predictor.board.name(Live(f"v{epoch}", epoch))
                while (served := predictor.models.served) is None or served.live.epoch < epoch:
                    await predictor.models.turn()
                seen = len(opinions)
                while len(opinions) < seen + 5:
                    await asyncio.sleep(0)
            done.set()

        await asyncio.gather(decide(), swap())
        assert all(opinion.version == f"v{opinion.forecasts.score[0, 0]:.0f}" for opinion in opinions)
        epochs = [int(opinion.version.removeprefix("v")) for opinion in opinions]
        assert epochs == sorted(epochs)
        assert set(epochs) == set(range(1, 12))

    asyncio.run(story())


@pytest.mark.requirement("L11")
def test_models_that_are_late_abstain_and_are_counted() -> None:
    async def story() -> None:
        predictor = await serving(deadline_ms=0)
        opinion = await predictor.predict(snapshot())
        assert np.isnan(opinion.forecasts.score).all()
        assert opinion.version == "v1"
        assert predictor.counts["late"] == 1

    asyncio.run(story())


def test_models_that_were_asked_in_haste_are_no_healthy_ones() -> None:
    async def story() -> None:
        predictor = await serving()
        assert predictor.models.served is not None
        predictor.models.served.models.rung = Rung.IN_HASTE
        assert predictor.health() == (Health.DEGRADED, ("models are asked in full, the last time in_haste",))

    asyncio.run(story())


def test_a_question_that_breaks_a_rule_is_the_askers_fault() -> None:
    async def story() -> None:
        predictor = await serving()
        assert predictor.models.served is not None
        stage: Any = predictor.models.served.models
        stage.fault = Invalid("features: all 68 or the 4 needed, were 3")
        with pytest.raises(Invalid, match="were 3"):
            await predictor.predict(snapshot())

    asyncio.run(story())
