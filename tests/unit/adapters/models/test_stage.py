"""Stage: live opinions are a backtest's to the bit; haste silences whoever needs a window and disturbs nothing."""

from typing import Any

import numpy as np
import pytest

from qt_ray.adapters.models.model_set import ModelSet, load
from qt_ray.adapters.models.recipe import Recipe
from qt_ray.adapters.models.stage import Stage, staged
from qt_ray.ai.ensemble.ensemble import Seat
from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.ladder import Rung
from qt_ray.ai.members.member import Silence
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.engine.backtest import SCHEMA, forecast_blocks
from qt_ray.engine.pipeline import Opinion, Snapshot
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.synthetic import synthetic
from tests.unit.ai.ensemble.living import FEATURES, living_spec, nhits, patchtst, trees

pytestmark = pytest.mark.unit

NAMES = ("AAAUSDT", "BBBUSDT")
HOUR_MS = 3_600_000
ROWS, FIRST = 200, 180
BARS = synthetic(NAMES, HOUR_MS, 11).bars(ROWS)
WHOLE = FeatureEngine(SCHEMA, NAMES, HOUR_MS).block(BARS)
PLENTY_MS = 1e9
WORLD: Any = None


def models() -> ModelSet:
    seats = tuple(Seat(one) for one in (trees("xgboost", 3), trees("lightgbm", 7), patchtst(), nhits()))
    return ModelSet(Recipe("ensemble", {"version": "v1"}), living_spec(), seats)


def snapshot(at: int, needed: bool = False) -> Snapshot:
    columns = [SCHEMA.index(name) for name in FEATURES] if needed else slice(None)
    return Snapshot(BARS.window(at, at + 1), WHOLE[at : at + 1, :, columns], WORLD, BARS.window(0, at))


def bits(forecasts: Forecasts) -> list[bytes]:
    ballot = forecasts.ballot
    columns: list[Any] = [forecasts.score, forecasts.confidence, forecasts.agreement]
    return [np.ascontiguousarray(column).tobytes() for column in (*columns, *([ballot.votes] if ballot else []))]


def backtested(at: int) -> list[bytes]:
    (block,) = forecast_blocks(BARS, models().predictor(NAMES, HOUR_MS), ROWS)
    return bits(block.forecasts.bars(slice(at, at + 1)))


def silences(opinion: Opinion) -> list[Silence]:
    assert opinion.forecasts.ballot is not None
    return [Silence(int(vote["silence"])) for vote in opinion.forecasts.ballot.votes[0, 0]]


@pytest.mark.parametrize("needed", [False, True])
def test_a_live_opinion_is_a_backtests_to_the_bit(needed: bool) -> None:
    """SPEC law 10: same code in backtest, replay and live."""
    stage = Stage(models(), NAMES, HOUR_MS)
    for at in (FIRST, FIRST + 1, ROWS - 1):
        opinion = stage.opinion(snapshot(at, needed), PLENTY_MS)
        assert bits(opinion.forecasts) == backtested(at)
        assert (opinion.version, stage.rung) == ("v1", Rung.FULL)


def test_in_haste_networks_are_late_and_too_few_are_left_to_open_anything() -> None:
    stage = Stage(models(), NAMES, HOUR_MS)
    stage.opinion(snapshot(FIRST), PLENTY_MS)
    stage.ladder.took(Rung.FULL, 1e4)
    opinion = stage.opinion(snapshot(FIRST + 1), 10.0)
    assert stage.rung is Rung.IN_HASTE
    assert silences(opinion)[2:] == [Silence.LATE, Silence.LATE]
    assert opinion.forecasts.members == 4
    assert (opinion.forecasts.agreement <= 2).all()


def test_what_was_answered_in_haste_or_not_at_all_changes_nothing_that_is_answered_later() -> None:
    stage = Stage(models(), NAMES, HOUR_MS)
    stage.ladder.took(Rung.FULL, 1e9)
    stage.opinion(snapshot(FIRST), 10.0)
    stage.ladder.took(Rung.IN_HASTE, 1e9)
    nothing = stage.opinion(snapshot(FIRST + 1), 10.0)
    assert np.isnan(nothing.forecasts.score).all()
    assert bits(stage.opinion(snapshot(FIRST + 2), PLENTY_MS * 10).forecasts) == backtested(FIRST + 2)


def test_features_are_all_or_those_that_are_needed() -> None:
    with pytest.raises(Invalid, match=rf"all {len(SCHEMA)} or the 4 needed, were 3"):
        Stage(models(), NAMES, HOUR_MS).opinion(Snapshot(BARS.window(0, 1), WHOLE[:1, :, :3], WORLD), PLENTY_MS)


def test_models_of_other_bars_are_refused_before_they_serve() -> None:
    with pytest.raises(InvalidConfig, match=r"about bars of 3600000 ms, market\.interval was 60000 ms"):
        staged(models(), NAMES, 60_000)


def test_a_warm_stage_knows_what_it_costs_and_nothing_of_the_past() -> None:
    stage = staged(models(), NAMES, HOUR_MS)
    assert stage.ladder.rung(1e-9) is Rung.ABSTAIN
    assert stage.ladder.rung(PLENTY_MS) is Rung.FULL
    assert bits(stage.opinion(snapshot(FIRST), PLENTY_MS).forecasts) == backtested(FIRST)


def test_a_rule_is_a_stage_as_well() -> None:
    rule = load(Recipe("trend", {"gap_atr_min": 0.5, "adx_min": 20.0}))
    opinion = staged(rule, NAMES, HOUR_MS).opinion(snapshot(FIRST), PLENTY_MS)
    (block,) = forecast_blocks(BARS, rule.predictor(NAMES, HOUR_MS), ROWS)
    assert bits(opinion.forecasts) == bits(block.forecasts.bars(slice(FIRST, FIRST + 1)))
    assert opinion.version == "trend"
