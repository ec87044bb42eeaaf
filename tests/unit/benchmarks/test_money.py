from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.money import STEP, TICK, decimals, fills, scaled, share

pytestmark = pytest.mark.unit


@settings(deadline=None)
@given(st.integers(0, 2**62), st.integers(0, 2**30), st.integers(1, 2**30))
def test_a_share_is_exact_and_rounds_half_to_even(amount: int, part: int, whole: int) -> None:
    part = part % (whole + 1)
    assert share(amount, part, whole) == round_half_even(amount * part, whole)


def round_half_even(numerator: int, denominator: int) -> int:
    with localcontext() as context:
        context.prec = 80
        return int((Decimal(numerator) / Decimal(denominator)).to_integral_value("ROUND_HALF_EVEN"))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_both_ledgers_agree_to_the_last_unit(seed: int) -> None:
    steps, ticks = fills(500, seed)
    with localcontext() as context:
        context.prec = 40
        slow = decimals([STEP * s for s in steps.tolist()], [TICK * t for t in ticks.tolist()])
    assert scaled(steps, ticks) == slow
    assert slow[0] == int(np.sum(steps))
