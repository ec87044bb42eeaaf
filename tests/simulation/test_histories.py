"""A few of the histories of which the benchmark runs thousands: what must be zero is zero, whatever goes wrong."""

import pytest

from qt_ray.execution.entries import Traded
from qt_ray.execution.gateway.records import Heard
from tests.simulation.histories import campaign, history, judged
from tests.simulation.network import CALM, EVENT_FAULTS, PROCESS_FAULTS, REQUEST_FAULTS, STREAM_FAULTS, Rates
from tests.simulation.process import Memory
from tests.simulation.world import START_MS, World

pytestmark = pytest.mark.scenario

SEEDS = 16
STORM = Rates(request=0.5, event=0.4, stream=0.2, crash=0.02)


def test_without_faults_nothing_is_ever_in_doubt() -> None:
    found = campaign(range(3), CALM)
    assert not found.bad
    assert not found.faults
    assert found.orders > 100


@pytest.mark.requirement("L6")
def test_no_fill_is_lost_or_invented_and_no_order_doubled_whatever_goes_wrong() -> None:
    found = campaign(range(SEEDS))
    assert [(bad.seed, bad.verdict) for bad in found.bad] == []
    assert set(found.faults) == {*REQUEST_FAULTS, *EVENT_FAULTS, *STREAM_FAULTS, *PROCESS_FAULTS}
    assert found.faults.total() > 20 * SEEDS


def test_a_storm_costs_time_and_nothing_else() -> None:
    found = campaign(range(10_000, 10_005), STORM)
    assert [(bad.seed, bad.verdict) for bad in found.bad] == []


@pytest.mark.parametrize("seed", [1_000_054, 1_000_323, 1_000_673, 1_000_886])
def test_however_often_all_is_begun_anew_an_order_is_known_within_ten_seconds(seed: int) -> None:
    found = history(seed)
    assert found.verdict.is_clean
    assert max(taken for times in found.settled.values() for taken in times) <= 10_000


@pytest.mark.parametrize("seed", [1_000_002, 1_000_001])
def test_a_position_of_which_we_were_told_has_its_stop_within_two_seconds(seed: int) -> None:
    found = history(seed)
    assert found.told_gaps
    assert max(found.told_gaps) <= 2_000
    assert max(found.gaps) <= 10_000


def test_the_time_in_which_we_were_told_is_a_part_of_the_time_without_a_stop() -> None:
    world = World(1_000_005, Rates())
    world.run()
    assert 0 < sum(world.watch.told_gaps) <= sum(world.watch.gaps)
    world.watch.open["BTCUSDT"], world.watch.told["BTCUSDT"] = 0, 0
    world.watch.ask(None, 7)
    assert world.watch.told_gaps[-1] == 7


@pytest.mark.parametrize("seed", [3, 4])
def test_the_process_may_die_after_any_effect(seed: int) -> None:
    whole = World(seed, CALM)
    whole.run()
    for dies_after in range(seed, whole.effects, whole.effects // 12):
        world = World(seed, CALM, dies_after=dies_after)
        world.run()
        assert judged(world).is_clean, (seed, dies_after, judged(world))


def test_one_seed_is_one_history() -> None:
    assert history(7) == history(7)


def test_the_checker_misses_what_is_taken_from_the_journal() -> None:
    world = World(3, CALM)
    world.run()
    assert judged(world).is_clean
    journal = world.memory.journal
    fill = next(r for r in journal if isinstance(r, Heard) and r.news.execution)
    posted = next(r for r in journal if isinstance(r, Traded) and r.execution == fill.news.execution)
    world.memory.journal = [line for line in journal if line not in (fill, posted)]
    verdict = judged(world)
    assert (verdict.lost, verdict.invented) == (1, 0)
    assert verdict.trades == 1
    assert verdict.wallet
    assert verdict.positions
    assert verdict.replay_differs


def test_the_checker_sees_an_order_that_was_sent_before_it_was_durable() -> None:
    world = World(3, CALM)
    world.memory = Forgetful(START_MS)
    world.run()
    assert judged(world).orphans


class Forgetful(Memory):
    """A journal that nobody ever syncs."""

    def sync(self) -> None:
        self.durable = set()
