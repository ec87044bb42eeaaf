"""Sweep: every combination once, in order, in groups that share what they can."""

from itertools import product
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import InvalidConfig
from qt_ray.jobs.sweep import POINTS_MAX, Plan, Point, grid, grouped, sweep

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
MARKET = {"data.source": "synthetic", "data.synthetic_bars": "60", "market.symbols": "AAAUSDT"}
PLAN = Plan("backtest", MARKET, {}, ROOT)

words = st.text("abc019", min_size=1, max_size=3)
axes = st.dictionaries(words, st.lists(words, min_size=1, max_size=4), min_size=1, max_size=4)


@given(axes)
def test_the_grid_is_every_combination_in_order_the_last_axis_fastest(chosen: dict[str, list[str]]) -> None:
    points = grid([f" {key} = {' , '.join(options)}" for key, options in chosen.items()])
    assert len(points) == prod(map(len, chosen.values()))
    assert [point.index for point in points] == list(range(len(points)))
    assert [tuple(point.settings.values()) for point in points] == list(product(*chosen.values()))
    assert all(list(point.settings) == list(chosen) for point in points)


@pytest.mark.parametrize(
    ("given_axes", "rule"),
    [
        (["run.seed"], "an axis is KEY=a,b,c, was 'run.seed'"),
        (["run.seed="], "an axis is KEY=a,b,c"),
        (["run.seed= , ,"], "an axis is KEY=a,b,c"),
        (["=1"], "an axis is KEY=a,b,c"),
        (["a=1,2", "b=1", "a=3"], "one axis of each key, a is given twice"),
        ([f"k{n}=0,1,2,3,4,5,6,7,8,9" for n in range(5)], f"at most {POINTS_MAX} points, had 100000"),
        ([f"k{n}=0,1" for n in range(300)], "at most 10000 points"),
    ],
)
def test_an_impossible_grid_is_refused_without_being_built(given_axes: list[str], rule: str) -> None:
    with pytest.raises(InvalidConfig, match=rule):
        grid(given_axes)


def test_as_many_points_as_are_allowed_are_allowed() -> None:
    assert len(grid([f"k{n}=0,1,2,3,4,5,6,7,8,9" for n in range(4)])) == POINTS_MAX


def test_points_that_see_the_same_forecasts_are_one_group() -> None:
    points = grid(["predictor.gap_atr_min=0.5,1", "sizer.fraction_bps=100,200,300"])
    groups = grouped(PLAN, points)
    assert [[point.index for point in group] for group in groups] == [[0, 1, 2], [3, 4, 5]]
    apart = grouped(PLAN, grid(["sizer.fraction_bps=100,200", "run.seed=1,2"]))
    assert [[point.index for point in group] for group in apart] == [[0, 2], [1, 3]]


def test_outcomes_come_in_the_order_of_points_whatever_the_groups() -> None:
    points = grid(["sizer.fraction_bps=100,900", "predictor.gap_atr_min=0,1"])
    outcomes = list(sweep(PLAN, points))
    assert [outcome.point for outcome in outcomes] == points
    digests = [outcome.summary["digests"]["setup"] for outcome in outcomes]
    assert len(set(digests)) == 4


def test_a_shared_market_gives_what_a_market_of_its_own_gives() -> None:
    points = grid(["venue.taker_bps=1,9", "fund.initial_balance=1000,50000"])
    together = [outcome.summary["digests"] for outcome in sweep(PLAN, points)]
    alone = [next(sweep(PLAN, [Point(0, point.settings)])).summary["digests"] for point in points]
    assert together == alone


def test_an_unknown_key_is_refused_before_any_point_is_run() -> None:
    with pytest.raises(InvalidConfig, match=r"did you mean run\.seed"):
        list(sweep(PLAN, grid(["run.sead=1,2"])))
