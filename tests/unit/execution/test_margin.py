"""Maintenance over the brackets that come with the program: no steps, no overreach."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.instruments import load_instruments
from qt_ray.core.instruments import Instrument, instrument_rows
from qt_ray.core.money import money
from qt_ray.execution.margin import EQUITY_MAX, carried, maintenance

pytestmark = pytest.mark.unit

quick = settings(deadline=None, max_examples=150)
ALL: tuple[Instrument, ...] = tuple(load_instruments().values())
ROWS, BRACKETS = instrument_rows(ALL)
places = st.integers(0, len(ALL) - 1)
FLOORS = sorted({money(bracket.floor) for instrument in ALL for bracket in instrument.brackets})
near_floors = st.tuples(st.sampled_from(FLOORS), st.integers(-(10**8), 10**8)).map(lambda pair: max(sum(pair), 0))
notionals = st.one_of(st.integers(0, 5 * 10**16), near_floors)
equities = st.integers(-(10**15), 5 * 10**16)


def needed(place: int, notional: int) -> int:
    return int(maintenance(ROWS[place], BRACKETS, notional))


def reach(place: int, equity: int) -> int:
    return int(carried(ROWS[place], BRACKETS, equity))


def leverage_at(instrument: Instrument, notional: int) -> int:
    """Return the leverage of the bracket that a notional lies in; a floor belongs to the bracket below it."""
    held = [bracket for bracket in instrument.brackets if money(bracket.floor) < notional]
    return (held or instrument.brackets[:1])[-1].leverage_max


@quick
@given(places, notionals)
def test_maintenance_is_the_dearest_of_all_brackets(place: int, notional: int) -> None:
    dearest = max(notional * bracket.maintenance_rate - bracket.deduction * 10**8 for bracket in ALL[place].brackets)
    assert abs(needed(place, notional) - max(dearest, Decimal(0))) <= Decimal("0.5")


@pytest.mark.parametrize("place", range(len(ALL)), ids=[instrument.symbol for instrument in ALL])
def test_maintenance_does_not_jump_where_brackets_meet(place: int) -> None:
    for bracket in ALL[place].brackets[1:]:
        floor = money(bracket.floor)
        at, beyond = needed(place, floor), needed(place, floor + 1)
        by_upper = floor * bracket.maintenance_rate - bracket.deduction * 10**8
        assert abs(at - by_upper) <= 1
        assert 0 <= beyond - at <= 1


@quick
@given(places, notionals, notionals)
def test_a_larger_position_never_needs_less_margin(place: int, one: int, two: int) -> None:
    small, large = sorted((one, two))
    assert 0 <= needed(place, small) <= needed(place, large) <= large


@quick
@given(places, equities)
def test_what_equity_carries_is_within_its_brackets_leverage_and_one_more_is_not(place: int, equity: int) -> None:
    most, instrument = reach(place, equity), ALL[place]
    usable = min(max(equity, 0), EQUITY_MAX)
    assert most <= usable * leverage_at(instrument, most)
    assert most + 1 > usable * leverage_at(instrument, most + 1)


@quick
@given(places, equities, equities)
def test_more_equity_never_carries_less(place: int, one: int, two: int) -> None:
    poor, rich = sorted((one, two))
    assert 0 <= reach(place, poor) <= reach(place, rich)


@quick
@given(places, st.integers(0, EQUITY_MAX))
def test_what_is_carried_is_not_liquidated_at_once(place: int, equity: int) -> None:
    assert needed(place, reach(place, equity)) <= max(equity, 0)


def test_no_equity_carries_nothing_and_no_position_needs_nothing() -> None:
    for place in range(len(ALL)):
        assert reach(place, 0) == reach(place, -(10**15)) == needed(place, 0) == 0


def test_the_highest_leverage_of_any_venue_does_not_overflow() -> None:
    row, bracket = ROWS[:1].copy(), BRACKETS[:1].copy()
    row["first_bracket"], row["brackets"], bracket["leverage_max"] = 0, 1, 200
    for equity in (EQUITY_MAX, 10**17, 2**62):
        most: Any = carried(row[0], bracket, equity)
        assert most == EQUITY_MAX * 200


def test_a_million_of_bitcoin_needs_the_rate_of_its_third_bracket_less_the_deduction() -> None:
    place = [instrument.symbol for instrument in ALL].index("BTCUSDT")
    assert needed(place, 10**14) == money(Decimal(1_000_000) * Decimal("0.0065") - 950)
