"""Every money function against Python's integers and fractions, over the whole range its docstring names."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.money import (
    AMOUNT_MAX,
    bps_of,
    decimal,
    money,
    nearest,
    per_hundred_million,
    per_million,
    portion,
    ppm,
    ratio_bps,
)

pytestmark = [pytest.mark.unit, pytest.mark.requirement("L5")]

quick = settings(deadline=None, max_examples=200)
LARGEST = 9 * 10**18
amounts = st.integers(-LARGEST, LARGEST)
small_wholes = st.integers(1, 3 * 10**9 - 1)
wholes = st.integers(1, 3 * 10**18 - 1)


# round(Fraction) is half to even, exact, and shares nothing with the functions under test.
@quick
@given(amounts, small_wholes, st.data())
def test_a_portion_is_exact_and_half_to_even(amount: int, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    assert portion(amount, part, whole) == round(Fraction(amount * part, whole))


@quick
@given(st.integers(-(2**61), 2**61), wholes, st.data())
def test_a_portion_of_a_huge_whole_is_as_exact(amount: int, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    assert portion(amount, part, whole) == round(Fraction(amount * part, whole))


@quick
@given(st.integers(0, 10**16), st.integers(0, 10**16), st.integers(1, 10**16))
def test_a_portion_may_be_more_than_the_whole(amount: int, part: int, whole: int) -> None:
    exact = Fraction(amount * part, whole)
    if exact <= LARGEST:
        assert portion(amount, part, whole) == round(exact)


@quick
@given(amounts, wholes)
def test_all_of_an_amount_is_the_amount_and_none_of_it_is_nothing(amount: int, whole: int) -> None:
    assert portion(amount, whole, whole) == amount
    assert portion(amount, 0, whole) == 0


# Odd quotients in front of a tie: half to even is decided by the whole result.
@pytest.mark.parametrize(("amount", "expected"), [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2)])
def test_half_goes_to_the_even_neighbour(amount: int, expected: int) -> None:
    assert portion(amount, 1, 2) == expected
    assert portion(amount * 10**9, 10**9, 2 * 10**18) == expected
    assert nearest(amount, 2) == expected
    assert per_million(amount * 500_000, 1) == expected
    assert per_hundred_million(amount * 50_000_000, 1) == expected


@quick
@given(st.integers(-(4 * 10**18), 4 * 10**18), st.integers(1, 10**18))
def test_nearest_is_a_quotient_half_to_even(numerator: int, denominator: int) -> None:
    assert nearest(numerator, denominator) == round(Fraction(numerator, denominator))


@quick
@given(amounts, st.integers(-1_000_000, 1_000_000))
def test_parts_per_million_are_exact_for_any_amount_and_rate(amount: int, rate: int) -> None:
    assert per_million(amount, rate) == round(Fraction(amount * rate, 10**6))


@quick
@given(amounts, st.integers(-(10**8), 10**8))
def test_funding_rates_are_exact_for_any_amount(amount: int, rate: int) -> None:
    assert per_hundred_million(amount, rate) == round(Fraction(amount * rate, 10**8))


@quick
@given(st.integers(-(4 * 10**17), 4 * 10**17), st.integers(0, 200_000))
def test_basis_points_of_an_amount_are_rounded_down(amount: int, bps: int) -> None:
    assert bps_of(amount, bps) == amount * bps // 10_000


@quick
@given(st.integers(0, 9 * 10**18), st.integers(0, 10_000))
def test_basis_points_up_to_the_whole_fit_any_amount(amount: int, bps: int) -> None:
    assert bps_of(amount, bps) == amount * bps // 10_000 <= amount


@quick
@example(-8_999_999_999_999_990_001, 10_000)
@given(st.one_of(amounts, st.integers(-(10**15), 10**15)), st.integers(10_000, 9 * 10**16 - 1))
def test_a_ratio_is_exact_and_rounded_down(part: int, whole: int) -> None:
    assert ratio_bps(part, whole) == part * 10_000 // whole


@quick
@given(amounts, st.integers(1, 10_000))
def test_a_ratio_too_large_to_say_ends_at_the_largest(part: int, whole: int) -> None:
    assert ratio_bps(part, whole) == min(max(part * 10_000 // whole, -LARGEST), LARGEST)


@quick
@given(st.integers(1, 9 * 10**12 - 1), st.integers(0, 10_000))
def test_a_ratio_at_its_threshold_reads_the_threshold_at_any_size(ten_thousandth: int, bps: int) -> None:
    assert ratio_bps(ten_thousandth * bps, ten_thousandth * 10_000) == bps
    assert ratio_bps(ten_thousandth * bps - 1, ten_thousandth * 10_000) == bps - 1


@quick
@given(st.decimals(-AMOUNT_MAX, AMOUNT_MAX, allow_nan=False, places=8))
def test_money_goes_in_and_out_without_loss(value: Decimal) -> None:
    assert decimal(money(value)) == value


@quick
@given(st.decimals(-AMOUNT_MAX, AMOUNT_MAX, allow_nan=False, allow_infinity=False))
def test_money_is_the_nearest_unit_half_to_even(value: Decimal) -> None:
    assert money(value) == round(Fraction(value) * 10**8)


def test_money_is_rounded_once() -> None:
    assert money(Decimal("0.0000000149999999999999999999999999999999999")) == 1
    assert money(Decimal("0.000000015")) == 2
    assert money(Decimal("0.000000025")) == 2


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "500000000.00000001", "-5e9"])
def test_an_amount_that_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises(Invalid, match="an amount is finite and at most 500000000, was "):
        money(Decimal(value))


@pytest.mark.parametrize(("rate", "expected"), [("0.0004", 400), ("-0.0001", -100), ("0", 0), ("1", 1_000_000)])
def test_a_rate_is_whole_parts_per_million(rate: str, expected: int) -> None:
    assert ppm(Decimal(rate)) == expected


@pytest.mark.parametrize("rate", ["0.0000001", "0.00012345", "NaN", "Infinity"])
def test_a_rate_finer_than_that_is_refused(rate: str) -> None:
    with pytest.raises(Invalid, match=f"a rate is a whole number of parts per million, was {rate}|1E-7"):
        ppm(Decimal(rate))
