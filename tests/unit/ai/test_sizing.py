from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.sizing import Method, SizerPlan, sizer_rows, target, wish
from qt_ray.core.errors import InvalidConfig
from tests.unit.core.test_instruments import COIN

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S5 RlSizing")]

quick = settings(deadline=None, max_examples=120)
NAN = float("nan")
EQUITY, VALUE = 10**12, 10**9
scores = st.floats(-1, 1, allow_nan=False)
positions = st.integers(-(10**9), 10**9)
sizes = st.integers(0, 10**9)
spents = st.sampled_from([-1, 0, 1])
equities = st.integers(-(10**15), 5 * 10**16)
values = st.integers(0, 10**12)


def sizer(plan: SizerPlan | None = None, **changes: Any) -> Any:
    return sizer_rows([COIN], replace(plan or SizerPlan(), **changes))[0]


@quick
@given(positions, spents, sizes)
def test_an_abstention_keeps_the_position(position: int, spent: int, size: int) -> None:
    assert wish(sizer(), NAN, position, spent, size) == position


@quick
@given(st.sampled_from([0.0, -0.0]), positions, spents, sizes)
def test_a_score_of_zero_is_a_wish_to_be_flat(zero: float, position: int, spent: int, size: int) -> None:
    assert wish(sizer(), zero, position, spent, size) == 0


@quick
@given(scores.filter(bool), sizes)
def test_a_view_whose_position_was_closed_is_not_entered_again(score: float, size: int) -> None:
    side = 1 if score > 0 else -1
    assert wish(sizer(), score, 0, side, size) == 0
    assert wish(sizer(), score, 0, -side, size) == wish(sizer(), score, 0, 0, size) == side * size


@quick
@given(scores.filter(bool), positions.filter(bool), spents, sizes)
def test_a_view_that_is_held_is_not_spent(score: float, position: int, spent: int, size: int) -> None:
    assert wish(sizer(), score, position, spent, size) == wish(sizer(), score, position, 0, size)


@quick
@given(scores.filter(bool), positions, spents, sizes)
def test_a_wish_is_what_is_held_or_the_size_on_the_side_of_the_score(
    score: float, position: int, spent: int, size: int
) -> None:
    side = 1 if score > 0 else -1
    wanted = wish(sizer(), score, position, spent, size)
    assert wanted in (position, side * size, 0)
    assert wanted * side >= 0
    assert wanted != position or position * side >= 0


@quick
@given(st.integers(1, 10**9), sizes, st.integers(0, 10_000), st.sampled_from([1, -1]))
def test_a_held_view_is_left_alone_until_its_size_has_moved_by_the_share(
    held: int, size: int, rebalance_bps: int, side: int
) -> None:
    near = abs(size - held) * 10_000 <= size * rebalance_bps
    wanted = wish(sizer(rebalance_bps=rebalance_bps), float(side), side * held, 0, size)
    assert wanted == side * (held if near else size)


@pytest.mark.parametrize(
    ("held", "size", "wanted"),
    [(100, 125, 100), (100, 133, 100), (100, 134, 134), (100, 80, 100), (100, 79, 79), (100, 0, 0), (-100, 80, 80)],
)
def test_a_quarter_of_the_wanted_size_is_the_least_worth_trading(held: int, size: int, wanted: int) -> None:
    assert wish(sizer(), 1.0, held, 0, size) == wanted


@quick
@given(equities, values, st.integers(0, 2_000))
def test_a_fraction_of_equity_is_whole_steps_and_never_more_than_the_fraction(
    equity: int, value: int, atr_bps: int
) -> None:
    steps = target(sizer(fraction_bps=1_000), equity, value, atr_bps)
    if value == 0 or equity <= 0:
        assert steps == 0
    else:
        assert steps == equity * 1_000 // 10_000 // value


@quick
@given(equities, st.integers(1, 10**12), st.integers(1, 2_000), st.integers(1, 2_000))
def test_a_wilder_market_is_never_held_larger(equity: int, value: int, one: int, two: int) -> None:
    row = sizer(method=Method.VOLATILITY_TARGET)
    calm, wild = sorted((one, two))
    assert 0 <= target(row, equity, value, wild) <= target(row, equity, value, calm)


@pytest.mark.parametrize(("atr_bps", "steps"), [(50, 100), (100, 50), (25, 200), (10, 500), (1, 500), (0, 0)])
def test_volatility_sizes_inversely_and_up_to_a_maximum(atr_bps: int, steps: int) -> None:
    assert target(sizer(method=Method.VOLATILITY_TARGET), EQUITY, VALUE, atr_bps) == steps


def test_a_fixed_quantity_is_rounded_down_to_steps_and_may_differ_by_symbol() -> None:
    plan = SizerPlan(Method.FIXED_QUANTITY, quantity=Decimal("1.2349"), quantities={"OTHERUSDT": Decimal(2)})
    rows = sizer_rows([COIN, replace(COIN, symbol="OTHERUSDT")], plan)
    assert [target(row, 0, VALUE, 0) for row in rows] == [1_234, 2_000]


def test_a_mode_scales_fractions_and_not_quantities() -> None:
    rows = sizer_rows([COIN], SizerPlan(quantity=Decimal(1)), Decimal("0.7"))
    assert (rows[0]["fraction_bps"], rows[0]["fraction_max_bps"], rows[0]["quantity"]) == (700, 3_500, 1_000)


@pytest.mark.parametrize(
    "broken",
    [
        {"fraction_bps": -1},
        {"fraction_max_bps": -1},
        {"target_atr_bps": -1},
        {"rebalance_bps": -1},
        {"quantity": Decimal(-1)},
        {"quantities": {"COINUSDT": Decimal(-1)}},
    ],
)
def test_a_negative_number_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match="sizer: no number is negative"):
        SizerPlan(**broken)
