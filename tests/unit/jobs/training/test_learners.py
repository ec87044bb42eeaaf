"""Learners: a number finds the place it belongs to, or its nearest name is told."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.models.torch_training import NetworkLearner
from qt_ray.core.errors import InvalidConfig
from qt_ray.jobs.training.learners import COPIES, LEARNERS, PROCESS_MB, learner_plan, learners, need_mb, number
from tests.unit.jobs.training.tiny import plan_for, sample

pytestmark = pytest.mark.unit

NETWORKS = ("patchtst", "nhits")


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_number_goes_to_the_shape_to_the_training_or_is_the_dropout(kind: str) -> None:
    told = {"hidden": Decimal(8), "rate": Decimal("0.002"), "dropout": Decimal("0.3"), "layers": Decimal(1)}
    plan = learner_plan(kind, told)
    assert plan["shape"] == {"hidden": 8, "layers": 1}
    assert plan["training"]["rate"] == 0.002
    assert plan["training"]["epochs_max"] > 0
    assert plan["dropout"] == 0.3


@pytest.mark.parametrize(
    ("kind", "name", "rule"),
    [
        ("xgboost", "dept", "train.xgboost.dept: unknown, nearest is depth"),
        ("lightgbm", "leafs", "train.lightgbm.leafs: unknown, nearest is leaves"),
        ("nhits", "hiden", "train.nhits.hiden: unknown, nearest is hidden"),
        ("patchtst", "epoch_max", "train.patchtst.epoch_max: unknown, nearest is epochs_max"),
        ("nhits", "droput", "train.nhits.droput: unknown, nearest is dropout"),
        ("nhits", "lookback", "train.nhits.lookback: unknown"),
        ("patchtst", "zzz", "train.patchtst.zzz: unknown"),
    ],
)
def test_an_unknown_number_is_one_line_with_the_nearest_name(kind: str, name: str, rule: str) -> None:
    with pytest.raises(InvalidConfig) as found:
        learner_plan(kind, {name: Decimal(1)})
    assert str(found.value).startswith(rule)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [("nhits", "hidden", "0"), ("patchtst", "heads", "0"), ("nhits", "rate", "0"), ("patchtst", "batch", "1.5")],
)
def test_a_number_out_of_bounds_is_one_line_about_its_table(kind: str, name: str, value: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^train.{kind}.*{name}"):
        learner_plan(kind, {name: Decimal(value)})


@pytest.mark.parametrize("value", ["1", "1.5", "-0.1"])
def test_a_dropout_leaves_something(value: str) -> None:
    with pytest.raises(InvalidConfig, match=r"train.nhits.dropout: from 0 and below 1"):
        learner_plan("nhits", {"dropout": Decimal(value)})


@given(st.decimals(-1_000, 1_000, allow_nan=False, places=3))
def test_a_setting_becomes_whole_where_it_is_whole(value: Decimal) -> None:
    found = number(value)
    assert found == float(value)
    assert isinstance(found, int) is (value == int(value))


def test_a_plan_has_a_learner_for_each_of_its_members() -> None:
    made = learners(plan_for({"train.members": ",".join(LEARNERS)}))
    assert {kind: learner.kind for kind, learner in made.items()} == {kind: kind for kind in LEARNERS}


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_is_taught_the_way_to_the_horizon_where_it_says_one(kind: str) -> None:
    made = learners(plan_for({"train.members": kind}))[kind]
    assert isinstance(made, NetworkLearner)
    assert made.paths is hasattr(made.build(), "paths")


@pytest.mark.parametrize("kind", LEARNERS)
def test_more_rows_need_more_memory_and_none_needs_a_process(kind: str) -> None:
    rows = sample()
    assert need_mb(kind, rows.take(slice(0, 0))) >= PROCESS_MB
    assert need_mb(kind, rows) >= need_mb(kind, rows.take(slice(0, 100)))
    assert need_mb(kind, rows) == PROCESS_MB + int(COPIES[kind] * rows.nbytes / 2**20)
