"""SPEC laws 6 and 9: one order for each wish, the same name whenever it is asked for, and a stop that is told once."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.orders import OrderType, Side
from qt_ray.engine.errands import NOT_WANTED, Errands, Runner, Stamp
from qt_ray.engine.live import Wanted
from qt_ray.execution.fills import Cause
from qt_ray.execution.slots import Kind, Place

pytestmark = pytest.mark.unit

STAMP = Stamp("main", "trend", 1_704_067_200_000, 3, 7)
LATER = replace(STAMP, cycle_ms=STAMP.cycle_ms + 3_600_000)
ENTRY = Wanted("BTCUSDT", Place.ENTRY, Kind.MARKET, Decimal("0.5"), Decimal(0), False, Cause.SIGNAL, 1)
STOP = Wanted("BTCUSDT", Place.STOP, Kind.STOP, Decimal("-0.5"), Decimal(90), True, Cause.STOP, 0)
TARGET = Wanted("BTCUSDT", Place.TARGET, Kind.LIMIT, Decimal("-0.5"), Decimal(120), True, Cause.TAKE_PROFIT, 0)


def only(errands: Errands) -> str:
    (intent,) = errands.place
    assert not errands.end
    return intent.client_id


def test_a_wish_becomes_one_order_and_the_same_wish_again_none() -> None:
    runner = Runner()
    (intent,) = runner.run([ENTRY], STAMP).place
    assert (intent.symbol, intent.side, intent.type, intent.quantity) == (
        "BTCUSDT",
        Side.BUY,
        OrderType.MARKET,
        Decimal("0.5"),
    )
    assert (intent.policy_version, intent.epoch, intent.reduce_only, intent.limit_price) == (3, 7, False, None)
    assert runner.run([ENTRY], LATER) == Errands()


def test_a_name_follows_from_the_decision_and_the_place_alone() -> None:
    first, again = only(Runner().run([ENTRY], STAMP)), only(Runner().run([ENTRY], STAMP))
    assert first == again
    assert only(Runner().run([ENTRY], LATER)) != first
    assert only(Runner().run([replace(ENTRY, number=2)], STAMP)) != first
    assert only(Runner().run([TARGET], STAMP)) != first


def test_what_replaces_an_order_waits_until_it_has_ended() -> None:
    runner = Runner()
    name = only(runner.run([ENTRY], STAMP))
    wish = replace(ENTRY, number=2, quantity=Decimal("-0.25"))
    assert runner.run([wish], LATER) == Errands(end={name: "another takes its place"})
    assert runner.run([wish], LATER).place == ()
    assert runner.ended(name) == ("BTCUSDT", Place.ENTRY)
    (intent,) = runner.run([wish], LATER).place
    assert (intent.side, intent.quantity) == (Side.SELL, Decimal("0.25"))


def test_what_is_not_wanted_any_more_is_ended_and_its_place_is_free() -> None:
    runner = Runner()
    name = only(runner.run([TARGET], STAMP))
    assert runner.run([], LATER) == Errands(end={name: NOT_WANTED})
    runner.ended(name)
    assert runner.run([], LATER) == Errands()
    assert runner.ended(name) is None


def test_an_exit_is_placed_anew_when_what_is_left_or_its_price_is_another() -> None:
    runner = Runner()
    name = only(runner.run([TARGET], STAMP))
    assert runner.traded(name, Decimal("-0.2")) == ("BTCUSDT", Place.TARGET)
    assert runner.run([replace(TARGET, quantity=Decimal("-0.3"))], LATER) == Errands()
    assert runner.run([TARGET], LATER).end == {name: "another takes its place"}
    assert runner.run([replace(TARGET, quantity=Decimal("-0.3"), price=Decimal(121))], LATER).end
    assert runner.traded("somebody-else", Decimal(1)) is None


def test_a_stop_is_told_when_it_moves_and_never_sent_from_here() -> None:
    runner = Runner()
    errands = runner.run([STOP], STAMP)
    assert (errands.place, errands.end) == ((), {})
    plan = errands.stops["BTCUSDT"]
    assert plan is not None
    assert (plan.price, plan.decision_id) == (Decimal(90), STAMP.decision("BTCUSDT"))
    assert runner.run([STOP], LATER) == Errands()
    moved = runner.run([replace(STOP, price=Decimal(95))], LATER).stops["BTCUSDT"]
    assert moved is not None
    assert moved.price == 95
    assert runner.run([], LATER).stops == {"BTCUSDT": None}
    assert runner.run([], LATER) == Errands()


WISHES = st.lists(
    st.lists(
        st.builds(
            lambda place, number, quantity: replace(
                TARGET if place is Place.TARGET else ENTRY, number=number, quantity=Decimal(quantity)
            ),
            st.sampled_from([Place.ENTRY, Place.TARGET]),
            st.integers(1, 3),
            st.sampled_from(["0.1", "-0.2", "0.3"]),
        ),
        max_size=2,
        unique_by=lambda one: one.place,
    ),
    max_size=12,
)


@given(WISHES, st.data())
def test_no_place_ever_has_two_orders_under_way_and_all_that_is_ended_was_placed(
    story: list[list[Wanted]], data: st.DataObject
) -> None:
    runner, open_ones = Runner(), dict[str, Place]()
    for at, wanted in enumerate(story):
        errands = runner.run(wanted, replace(STAMP, cycle_ms=at))
        for intent in errands.place:
            place = Place.TARGET if intent.reduce_only else Place.ENTRY
            assert place not in open_ones.values()
            assert intent.client_id not in open_ones
            open_ones[intent.client_id] = place
        assert errands.end.keys() <= open_ones.keys()
        for name in data.draw(st.sets(st.sampled_from(sorted(open_ones)))) if open_ones else ():
            runner.ended(name)
            del open_ones[name]
