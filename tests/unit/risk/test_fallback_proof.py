"""P0-05: whether sizes are capped in high volatility is found out by asking the guard."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.limits import Volatility
from qt_ray.core.policy import Policy
from qt_ray.risk.fallback_proof import why_uncapped

pytestmark = [pytest.mark.unit, pytest.mark.p0_patches]

shares = st.decimals("0.01", "1", places=2)
leverages = st.decimals("1", "2", places=2)


@pytest.mark.requirement("P0-05")
def test_the_policy_that_a_fund_begins_with_caps() -> None:
    assert why_uncapped(Policy()) == ""


@pytest.mark.requirement("P0-05")
@settings(max_examples=50)
@given(shares, leverages)
def test_a_policy_caps_exactly_when_its_share_is_within_the_founding_ceiling(share: Decimal, leverage: Decimal) -> None:
    found = why_uncapped(Policy(volatility=Volatility(fallback_size_max=share, fallback_leverage=leverage)))
    assert (found == "") is (share <= Decimal("0.3"))
    assert found == "" or "at most 3000 bps" in found
