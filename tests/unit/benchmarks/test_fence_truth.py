from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fence_outages import BEGINS_MS, SILENCE_MS, Blow, outages
from benchmarks.fence_schedule import GATEWAYS
from benchmarks.fence_truth import (
    AFTER,
    AFTER_BY_CLOCK,
    LOST,
    LOST_EMERGENCY,
    OVER,
    STALE,
    TWICE,
    UNASKED,
    Asked,
    Held,
    Moment,
    Order,
    Truth,
    order_of,
)
from qt_ray.adapters.paper.trade_log import log_line
from qt_ray.core.codec import decode, digest
from qt_ray.core.policy import Policy
from qt_ray.execution.exchange.told import OrderTold
from qt_ray.execution.exchange.values import Happened, TimeInForce
from qt_ray.governance.rulebook import seeded
from qt_ray.governance.rulebook_store import body_of
from tests.unit.execution.exchange.floor import START, buy, exchange

pytestmark = pytest.mark.unit

FIRST, SECOND = GATEWAYS
EPOCH = 3
NOTHING = Held({}, frozenset())


def taken(truth: Truth, place: int, epoch: int = EPOCH, gateway: str = FIRST, opens: bool = True) -> None:
    """Let the exchange take an order, each a millisecond after the one before."""
    truth.asks(f"order{place}", Asked(gateway, place, epoch))
    truth.takes(Order(place, place, f"order{place}", opens))


def moment(place: int) -> Moment:
    return Moment(place, place)


def an_orderly_fund() -> Truth:
    truth = Truth({1: FIRST, 2: SECOND})
    truth.grants(0, 1)
    taken(truth, 10)
    stopped = truth.acknowledges(EPOCH + 1, moment(20), is_emergency=True)
    taken(truth, 25, opens=False)
    stopped.ended = moment(30)
    truth.acknowledges(EPOCH + 2, moment(40), is_emergency=False)
    taken(truth, 50, EPOCH + 2)
    truth.grants(60, 2)
    taken(truth, 70, EPOCH + 2, SECOND)
    truth.promises(7, "seven")
    truth.closes(Held({7: "seven"}, {EPOCH + 1}))
    return truth


def test_an_orderly_fund_breaks_nothing_and_is_counted() -> None:
    truth = an_orderly_fund()
    assert truth.violations == {}
    assert truth.counts["entries accepted"] == 3
    assert truth.counts[f"entries accepted of {SECOND}"] == 1
    assert truth.counts["exits accepted in an emergency"] == truth.counts["exits accepted"] == 1
    assert (truth.entries_ms, truth.newest_ms) == ([10, 50, 70], 70)


def an_entry_in_an_emergency(truth: Truth) -> None:
    truth.acknowledges(EPOCH, moment(100), is_emergency=True)
    taken(truth, 101, EPOCH)


def an_entry_whose_clock_alone_tells(truth: Truth) -> None:
    truth.acknowledges(EPOCH, Moment(200, 100), is_emergency=True)
    truth.asks("early", Asked(SECOND, 0, EPOCH))
    truth.takes(Order(150, 150, "early", True))


def an_old_entry(truth: Truth) -> None:
    truth.acknowledges(EPOCH + 3, moment(100), is_emergency=False)
    taken(truth, 101, EPOCH + 2, SECOND)


def an_entry_after_anothers_lease(truth: Truth) -> None:
    taken(truth, 100, EPOCH + 2, FIRST)


def the_same_name_again(truth: Truth) -> None:
    truth.takes(Order(100, 100, "order70", True))


def a_stranger(truth: Truth) -> None:
    truth.takes(Order(100, 100, "whoever", True))


def a_write_that_is_gone(truth: Truth) -> None:
    truth.promises(8, "eight")
    truth.closes(Held({8: "another"}, {EPOCH + 1}))


def an_emergency_that_is_gone(truth: Truth) -> None:
    truth.acknowledges(EPOCH + 5, moment(100), is_emergency=True)
    truth.closes(NOTHING)


@pytest.mark.parametrize(
    ("breach", "laws"),
    [
        (an_entry_in_an_emergency, {AFTER, AFTER_BY_CLOCK, OVER, STALE}),
        (an_entry_whose_clock_alone_tells, {AFTER_BY_CLOCK, OVER}),
        (an_old_entry, {OVER}),
        (an_entry_after_anothers_lease, {STALE}),
        (the_same_name_again, {TWICE}),
        (a_stranger, {UNASKED}),
        (a_write_that_is_gone, {LOST}),
        (an_emergency_that_is_gone, {LOST_EMERGENCY}),
    ],
)
def test_each_breach_is_found_for_what_it_is(breach: Callable[[Truth], None], laws: set[str]) -> None:
    truth = an_orderly_fund()
    breach(truth)
    assert set(truth.violations) == laws
    assert all(any(line.startswith(law) for line in truth.told) for law in laws)


def test_what_somebody_does_by_hand_is_nobodys_entry() -> None:
    truth = Truth()
    truth.takes(Order(1, 1, "hand-1", True))
    assert truth.violations == {}
    assert truth.counts["entries accepted"] == 0


def test_a_life_that_nobody_met_accuses_nobody() -> None:
    truth = Truth()
    truth.grants(0, 3)
    taken(truth, 10)
    assert truth.violations == {}
    assert truth.strangers == 1


@settings(max_examples=50)
@given(st.lists(st.integers(0, 100), min_size=1), st.integers(0, 100), st.integers(1, 50))
def test_an_entry_is_in_an_emergency_exactly_if_its_place_is(places: list[int], since: int, many: int) -> None:
    truth = Truth()
    truth.acknowledges(0, moment(since), is_emergency=True).ended = moment(since + many)
    for place in places:
        truth.asks(f"{place}", Asked(FIRST, 0, EPOCH))
        truth.takes(Order(place, 0, f"{place}", True))
    assert truth.violations[AFTER] == sum(since <= place < since + many for place in places)


def test_an_order_that_cannot_trade_is_on_the_exchanges_record_as_accepted() -> None:
    floor = exchange("ann")
    floor.place("ann", buy("1", "95", time_in_force=TimeInForce.IOC, client_id="qt-first-x-0"), START)
    told = [one for one in floor.drain() if isinstance(one, OrderTold)]
    assert [one.happened for one in told] == [Happened.NEW, Happened.EXPIRED]
    lines = [orjson.dumps(line) for line in map(log_line, told) if line is not None]
    assert [order_of(5, line) for line in lines] == [Order(5, told[0].time_ms, "qt-first-x-0", True)]


def test_a_trade_is_no_acceptance() -> None:
    assert order_of(0, orjson.dumps({"kind": "trade", "time": 1})) is None


def test_a_policys_digest_can_be_told_from_the_bytes_on_the_disk() -> None:
    policy = Policy(last_updated=5)
    assert digest(decode(body_of(seeded(policy)))["policy"]) == policy.digest


def every(step_ms: int, since_ms: int, until_ms: int) -> list[int]:
    return list(range(since_ms, until_ms, step_ms))


KILL = Blow(10_000, 10_000, is_kill=True)
BEFORE, BACK = every(100, 0, 10_900), every(100, 14_000, 20_000)


def test_an_outage_lasts_from_the_kill_to_the_first_entry_after_the_silence() -> None:
    assert outages([KILL], BEFORE + BACK) == [4_000]


@pytest.mark.parametrize(
    ("blows", "entries"),
    [
        ([KILL], every(100, 0, 20_000)),
        ([KILL], BEFORE),
        ([KILL], every(100, 0, 10_000 + BEGINS_MS + 200) + BACK),
        ([KILL, Blow(13_000, 13_500)], BEFORE + BACK),
        ([replace(KILL, is_kill=False)], BEFORE + BACK),
    ],
    ids=["nothing stopped", "nothing came back", "it stopped later", "something else fell into it", "no kill"],
)
def test_a_kill_that_says_nothing_about_itself_is_left_out(blows: list[Blow], entries: list[int]) -> None:
    assert outages(blows, entries) == []
    assert SILENCE_MS < 4_000
