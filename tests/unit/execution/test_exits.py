"""Exits for any path of prices: a stop only tightens, and stands where the table of SPEC section 4 puts it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import InvalidConfig
from qt_ray.execution.exits import (
    BY_REGIME,
    ExitPlan,
    Levels,
    exit_rows,
    outlived,
    partial_due,
    partial_target,
    protect,
    stop_distance,
    target_distance,
    tightened,
)
from qt_ray.market.regime import Regime
from tests.unit.execution.markets import OPENED_MS, book

pytestmark = pytest.mark.unit

quick = settings(deadline=None, max_examples=120)
HOUR_MS = 3_600_000
PRICE, ATR = 100_000, 1_000
TABLE = exit_rows(ExitPlan.by_regime())
NORMAL = Levels(Decimal("1.5"), Decimal(3), Decimal(1), Decimal("1.5"), 36)

tenths = st.integers(0, 60).map(lambda number: Decimal(number) / 10)
some_levels = st.builds(
    Levels,
    stop_atr=st.integers(1, 60).map(lambda number: Decimal(number) / 10),
    target_atr=st.integers(1, 90).map(lambda number: Decimal(number) / 10),
    breakeven_r=tenths,
    trail_atr=tenths,
    hours_max=st.integers(1, 100),
    partial_r=tenths,
    partial_bps=st.integers(0, 10_000),
)
plans = st.builds(ExitPlan.dynamic, some_levels)
sides = st.sampled_from([1, -1])
moves = st.lists(st.tuples(st.integers(-2_000, 2_000), st.integers(0, 3_000)), min_size=1, max_size=30)
Move = tuple[int, int]


def opened(rule: Any, side: int, price: int = PRICE, atr: int = ATR, confidence_bps: int = 5_000) -> Any:
    own = book(position=7 * side)
    protect(own, rule, atr, confidence_bps, price, OPENED_MS, int(Regime.NORMAL))
    return own


def row(levels: Levels = NORMAL) -> Any:
    return exit_rows(ExitPlan.by_regime(dict.fromkeys(Regime, levels)))[Regime.NORMAL]


# SPEC 4: ATR multiples LOW_VOL 1.2/3.5, NORMAL 1.5/3, HIGH 2/4, EXTREME 2.5/5, TRENDING 1.8/4.5, RANGING 1/2.
@pytest.mark.requirement("S4 Exits")
@pytest.mark.parametrize(
    ("regime", "stop", "target", "hours"),
    [
        (Regime.LOW_VOL, "1.2", "3.5", 48),
        (Regime.NORMAL, "1.5", "3", 36),
        (Regime.HIGH, "2", "4", 24),
        (Regime.EXTREME, "2.5", "5", 12),
        (Regime.TRENDING, "1.8", "4.5", 72),
        (Regime.RANGING, "1", "2", 18),
        (Regime.UNKNOWN, "1.5", "3", 36),
    ],
)
def test_the_table_of_exits_by_regime(regime: Regime, stop: str, target: str, hours: int) -> None:
    for side in (1, -1):
        own = opened(TABLE[regime], side)
        assert own["stop"] == PRICE - side * ATR * Decimal(stop)
        assert own["target"] == PRICE + side * ATR * Decimal(target)
        assert not outlived(own, TABLE[regime], OPENED_MS + hours * HOUR_MS - 1)
        assert outlived(own, TABLE[regime], OPENED_MS + hours * HOUR_MS)
    assert set(BY_REGIME) == set(Regime) - {Regime.UNKNOWN}


@pytest.mark.requirement("S4 Exits")
@quick
@given(plans, sides, moves)
def test_a_stop_only_tightens_whatever_the_price_does(plan: ExitPlan, side: int, path: list[Move]) -> None:
    rule = exit_rows(plan)[Regime.NORMAL]
    own, close = opened(rule, side), PRICE
    for move, atr in path:
        close = max(close + move, 1)
        stop = tightened(own, rule, atr, close)
        assert side * (stop - int(own["stop"])) >= 0
        own["stop"] = stop


@quick
@given(plans, sides, moves)
def test_a_stop_that_moves_stays_on_the_losing_side_of_the_close(plan: ExitPlan, side: int, path: list[Move]) -> None:
    rule = exit_rows(plan)[Regime.NORMAL]
    own, close = opened(rule, side), PRICE
    for move, atr in path:
        close = max(close + move, 1)
        stop = tightened(own, rule, atr, close)
        if stop != own["stop"]:
            assert side * (close - stop) > 0
        own["stop"] = stop


@quick
@given(plans, moves, st.integers(0, 5_000))
def test_a_short_is_a_long_in_a_mirror(plan: ExitPlan, path: list[Move], confidence_bps: int) -> None:
    rule = exit_rows(plan)[Regime.NORMAL]
    high = 10 * PRICE
    long = opened(rule, 1, high, confidence_bps=confidence_bps)
    short = opened(rule, -1, high, confidence_bps=confidence_bps)
    close = high
    for move, atr in path:
        close += move
        long["stop"] = tightened(long, rule, atr, close)
        short["stop"] = tightened(short, rule, atr, 2 * high - close)
        assert long["stop"] - high == high - short["stop"]


@quick
@given(plans, sides, st.integers(100, 10**7), st.integers(0, 10**6), st.integers(0, 10_000))
def test_a_position_is_protected_from_its_first_fill(
    plan: ExitPlan, side: int, price: int, atr: int, confidence_bps: int
) -> None:
    own = opened(exit_rows(plan)[Regime.NORMAL], side, price, atr, confidence_bps)
    assert side * (price - int(own["stop"])) > 0
    assert side * (int(own["target"]) - price) > 0
    assert own["stop"] >= 1
    assert own["target"] >= 1
    assert own["risk"] == side * (price - int(own["stop"]))


@quick
@given(plans, st.integers(1, 10**9), st.integers(0, 10**9))
def test_a_stop_is_never_nearer_nor_farther_than_its_bounds(plan: ExitPlan, price: int, atr: int) -> None:
    distance = stop_distance(exit_rows(plan)[Regime.NORMAL], atr, price)
    assert max(price * plan.stop_min_bps // 10_000, 1) <= distance
    assert distance <= max(price * plan.stop_max_bps // 10_000, 1)


@quick
@given(plans, st.integers(0, 10**6), st.integers(0, 10_000), st.integers(0, 10_000))
def test_more_confidence_asks_for_no_less(plan: ExitPlan, atr: int, one: int, two: int) -> None:
    rule = exit_rows(plan)[Regime.NORMAL]
    less, more = sorted((one, two))
    assert 1 <= target_distance(rule, atr, less) <= target_distance(rule, atr, more)


def test_confidence_tilts_the_target_by_its_share() -> None:
    rule = exit_rows(ExitPlan.dynamic(NORMAL))[Regime.NORMAL]
    distances = [target_distance(rule, ATR, bps) for bps in (0, 5_000, 7_500, 10_000)]
    assert distances == [2_400, 3_000, 3_300, 3_600]
    assert target_distance(row(), ATR, 10_000) == 3_000


@pytest.mark.requirement("S4 Exits")
@pytest.mark.parametrize("side", [1, -1])
def test_a_stop_goes_to_breakeven_then_trails_the_best_close(side: int) -> None:
    rule, own = row(replace(NORMAL, breakeven_r=Decimal("0.5"))), opened(row(), side)
    stops = []
    for close in (500, 750, 1_500, 2_000, 1_200, 4_000, 3_000):
        own["stop"] = tightened(own, rule, ATR, PRICE + side * close)
        stops.append(side * (int(own["stop"]) - PRICE))
    assert stops == [-1_500, 0, 0, 500, 500, 2_500, 2_500]
    assert side * (int(own["best"]) - PRICE) == 4_000


def test_a_trail_is_kept_out_of_the_close_by_one_tick() -> None:
    rule, own = row(replace(NORMAL, trail_atr=Decimal("0.1"))), opened(row(), 1)
    own["stop"] = tightened(own, rule, ATR, PRICE + 3_000)
    assert own["stop"] == PRICE + 2_900
    own["stop"] = tightened(own, rule, 100, PRICE + 2_950)
    assert own["stop"] == PRICE + 2_949


def test_a_trail_begins_when_the_first_risk_is_earned() -> None:
    rule, own = row(replace(NORMAL, trail_atr=Decimal("0.5"), breakeven_r=Decimal(0))), opened(row(), 1)
    assert tightened(own, rule, ATR, PRICE + 1_499) == PRICE - 1_500
    assert tightened(own, rule, ATR, PRICE + 1_500) == PRICE + 1_000


def test_an_unknown_atr_does_not_pull_the_trail_to_the_price() -> None:
    rule, own = row(replace(NORMAL, breakeven_r=Decimal(0))), opened(row(), 1)
    assert tightened(own, rule, 0, PRICE + 5_000) == own["stop"] == PRICE - 1_500


def test_without_breakeven_and_trail_a_stop_stays_where_it_was() -> None:
    rule, own = row(replace(NORMAL, breakeven_r=Decimal(0), trail_atr=Decimal(0))), opened(row(), -1)
    assert tightened(own, rule, ATR, PRICE - 50_000) == own["stop"] == PRICE + 1_500


@pytest.mark.requirement("S4 Exits")
def test_a_part_is_taken_once_at_its_multiple_of_risk() -> None:
    rule = row(replace(NORMAL, partial_r=Decimal("1.2"), partial_bps=5_000))
    for side in (1, -1):
        own = opened(rule, side)
        assert partial_due(own, rule)
        assert partial_target(own, rule) == PRICE + side * 1_800
        own["partials"] = 1
        assert not partial_due(own, rule)


def test_no_part_is_due_when_none_is_wanted() -> None:
    for levels in (NORMAL, replace(NORMAL, partial_r=Decimal(0), partial_bps=5_000)):
        rule = row(levels)
        assert not partial_due(opened(rule, 1), rule)


@quick
@given(some_levels, sides, st.integers(1, 10**6), st.integers(0, 10**5))
def test_a_partial_target_is_beyond_the_entry(levels: Levels, side: int, price: int, atr: int) -> None:
    rule = row(levels)
    own = opened(rule, side, price, atr)
    assume(price > own["risk"] * levels.partial_r + 1)
    assert side * (partial_target(own, rule) - price) >= 1


def test_no_plan_protects_nothing_and_ends_nothing() -> None:
    rule = exit_rows(ExitPlan.none())[Regime.NORMAL]
    own = opened(rule, 1)
    assert (own["stop"], own["target"], own["risk"]) == (0, 0, 0)
    assert not outlived(own, rule, OPENED_MS + 10**12)
    assert not partial_due(own, rule)


def test_a_flat_book_does_not_outlive_itself() -> None:
    assert not outlived(book(opened_ts=0), TABLE[Regime.NORMAL], OPENED_MS)


def test_a_hybrid_bounds_its_stops_and_an_incomplete_table_falls_back_to_normal() -> None:
    plan = ExitPlan.hybrid({Regime.NORMAL: NORMAL, Regime.HIGH: BY_REGIME[Regime.HIGH]})
    rows = exit_rows(plan)
    assert stop_distance(rows[Regime.HIGH], 10**6, PRICE) == PRICE * 400 // 10_000
    assert stop_distance(rows[Regime.HIGH], 1, PRICE) == PRICE * 20 // 10_000
    assert rows[Regime.RANGING] == rows[Regime.NORMAL]
    assert rows[Regime.HIGH]["confidence_tilt_bps"] == 4_000


@pytest.mark.parametrize(
    "broken",
    [
        {"stop_min_bps": 0},
        {"stop_min_bps": 500, "stop_max_bps": 400},
        {"stop_max_bps": 10_000},
        {"confidence_tilt": Decimal("1.1")},
        {"confidence_tilt": Decimal("-0.1")},
        {"levels": {"CALM": NORMAL}},
    ],
)
def test_an_impossible_plan_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match="exits: "):
        ExitPlan(**({"levels": {}} | broken))


@pytest.mark.parametrize(
    "broken",
    [
        {"stop_atr": Decimal(0)},
        {"target_atr": Decimal(-1)},
        {"hours_max": 0},
        {"breakeven_r": Decimal(-1)},
        {"trail_atr": Decimal(-1)},
        {"partial_r": Decimal(-1)},
        {"partial_bps": 10_001},
        {"partial_bps": -1},
    ],
)
def test_impossible_levels_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match=r"exits: .*, were "):
        replace(NORMAL, **broken)
