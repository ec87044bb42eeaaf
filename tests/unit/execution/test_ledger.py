"""The ledger against an independent one in fractions, fill by fill, and against the cash that went in and out."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.execution.ledger import apply_fill, book_transfer, closing, settle_funding, unrealised
from tests.unit.execution.markets import account, book

pytestmark = pytest.mark.unit

quick = settings(deadline=None, max_examples=120)
UNIT = 1_000
INITIAL = 10**12
steps = st.integers(-10_000, 10_000).filter(bool)
ticks = st.integers(1, 10**7)
rates = st.integers(-300, 1_000)
fills = st.lists(st.tuples(steps, ticks, rates), max_size=25)


@dataclass
class Paper:
    """The same account at average cost in exact fractions; only what the ledger says it rounds is rounded."""

    held: int = 0
    cost: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    cash: int = 0
    fees: int = 0
    roundings: int = 0

    def fill(self, quantity: int, price: int, rate: int) -> None:
        """Trade, realising the share of the cost that is closed."""
        opposite = self.held * quantity < 0
        closed = min(abs(quantity), abs(self.held)) if opposite else 0
        sign = 1 if self.held > 0 else -1
        if closed:
            released = self.cost * Fraction(closed, abs(self.held))
            self.realised += sign * closed * price * UNIT - released
            self.cost -= released
            self.roundings += 1
        opened = quantity + sign * closed if closed else quantity
        self.cost += opened * price * UNIT
        self.held += quantity
        self.cash -= quantity * price * UNIT
        self.fees += half_even(Fraction(abs(quantity) * price * UNIT * rate, 1_000_000))
        if self.held == 0:
            self.roundings = 0


def half_even(value: Fraction) -> int:
    """Round by Decimal, which shares nothing with the ledger."""
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return int(exact.to_integral_value(ROUND_HALF_EVEN))


def traded(trades: list[tuple[int, int, int]]) -> tuple[Any, Any, Paper]:
    own, fund, paper = book(), account(wallet=INITIAL), Paper()
    for quantity, price, rate in trades:
        apply_fill(own, fund, UNIT, quantity, price, rate)
        paper.fill(quantity, price, rate)
    return own, fund, paper


@quick
@given(fills)
def test_the_ledger_agrees_with_fractions_fill_by_fill(trades: list[tuple[int, int, int]]) -> None:
    own, fund, paper = traded(trades)
    assert own["position"] == paper.held == sum(quantity for quantity, _, _ in trades)
    assert fund["fees"] == paper.fees
    assert abs(Fraction(int(fund["realised"])) - paper.realised) <= Fraction(paper.roundings, 2)
    assert abs(Fraction(int(own["cost"])) - paper.cost) <= Fraction(paper.roundings, 2)


@pytest.mark.requirement("L5")
@quick
@given(fills)
def test_what_is_realised_and_what_is_still_owed_is_the_cash_that_moved(
    trades: list[tuple[int, int, int]],
) -> None:
    own, fund, paper = traded(trades)
    assert fund["realised"] - own["cost"] == paper.cash
    assert (own["cost"] == 0) or own["position"] != 0


@quick
@given(fills, ticks, rates)
def test_a_position_closed_whole_realises_exactly_what_was_paid_and_received(
    trades: list[tuple[int, int, int]], price: int, rate: int
) -> None:
    own, fund, paper = traded(trades)
    if paper.held:
        apply_fill(own, fund, UNIT, -paper.held, price, rate)
        paper.fill(-paper.held, price, rate)
    assert (own["position"], own["cost"]) == (0, 0)
    assert fund["realised"] == paper.cash == paper.realised


@quick
@given(
    fills,
    st.lists(st.tuples(ticks, st.integers(-(10**6), 10**6)), max_size=5),
    st.lists(st.integers(-(10**12), 10**12), max_size=4),
)
def test_the_wallet_is_initial_and_transfers_and_realised_less_fees_and_funding(
    trades: list[tuple[int, int, int]], settlements: list[tuple[int, int]], transfers: list[int]
) -> None:
    own, fund, _ = traded(trades)
    for price, rate in settlements:
        settle_funding(own, fund, UNIT, price, rate)
    for amount in transfers:
        book_transfer(fund, amount)
    parts = fund["transfers"] + fund["realised"] - fund["fees"] + fund["funding"]
    assert fund["wallet"] == INITIAL + parts
    assert fund["transfers"] == sum(transfers)


@quick
@given(fills)
def test_an_account_is_the_sum_of_what_its_fills_returned(trades: list[tuple[int, int, int]]) -> None:
    own, fund = book(), account()
    booked = [apply_fill(own, fund, UNIT, *trade) for trade in trades]
    assert fund["fees"] == sum(fee for fee, _ in booked)
    assert fund["realised"] == sum(realised for _, realised in booked)


@quick
@given(fills, ticks)
def test_the_unrealised_is_what_closing_here_would_realise(trades: list[tuple[int, int, int]], price: int) -> None:
    own, fund, _ = traded(trades)
    promised = unrealised(own, UNIT, price)
    before = int(fund["realised"])
    if own["position"]:
        apply_fill(own, fund, UNIT, -int(own["position"]), price, 0)
    assert fund["realised"] - before == promised


@quick
@given(st.integers(-(10**6), 10**6), ticks, st.integers(-(10**6), 10**6))
def test_funding_is_paid_by_the_side_the_rate_is_against(position: int, price: int, rate: int) -> None:
    own, fund = book(position=position), account()
    payment = settle_funding(own, fund, UNIT, price, rate)
    assert payment == -half_even(Fraction(position * price * UNIT * rate, 10**8))
    assert fund["funding"] == fund["wallet"] == payment
    assert int(payment) * position * rate <= 0


@quick
@given(st.integers(-100, 100), st.integers(-100, 100))
def test_closing_is_the_part_that_meets_a_position_of_the_other_side(position: int, quantity: int) -> None:
    part = closing(position, quantity)
    assert abs(part) == (min(abs(position), abs(quantity)) if position * quantity < 0 else 0)
    assert part * quantity >= 0
    assert abs(position + part) == abs(position) - abs(part)


def test_a_flip_closes_the_old_side_whole_and_opens_the_new_one_at_its_price() -> None:
    own, fund = book(), account()
    apply_fill(own, fund, UNIT, 10, 100, 0)
    assert apply_fill(own, fund, UNIT, -15, 110, 0) == (0, 10 * 10 * UNIT)
    assert (own["position"], own["cost"]) == (-5, -5 * 110 * UNIT)


# A fee of half a unit goes to the even neighbour, whichever digits come before it.
@pytest.mark.parametrize(("notional", "fee"), [(500_000, 0), (1_500_000, 2), (2_500_000, 2), (3_500_000, 4)])
def test_a_fee_of_half_a_unit_is_rounded_to_even(notional: int, fee: int) -> None:
    own, fund = book(), account()
    assert apply_fill(own, fund, 1, notional, 1, 1)[0] == fee
    assert apply_fill(own, fund, 1, -notional, 1, -1)[0] == -fee


def test_positions_of_more_steps_than_32_bits_are_as_exact() -> None:
    own, fund, paper = book(), account(), Fraction(0)
    held = 7 * 10**9
    apply_fill(own, fund, 1, held, 99_999_999, 0)
    paper = Fraction(held * 99_999_999)
    apply_fill(own, fund, 1, -3_333_333_333, 100_000_001, 0)
    released = paper * Fraction(3_333_333_333, held)
    assert int(own["cost"]) == held * 99_999_999 - half_even(released)
