"""Pipeline: the three stages called one by one decide exactly what the compiled loop decides."""

import numpy as np
import pytest

from qt_ray.ai.baselines import EmaCross
from qt_ray.engine import cycle
from qt_ray.engine.backtest import Simulation, run_backtest
from qt_ray.engine.pipeline import Forecaster, Guard, Sizer, Snapshot
from qt_ray.engine.tapes import Block, tape_of
from qt_ray.engine.world import copied, restore, state_bytes, state_digest
from tests.unit.engine.funds import lively

pytestmark = pytest.mark.unit

BARS, SETUP = lively(count=400)


@pytest.mark.requirement("L10")
def test_three_objects_bar_by_bar_write_the_same_decisions_as_one_compiled_run() -> None:
    """SPEC law 10: same code in backtest, replay and live."""
    whole = run_backtest(SETUP, BARS, EmaCross(3))
    predictor, sizer, guard = Forecaster(EmaCross(3)), Sizer(), Guard()
    live = Simulation(SETUP, BARS)
    for at in range(len(BARS)):
        bars = BARS.window(at, at + 1)
        opinion = predictor.predict(Snapshot(bars, np.zeros((1, 3, 0)), live.world))
        block = Block(at, bars, opinion.forecasts)
        cycle.observe(live.world, tape_of(block), live.journal, 0)
        decision = guard.review(sizer.size(opinion))
        live.world = decision.world
        assert decision.rows.tobytes() == whole.decisions[at].tobytes(), f"cycle {at}"
    assert state_digest(live.world) == whole.digests["state"]


def test_deciding_leaves_the_snapshot_as_it_was() -> None:
    live = Simulation(SETUP, BARS)
    predictor = Forecaster(EmaCross(3))
    opinion = predictor.predict(Snapshot(BARS.window(0, 300), np.zeros((300, 3, 0)), live.world))
    live.feed_until(Block(0, BARS.window(0, 300), opinion.forecasts), 300)
    before = state_bytes(live.world)
    last = Snapshot(BARS.window(299, 300), np.zeros((1, 3, 0)), live.world)
    sizer, guard = Sizer(), Guard()
    first = guard.review(sizer.size(predictor.predict(last)))
    again = guard.review(sizer.size(first.sized.opinion))
    assert state_bytes(live.world) == before
    assert first.digest() == again.digest()


def test_a_world_is_its_bytes() -> None:
    live = Simulation(SETUP, BARS)
    copy = copied(live.world)
    forecasts = EmaCross(3).predict(Snapshot(BARS, np.zeros((400, 3, 0)), live.world))  # type: ignore[arg-type]
    live.feed(Block(0, BARS, forecasts))
    assert state_digest(copy) != state_digest(live.world)
    restore(copy, state_bytes(live.world))
    assert state_digest(copy) == state_digest(live.world)
