"""SPEC law 2 under random schedules of kills, pauses, lost words and wrong clocks; the benchmark runs 10 000."""

import pytest

from tests.simulation.fence_histories import fence_campaign
from tests.simulation.fence_mutations import HUNTED, MUTATIONS
from tests.simulation.fence_world import KINDS, Script, fence_history

pytestmark = pytest.mark.scenario

SEEDS = 120
MUTANTS_SEEDS_MAX = 150


@pytest.mark.parametrize("part", range(4))
def test_no_entry_is_accepted_after_an_acknowledged_emergency_whatever_goes_wrong(part: int) -> None:
    found = fence_campaign(range(part * SEEDS // 4, (part + 1) * SEEDS // 4))
    assert [(bad.seed, bad.told) for bad in found.bad] == []
    assert set(found.faults) >= set(KINDS)
    for what in ("entries accepted", "exits accepted", "emergencies acknowledged", "recoveries", "leases granted"):
        assert found.counts[what] > SEEDS // 4, what


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_in_the_fence_is_found(name: str) -> None:
    script = HUNTED.get(name, Script())
    histories = (fence_history(seed, MUTATIONS[name], script) for seed in range(MUTANTS_SEEDS_MAX))
    assert any(history.violations for history in histories)


def test_one_seed_is_one_history() -> None:
    assert fence_history(7) == fence_history(7)
