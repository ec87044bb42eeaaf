"""What parts say, as one picture: the worst number counts, and what nobody says is unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.hedge_fund_os import Health
from qt_ray.governance.coordination import Seen
from qt_ray.monitoring.health import Condition
from qt_ray.monitoring.sight import sight_of

pytestmark = pytest.mark.unit

numbers = st.one_of(st.none(), st.integers(0, 10_000))


def test_of_nobody_nothing_is_known() -> None:
    assert sight_of({}) == Seen({})


@given(said=st.lists(numbers, min_size=1, max_size=5))
def test_the_worst_of_what_is_known_counts(said: list[int | None]) -> None:
    parts = {
        f"P{at}": Condition(f"P{at}", Health.HEALTHY, 0, facts={"drawdown_bps": one}) for at, one in enumerate(said)
    }
    assert sight_of(parts).drawdown_bps == max((one for one in said if one is not None), default=None)


def test_the_way_back_is_the_emergency_stop_s_to_tell_and_regimes_are_the_feed_s() -> None:
    stop = Condition("EmergencyStop", Health.DEGRADED, 0, facts={"mode": "RAMP"})
    feed = Condition("Feed", Health.HEALTHY, 0, facts={"regimes": {"AUSDT": "NORMAL"}})
    store = Condition("PolicyStore", Health.HEALTHY, 0, facts={"mode": "NORMAL"})
    seen = sight_of({"PolicyStore": store, "EmergencyStop": stop, "Feed": feed})
    assert (seen.recovery, seen.regimes) == ("RAMP", {"AUSDT": "NORMAL"})
    assert seen.healths == {
        "PolicyStore": Health.HEALTHY,
        "EmergencyStop": Health.DEGRADED,
        "Feed": Health.HEALTHY,
    }
