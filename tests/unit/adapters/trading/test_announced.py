"""What an account may ask is what its venue says, whatever the shares of it are ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.trading.account_loop import announced
from qt_ray.execution.gateway.rules import Allowance, Rules
from qt_ray.execution.venue.views import RulesView

pytestmark = pytest.mark.unit

LIMITS = st.integers(1, 10**9)


@given(LIMITS, LIMITS, LIMITS)
def test_a_venue_that_lets_more_or_less_be_asked_is_asked_more_or_less(weight: int, ten: int, minute: int) -> None:
    ours = Allowance(queries_bps=1_234)
    found = announced(Rules(allowance=ours), RulesView({}, weight, ten, minute, 0)).allowance
    assert (found.weight_minute, found.orders_ten_seconds, found.orders_minute) == (weight, ten, minute)
    assert (found.cap_bps, found.queries_bps) == (ours.cap_bps, 1_234)
