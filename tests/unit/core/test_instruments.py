from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import BRACKETS_MAX, Bracket, Instrument, instrument_rows

pytestmark = pytest.mark.unit

quick = settings(deadline=None, max_examples=120)
WHOLE = Bracket(Decimal(0), 20, Decimal("0.025"), Decimal(0))
UPPER = Bracket(Decimal(100_000), 10, Decimal("0.05"), Decimal(2_500))
COIN = Instrument(
    symbol="COINUSDT",
    tick=Decimal("0.1"),
    step=Decimal("0.001"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(1_000),
    market_quantity_max=Decimal(120),
    notional_min=Decimal(50),
    price_min=Decimal("0.1"),
    price_max=Decimal(1_000_000),
    maker_rate=Decimal("0.0002"),
    taker_rate=Decimal("0.0005"),
    liquidation_rate=Decimal("0.0125"),
    brackets=(WHOLE, UPPER),
    cluster=3,
)
sizes = st.tuples(st.integers(1, 99), st.integers(-4, 2)).map(lambda pair: Decimal(pair[0]).scaleb(pair[1]))
values = st.decimals(-(10**7), 10**7, allow_nan=False, allow_infinity=False)


def sized(tick: Decimal, step: Decimal) -> Instrument:
    assume((tick * step * 10**8) % 1 == 0)
    return replace(COIN, tick=tick, step=step)


@quick
@given(sizes, sizes, values)
def test_rounding_a_quantity_to_steps_never_adds_risk(tick: Decimal, step: Decimal, quantity: Decimal) -> None:
    instrument = sized(tick, step)
    steps = instrument.steps(quantity)
    assert abs(steps) == abs(Fraction(quantity)) // Fraction(step)
    assert steps * quantity >= 0
    assert abs(Fraction(instrument.quantity(steps))) <= abs(Fraction(quantity))


def test_a_hair_less_than_a_step_is_not_a_step() -> None:
    assert COIN.steps(Decimal("0.00299999999999999999999999999999999999999")) == 2
    assert COIN.steps(Decimal("-0.00299999999999999999999999999999999999999")) == -2


@quick
@given(sizes, sizes, st.integers(-(10**9), 10**9))
def test_whole_ticks_and_steps_go_in_and_out_without_loss(tick: Decimal, step: Decimal, count: int) -> None:
    instrument = sized(tick, step)
    assert instrument.ticks(instrument.price(count)) == count
    assert instrument.steps(instrument.quantity(count)) == count


@quick
@given(sizes, sizes, values)
def test_a_price_is_the_nearest_tick(tick: Decimal, step: Decimal, price: Decimal) -> None:
    instrument = sized(tick, step)
    assert abs(Fraction(instrument.price(instrument.ticks(price))) - Fraction(price)) <= Fraction(tick) / 2


@quick
@given(sizes, sizes, st.integers(1, 10**6), st.integers(1, 10**6))
def test_ticks_times_steps_times_unit_is_the_notional(tick: Decimal, step: Decimal, ticks: int, steps: int) -> None:
    instrument = sized(tick, step)
    rows, _ = instrument_rows([instrument])
    notional = Fraction(instrument.price(ticks)) * Fraction(instrument.quantity(steps))
    assert ticks * steps * int(rows[0]["unit"]) == notional * 10**8


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"tick": Decimal(0)}, "COINUSDT: tick and step are positive, were 0 and 0.001"),
        ({"step": Decimal("-0.1")}, "COINUSDT: tick and step are positive, were 0.1 and -0.1"),
        ({"tick": Decimal("NaN")}, "COINUSDT: tick and step are positive, were NaN and 0.001"),
        ({"step": Decimal("Infinity")}, "COINUSDT: tick and step are positive, were 0.1 and Infinity"),
        ({"tick": Decimal("1e-6")}, "COINUSDT: tick times step is a multiple of 1e-8, was 1E-9"),
        ({"brackets": ()}, "COINUSDT: 1 to 12 brackets, the first from 0"),
        ({"brackets": (UPPER,)}, "COINUSDT: 1 to 12 brackets, the first from 0"),
        ({"brackets": (WHOLE,) * (BRACKETS_MAX + 1)}, "COINUSDT: 1 to 12 brackets, the first from 0"),
        ({"brackets": (WHOLE, UPPER, UPPER)}, r"COINUSDT: brackets rise, were \['0', '100000', '100000'\]"),
        ({"brackets": (replace(WHOLE, leverage_max=201),)}, r"COINUSDT: leverage is from 1 to 200, was \[201\]"),
        ({"brackets": (replace(WHOLE, leverage_max=0),)}, r"COINUSDT: leverage is from 1 to 200, was \[0\]"),
        ({"cluster": -1}, "COINUSDT: a cluster is from 0 to 63, was -1"),
        ({"cluster": 64}, "COINUSDT: a cluster is from 0 to 63, was 64"),
    ],
)
def test_an_impossible_instrument_is_refused_by_name(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        replace(COIN, **broken)


def test_rows_say_the_same_in_whole_units() -> None:
    other = replace(COIN, symbol="OTHERUSDT", brackets=(WHOLE,), cluster=0)
    rows, brackets = instrument_rows([COIN, other])
    first = {name: int(rows[0][name]) for name in rows.dtype.fields or {}}
    assert first == {
        "unit": 10_000,
        "quantity_min": 1,
        "quantity_max": 1_000_000,
        "market_quantity_max": 120_000,
        "notional_min": 50 * 10**8,
        "price_min": 1,
        "price_max": 10_000_000,
        "maker_ppm": 200,
        "taker_ppm": 500,
        "liquidation_ppm": 12_500,
        "first_bracket": 0,
        "brackets": 2,
        "cluster": 3,
        "allowed": 1,
    }
    assert (rows[1]["first_bracket"], rows[1]["brackets"]) == (2, 1)
    assert brackets[1].tolist() == (100_000 * 10**8, 2_500 * 10**8, 50_000, 10)
    assert len(brackets) == 3


def test_a_fee_that_is_no_whole_part_per_million_is_refused_before_it_is_traded() -> None:
    with pytest.raises(Invalid, match="a rate is a whole number of parts per million"):
        instrument_rows([replace(COIN, taker_rate=Decimal("0.00012345"))])
