"""Judge: scores of rows that nobody learned from, and money only of the part that is judged."""

import numpy as np
import pytest

from qt_ray.adapters.fund_setup import setup_of
from qt_ray.adapters.policy_files import load_policy
from qt_ray.ai.members.member import Silence
from qt_ray.jobs.fund import market_of
from qt_ray.jobs.training.judge import forecast_from, money, scores
from tests.unit.jobs.training.tiny import loaded, tiny

pytestmark = pytest.mark.unit


def test_a_judged_part_begins_with_opinions_of_somebody_who_has_seen_what_came_before() -> None:
    made, back = tiny(), 200
    part = forecast_from(len(made.bars) - back, made.bars, made.fitted.ensemble(made.bars.symbols))
    assert part.score.shape == (back, len(made.bars.symbols))
    assert part.ballot is not None
    spoke = part.ballot.votes["silence"] == Silence.SPOKE
    assert spoke[0].any()
    assert spoke.mean() > 0.5


def test_every_member_the_blend_and_a_coin_are_scored_on_the_same_rows() -> None:
    made = tiny()
    told = scores(made.fitted, made.sample.take(made.parts.test), made.bars.symbols, 7)
    rows = len(made.parts.test)
    assert {name.split(".")[1] for name in told} == {"xgboost", "lightgbm", "blend", "coin"}
    assert told["test.coin.log_loss"] == pytest.approx(np.log(2.0))
    assert told["test.coin.count"] == rows
    assert all(told[f"test.{who}.count"] == told[f"test.{who}.coverage"] * rows for who in ("xgboost", "blend"))
    assert told["test.blend.log_loss"] < told["test.coin.log_loss"]
    assert all(np.isfinite(value) for value in told.values())


def test_the_scores_are_those_of_their_seed() -> None:
    made = tiny()
    test = made.sample.take(made.parts.test)
    first, again, other = (scores(made.fitted, test, made.bars.symbols, seed) for seed in (7, 7, 8))
    assert first == again
    assert first["test.blend.log_loss"] == other["test.blend.log_loss"]
    assert first["test.blend.log_loss_low"] != other["test.blend.log_loss_low"]


def test_money_is_counted_with_the_least_edge_and_without_and_costs_what_it_costs() -> None:
    made, asked = tiny(), loaded()
    policy = load_policy(asked.policy_path, asked.settings.policy.mode)
    setup = setup_of(asked.settings, policy, market_of(asked.settings)[1], made.bars)
    told = money(made.fitted, setup, made.bars, made.plan.parts.test_start_ms)
    any_edge, costs = (
        {name.rpartition(".")[2]: value for name, value in told.items() if f".{way}." in name}
        for way in ("any_edge", "costs")
    )
    assert any_edge["trips"] >= costs["trips"]
    assert any_edge["fees"] > 0.0
    assert any_edge["net"] < any_edge["gross"]
    assert any_edge["buy_and_hold"] == pytest.approx(costs["buy_and_hold"])
    assert all(np.isfinite(value) for value in told.values())
