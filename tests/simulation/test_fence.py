"""SPEC law 2 under random schedules of kills, pauses, lost words and wrong clocks; the benchmark runs 10 000."""

import pytest

from tests.simulation.fence_histories import fence_campaign
from tests.simulation.fence_mutations import HUNTED, MUTATIONS, RELAPSE
from tests.simulation.fence_world import KINDS, Script, fence_history

pytestmark = pytest.mark.scenario

SEEDS = 80
# Where `python -m benchmarks.fence_campaign` found each mistake; a history or two later is as good.
FOUND = {
    "counts from the answer": 9,
    "drains nothing": 12,
    "opens while it drains": 17,
    "opens before its policy is heard": 17,
    "trusts the wall clock": 40,
    "acknowledges at once": 3,
    "forgets what travels": 4,
    "is born grown": 4,
    "measures by the wall clock": 4,
    "keeps on granting": 0,
    "prolongs in doubt": 89,
    "believes its memory": 0,
    "raises no epoch": 88,
    "writes later": 2,
}
MORE = 12


@pytest.mark.requirement("L2")
@pytest.mark.parametrize("part", range(4))
def test_no_entry_is_accepted_after_an_acknowledged_emergency_whatever_goes_wrong(part: int) -> None:
    found = fence_campaign(range(part * SEEDS // 4, (part + 1) * SEEDS // 4))
    assert [(bad.seed, bad.told) for bad in found.bad] == []
    assert set(found.faults) >= set(KINDS)
    for what in ("entries accepted", "exits accepted", "emergencies acknowledged", "recoveries", "leases granted"):
        assert found.counts[what] > SEEDS // 4, what


@pytest.mark.requirement("L2")
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_in_the_fence_is_found(name: str) -> None:
    script = HUNTED.get(name, Script())
    seeds = range(FOUND[name], FOUND[name] + MORE)
    assert any(fence_history(seed, MUTATIONS[name], script).violations for seed in seeds)


@pytest.mark.requirement("L2")
def test_an_emergency_that_begins_while_the_end_of_another_is_uncertain_is_kept() -> None:
    histories = [fence_history(seed, script=RELAPSE) for seed in range(20)]
    assert [(bad.seed, bad.told) for bad in histories if bad.violations] == []
    assert sum(history.counts["recoveries"] for history in histories) > len(histories)


def test_one_seed_is_one_history() -> None:
    assert fence_history(7) == fence_history(7)
