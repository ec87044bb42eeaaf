"""A few of the histories of which the benchmark runs thousands: what must be zero is zero, whatever goes wrong."""

import pytest

from tests.simulation.histories import campaign, history
from tests.simulation.network import CALM, EVENT_FAULTS, PROCESS_FAULTS, REQUEST_FAULTS, STREAM_FAULTS, Rates

pytestmark = pytest.mark.scenario

SEEDS = 40
STORM = Rates(request=0.5, event=0.4, stream=0.2, crash=0.02)


def test_without_faults_nothing_is_ever_in_doubt() -> None:
    found = campaign(range(5), CALM)
    assert not found.bad
    assert not found.faults
    assert found.orders > 100


def test_no_fill_is_lost_or_invented_and_no_order_doubled_whatever_goes_wrong() -> None:
    found = campaign(range(SEEDS))
    assert [(bad.seed, bad.verdict) for bad in found.bad] == []
    assert set(found.faults) == {*REQUEST_FAULTS, *EVENT_FAULTS, *STREAM_FAULTS, *PROCESS_FAULTS}
    assert found.faults.total() > 20 * SEEDS


def test_a_storm_costs_time_and_nothing_else() -> None:
    found = campaign(range(10_000, 10_010), STORM)
    assert [(bad.seed, bad.verdict) for bad in found.bad] == []


def test_one_seed_is_one_history() -> None:
    assert history(7) == history(7)
