from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random

import pytest

from qt_ray.execution.gateway.budget import MINUTE_MS, TEN_SECONDS_MS, orders_of, weight_of
from qt_ray.execution.venue.calls import (
    AskOpenOrders,
    AskPositions,
    Call,
    CancelAll,
    Place,
    Refused,
    Unsure,
)
from tests.unit.execution.emergency import T0, Drill, FakeVenue, held, resting, stop
from tests.unit.execution.venue_shown import BOTH

pytestmark = pytest.mark.unit


def spent_by(venue: FakeVenue, window_ms: int, cost: Callable[[Call], int]) -> Counter[int]:
    """Return what was spent in each window of the clock, as the venue counts it."""
    spent: Counter[int] = Counter()
    for at_ms, call in venue.log:
        spent[at_ms // window_ms] += cost(call)
    return spent


@pytest.mark.parametrize("deaf", [AskOpenOrders, AskPositions, Place, CancelAll])
def test_ten_minutes_of_trying_never_cost_so_much_that_the_venue_shuts_us_out(deaf: type[Call]) -> None:
    venue = held()
    venue.before = lambda call, at_ms: Unsure("503") if isinstance(call, deaf) else None
    Drill(venue).run(600_000)
    assert max(spent_by(venue, MINUTE_MS, weight_of).values()) <= 1_920


@pytest.mark.parametrize("deaf", [AskOpenOrders, AskPositions, Place, CancelAll, Call])
def test_an_account_full_of_symbols_stays_within_every_limit_of_the_venue_too(deaf: type[Call]) -> None:
    names = tuple(f"S{at}USDT" for at in range(150))
    venue = FakeVenue({(name, BOTH): Decimal(2) for name in names})
    venue.rest(*(resting(name, name) for name in names), *(stop(f"s{name}", name) for name in names))
    venue.before = lambda call, at_ms: Unsure("503") if isinstance(call, deaf) and at_ms < T0 + 240_000 else None
    Drill(venue, names, dict.fromkeys(names, Decimal(9))).run(400_000)
    assert venue.is_flat
    assert max(spent_by(venue, MINUTE_MS, weight_of).values()) <= 1_920
    assert max(spent_by(venue, MINUTE_MS, orders_of).values()) <= 960
    assert max(spent_by(venue, TEN_SECONDS_MS, orders_of).values()) <= 240


def full_account_flat_after_ms(seed: int) -> int:
    """Return how long 50 positions with their stops and 100 orders take when half of all answers are a 5xx."""
    dice, names = Random(seed), tuple(f"S{at}USDT" for at in range(50))
    venue = FakeVenue({(name, BOTH): Decimal(2) for name in names})
    venue.rest(*(resting(f"{at}{name}", name) for name in names for at in "ab"))
    venue.rest(*(stop(f"s{name}", name) for name in names))
    venue.before = lambda call, at_ms: Refused(-1001, "Internal error") if dice.randint(0, 3) == 0 else None
    venue.after = lambda call, at_ms, answer: Unsure("cut") if dice.randint(0, 2) == 0 else answer
    drill = Drill(venue, names, dict.fromkeys(names, Decimal(9)), rtt_ms=100, seed=seed)
    report = drill.run().flattening.report
    assert venue.is_flat
    return (report.flat_ms or 0) - T0


def test_a_full_account_is_flat_within_half_a_minute_though_half_of_all_answers_are_lost() -> None:
    assert max(map(full_account_flat_after_ms, range(20))) <= 30_000
