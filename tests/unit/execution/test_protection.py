from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import (
    Cancelled,
    Filled,
    Intent,
    Order,
    OrderType,
    PositionSide,
    Progress,
    Rejected,
    Side,
    Submitted,
    Unknown,
    Working,
)
from qt_ray.execution.attempts import AGAIN_MS, GROWN_MS, SILENT_MS
from qt_ray.execution.exposure import SLICES_MAX, Exposure
from qt_ray.execution.gateway.index import Index
from qt_ray.execution.lifecycle import NO_SUCH_ORDER
from qt_ray.execution.protection import SURE_MS_MAX, UNPROTECTED_MS_MAX, Gap, Protection
from qt_ray.execution.venue.calls import Cancel, Place
from qt_ray.execution.venue.views import OrderView
from tests.unit.execution.venue_shown import BOTH, order_view

pytestmark = pytest.mark.unit

KEY = ("BTCUSDT", BOTH)
LONG = Exposure(*KEY, Decimal(2), Decimal(100), Decimal(95), Decimal(10), "d", 1, 1)
SHORT = replace(LONG, quantity=Decimal(-2), stop_price=Decimal(105))


class Desk:
    """Carries out what protection wants; `fate` says what becomes of an order that is placed."""

    def __init__(self) -> None:
        self.protection = Protection("stops")
        self.orders: dict[str, Order] = {}
        self.foreign: list[OrderView] = []
        self.placed: list[Intent] = []
        self.cancelled: list[str] = []
        self.given_up: dict[tuple[str, PositionSide], str] = {}
        self.fate: type[Order] = Working

    @property
    def index(self) -> Index:
        found = Index()
        for order in self.orders.values():
            found.keep(order, None)
        return found

    def step(self, at_ms: int, *exposures: Exposure, among: Collection[str] | None = None) -> "Desk":
        steps = self.protection.step(exposures, self.orders, self.index.stops, self.foreign, at_ms, among=among)
        self.placed = [call.intent for call in steps.calls if isinstance(call, Place)]
        self.cancelled = [call.client_id for call in steps.calls if isinstance(call, Cancel)]
        self.given_up |= steps.given_up
        for intent in self.placed:
            self.become(intent.client_id, self.fate, at_ms, intent)
        for name in self.cancelled:
            self.become(name, Cancelled, at_ms)
        return self

    def become(self, name: str, fate: type[Order], at_ms: int, intent: Intent | None = None) -> None:
        wanted = intent or self.orders[name].intent
        if fate is Working:
            self.orders[name] = Working(wanted, at_ms, name[-8:])
        elif fate in (Submitted, Unknown):
            self.orders[name] = fate(wanted, at_ms)  # type: ignore[call-arg]
        elif fate is Filled:
            self.orders[name] = Filled(wanted, at_ms, Progress("1"))
        elif fate is Rejected:
            self.orders[name] = Rejected(wanted, at_ms, "-2021 would trigger at once")
        elif fate is Cancelled:
            self.orders[name] = Cancelled(wanted, at_ms, Progress("1"), "ours")

    @property
    def resting(self) -> list[Intent]:
        return [order.intent for order in self.orders.values() if isinstance(order, Working)]


@pytest.mark.parametrize(("exposure", "side"), [(LONG, Side.SELL), (SHORT, Side.BUY)])
def test_a_position_gets_a_reduce_only_stop_of_its_whole_quantity_at_once(exposure: Exposure, side: Side) -> None:
    (stop,) = Desk().step(0, exposure).placed
    assert (stop.type, stop.side, stop.quantity) == (OrderType.STOP_MARKET, side, 2)
    assert (stop.reduce_only, stop.trigger_price, stop.position_side) == (True, exposure.stop_price, BOTH)


def test_what_is_protected_is_left_alone_and_the_gap_is_measured() -> None:
    desk = Desk().step(0, LONG)
    assert desk.protection.gaps() == {KEY: Gap(0)}
    assert not desk.step(80, LONG).placed
    assert desk.protection.gaps()[KEY].length_ms(5_000) == 80
    assert not desk.step(5_000, LONG).placed
    assert not desk.cancelled


@pytest.mark.requirement("L9")
def test_a_moved_stop_is_placed_then_confirmed_and_only_then_the_old_one_cancelled() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    (old,) = desk.resting
    higher = replace(LONG, stop_price=Decimal(97))
    desk.fate = Submitted
    (new,) = desk.step(2_000, higher).placed
    assert not desk.cancelled
    assert not desk.step(2_100, higher).cancelled
    desk.become(new.client_id, Working, 2_200)
    assert desk.step(2_200, higher).cancelled == [old.client_id]
    assert desk.resting == [new]
    assert not desk.step(9_000, higher).cancelled
    assert desk.protection.gaps()[KEY].length_ms(9_000) == 10


def test_a_grown_position_gets_a_stop_of_its_new_whole_quantity() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    grown = replace(LONG, quantity=Decimal(3))
    assert not desk.step(GROWN_MS - 1, grown).placed
    (stop,) = desk.step(1_000, grown).placed
    assert stop.quantity == 3
    assert len(desk.step(1_010, grown).cancelled) == 1
    assert desk.protection.gaps()[KEY] == Gap(GROWN_MS - 1, 1_010)


def test_a_shrunk_position_keeps_its_stop_because_reduce_only_never_opens() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    assert not desk.step(2_000, replace(LONG, quantity=Decimal(1))).placed


def test_a_refused_stop_closes_the_position() -> None:
    desk = Desk()
    desk.fate = Rejected
    desk.step(0, LONG)
    (close,) = desk.step(10, LONG).placed
    assert (close.type, close.side, close.quantity, close.reduce_only) == (OrderType.MARKET, Side.SELL, 2, True)
    assert desk.given_up == {KEY: "its stop was refused, -2021 would trigger at once"}


def test_a_mark_beyond_the_stop_closes_without_trying() -> None:
    (close,) = Desk().step(0, replace(LONG, mark=Decimal(95))).placed
    assert close.type is OrderType.MARKET


@pytest.mark.parametrize(("fate", "wait_ms"), [(Unknown, 0), (Submitted, SILENT_MS)])
def test_a_stop_in_doubt_is_followed_by_another_and_the_surplus_cancelled(fate: type[Order], wait_ms: int) -> None:
    desk = Desk()
    desk.fate = fate
    (lost,) = desk.step(0, LONG).placed
    if wait_ms:
        assert not desk.step(wait_ms - 1, LONG).placed
    desk.fate = Working
    (second,) = desk.step(wait_ms, LONG).placed
    assert (second.type, second.quantity) == (OrderType.STOP_MARKET, 2)
    assert second.client_id != lost.client_id
    assert not desk.step(wait_ms + 10, LONG).cancelled
    assert desk.protection.gaps()[KEY] == Gap(0, wait_ms + 10)
    desk.become(lost.client_id, Working, 900)
    assert desk.step(900, LONG).cancelled == [lost.client_id]
    assert not desk.step(5_000, LONG).placed


def test_a_stop_in_doubt_that_turns_out_to_rest_is_enough() -> None:
    desk = Desk()
    desk.fate = Unknown
    (first,) = desk.step(0, LONG).placed
    (second,) = desk.step(10, LONG).placed
    desk.become(first.client_id, Working, 50)
    assert not desk.step(50, LONG).placed
    assert not desk.step(9_000, LONG).placed
    desk.become(second.client_id, Working, 9_100)
    assert desk.step(9_100, LONG).cancelled == [second.client_id]


def test_two_stops_that_cover_a_position_only_together_are_replaced_by_one() -> None:
    desk = Desk().step(0, LONG)
    desk.fate = Unknown
    grown = replace(LONG, quantity=Decimal(4))
    (late,) = desk.step(GROWN_MS, replace(LONG, quantity=Decimal(3))).placed
    (whole,) = desk.step(GROWN_MS + 10, grown).placed
    desk.become(late.client_id, Working, GROWN_MS + 15)
    desk.step(GROWN_MS + 20, grown)
    desk.become(whole.client_id, Working, GROWN_MS + 25)
    desk.step(GROWN_MS + 30, grown).step(GROWN_MS + 40, grown)
    assert desk.resting == [whole]


@pytest.mark.parametrize("fate", [Submitted, Unknown])
def test_a_stop_that_nobody_is_sure_of_closes_the_position_in_time(fate: type[Order]) -> None:
    desk = Desk()
    desk.fate = fate
    kinds = []
    for at_ms in range(0, SURE_MS_MAX, 50):
        kinds += [intent.type for intent in desk.step(at_ms, LONG).placed]
    assert set(kinds) == {OrderType.STOP_MARKET}
    assert 4 <= len(kinds) <= 6
    (close,) = desk.step(SURE_MS_MAX, LONG).placed
    assert close.type is OrderType.MARKET
    assert "nobody says for 2000 ms" in desk.given_up[KEY]


@pytest.mark.parametrize("reason", ["-503 Service Unavailable.", "-1021 too late", "0 cut", NO_SUCH_ORDER])
def test_a_refusal_that_passes_is_no_reason_to_close(reason: str) -> None:
    desk = Desk()
    (stop,) = desk.step(0, LONG).placed
    desk.orders[stop.client_id] = Rejected(stop, 5, reason)
    assert [intent.type for intent in desk.step(5, LONG).placed] == [OrderType.STOP_MARKET]
    assert desk.given_up == {}


def test_one_refusal_for_the_orders_own_sake_speaks_for_all_of_its_row() -> None:
    desk = Desk()
    desk.fate = Unknown
    (first,) = desk.step(0, LONG).placed
    assert desk.step(10, LONG).placed
    desk.become(first.client_id, Rejected, 60)
    (close,) = desk.step(60, LONG).placed
    assert close.type is OrderType.MARKET


def test_a_close_that_is_lost_is_followed_by_another_soon() -> None:
    crossed = replace(LONG, mark=Decimal(90))
    desk = Desk()
    desk.fate = Unknown
    assert desk.step(0, crossed).placed
    (again,) = desk.step(10, crossed).placed
    assert (again.type, again.reduce_only) == (OrderType.MARKET, True)


def test_a_replacement_that_fails_leaves_the_old_stop_and_is_tried_again() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    desk.fate = Rejected
    higher = replace(LONG, stop_price=Decimal(97))
    assert [intent.type for intent in desk.step(2_000, higher).placed] == [OrderType.STOP_MARKET]
    assert not desk.step(2_500, higher).placed
    assert [intent.type for intent in desk.step(3_000, higher).placed] == [OrderType.STOP_MARKET]
    assert len(desk.resting) == 1
    assert desk.given_up == {}


def test_a_close_is_repeated_each_second_until_nothing_is_left() -> None:
    desk = Desk()
    desk.fate = Rejected
    desk.step(0, LONG).step(10, LONG)
    assert not desk.step(10 + AGAIN_MS - 1, LONG).placed
    (again,) = desk.step(10 + AGAIN_MS, replace(LONG, quantity=Decimal("0.5"))).placed
    assert (again.type, again.quantity) == (OrderType.MARKET, Decimal("0.5"))
    assert not desk.step(5_000).placed


def test_stops_that_never_reach_the_orders_do_not_wait_for_ever() -> None:
    protection = Protection("stops")
    kinds = []
    for at_ms in range(0, UNPROTECTED_MS_MAX + 1, 250):
        calls = protection.step((LONG,), {}, {}, (), at_ms).calls
        kinds += [call.intent.type for call in calls if isinstance(call, Place)]
    assert kinds.count(OrderType.STOP_MARKET) == 5
    assert kinds[-1] is OrderType.MARKET


def test_a_position_closed_outside_takes_its_stops_with_it() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    (stop,) = desk.resting
    assert desk.step(20).cancelled == [stop.client_id]
    assert not desk.step(5_000).cancelled


def test_a_cancel_is_repeated_each_second_until_the_stop_has_ended() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    (stop,) = desk.resting
    desk.step(20)
    desk.become(stop.client_id, Working, 30)
    assert not desk.step(500).cancelled
    assert desk.step(20 + AGAIN_MS).cancelled == [stop.client_id]


@pytest.mark.requirement("S7 PositionMonitor")
def test_a_stop_cancelled_by_somebody_else_is_placed_again() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    (stop,) = desk.resting
    desk.become(stop.client_id, Cancelled, 3_000)
    (new,) = desk.step(3_000, LONG).placed
    assert new.client_id != stop.client_id
    assert desk.protection.gaps()[KEY] == Gap(3_000)


def test_a_turned_position_is_not_protected_by_the_stop_of_the_other_side() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    (old,) = desk.resting
    (new,) = desk.step(2_000, SHORT).placed
    assert new.side is Side.BUY
    assert desk.protection.gaps()[KEY] == Gap(2_000)
    assert desk.step(2_010, SHORT).cancelled == [old.client_id]


def test_a_restart_takes_up_the_stop_that_is_there() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    desk.protection = Protection("stops")
    assert not desk.step(9_000, LONG).placed
    assert desk.protection.gaps()[KEY].length_ms(9_000) == 0


@pytest.mark.parametrize("quantities", [("2", "2"), ("1", "2"), ("2", "1"), ("1", "1"), ("2", "2", "2")])
def test_of_several_stops_that_a_life_has_left_one_for_the_whole_stays(quantities: tuple[str, ...]) -> None:
    desk = Desk()
    for number, quantity in enumerate(quantities):
        stop = Intent(
            f"qt-stops-{number}", "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, Decimal(quantity), "d", 1, 1,
            reduce_only=True, trigger_price=LONG.stop_price,
        )  # fmt: skip
        desk.become(stop.client_id, Working, 0, stop)
    for at_ms in range(0, 3_000, 100):
        desk.step(at_ms, LONG)
        assert sum(stop.quantity for stop in desk.resting) >= 2
    (left,) = desk.resting
    assert left.quantity == 2


def test_a_restart_never_gives_a_name_twice() -> None:
    desk = Desk().step(0, LONG)
    (first,) = desk.placed
    desk.become(first.client_id, Cancelled, 5)
    desk.protection = Protection("stops")
    (second,) = desk.step(9_000, LONG).placed
    assert second.client_id != first.client_id


def test_a_position_too_big_for_one_order_gets_several() -> None:
    big = replace(LONG, quantity=Decimal(25))
    desk = Desk().step(0, big)
    assert [stop.quantity for stop in desk.placed] == [10, 10, 5]
    assert not desk.step(10, big).placed
    assert desk.protection.gaps()[KEY] == Gap(0, 10)
    with pytest.raises(Invalid, match=f"at most {SLICES_MAX} slices"):
        Desk().step(0, replace(LONG, quantity=Decimal(10 * SLICES_MAX + 1)))


def test_both_sides_of_hedge_mode_are_protected_by_their_own_stops() -> None:
    desk = Desk().step(0, replace(LONG, side=PositionSide.LONG), replace(SHORT, side=PositionSide.SHORT))
    assert [(stop.position_side, stop.side) for stop in desk.placed] == [
        (PositionSide.LONG, Side.SELL),
        (PositionSide.SHORT, Side.BUY),
    ]


FOREIGN = replace(order_view("web_1", OrderType.STOP_MARKET), trigger_price=Decimal(90), quantity=Decimal(2))


@pytest.mark.parametrize(
    ("view", "counts"),
    [
        (FOREIGN, True),
        (replace(FOREIGN, reduce_only=False, closes_position=True, quantity=Decimal(0)), True),
        (replace(FOREIGN, quantity=Decimal(1)), False),
        (replace(FOREIGN, reduce_only=False), False),
        (replace(FOREIGN, trigger_price=Decimal(101)), False),
        (replace(FOREIGN, side=Side.BUY), False),
        (replace(FOREIGN, symbol="ETHUSDT"), False),
        (replace(FOREIGN, status="CANCELED"), False),
        (replace(FOREIGN, type=OrderType.TAKE_PROFIT_MARKET), False),
        (replace(FOREIGN, position_side=PositionSide.LONG), False),
    ],
)
def test_a_stop_of_somebody_else_counts_only_if_it_truly_protects(view: OrderView, counts: bool) -> None:
    desk = Desk()
    desk.foreign = [view]
    desk.step(0, replace(LONG, adopted=True))
    assert bool(desk.placed) is not counts
    assert desk.protection.gaps()[KEY] == (Gap(0, 0) if counts else Gap(0))


def test_our_own_position_gets_our_own_stop_whatever_others_have_placed() -> None:
    desk = Desk()
    desk.foreign = [FOREIGN]
    assert desk.step(0, LONG).placed


moves = st.tuples(
    st.integers(-3, 3),
    st.integers(90, 99),
    st.sampled_from([Working, Working, Submitted, Unknown, Rejected]),
    st.booleans(),
)


@pytest.mark.requirement("L9")
@settings(max_examples=80, deadline=None)
@given(st.lists(moves, max_size=25))
def test_whatever_happens_a_position_is_protected_or_being_closed_in_time(
    story: list[tuple[int, int, type[Order], bool]],
) -> None:
    desk = Desk()
    for at, (quantity, stop, fate, settles) in enumerate(story):
        at_ms = 300 * at
        if settles:
            for name, order in list(desk.orders.items()):
                if isinstance(order, Submitted | Unknown):
                    desk.become(name, Working, at_ms)
        desk.fate = fate
        long = quantity > 0
        exposure = replace(LONG, quantity=Decimal(quantity), stop_price=Decimal(stop if long else 200 - stop))
        before = {intent.client_id for intent in desk.resting if intent.type is OrderType.STOP_MARKET}
        desk.step(at_ms, exposure)
        covering = [i for i in desk.resting if i.side is exposure.closing_side and i.type is OrderType.STOP_MARKET]
        ended = before & set(desk.cancelled)
        if ended and quantity:
            assert sum(i.quantity for i in covering) >= abs(quantity)
        gap = desk.protection.gaps().get(KEY)
        if gap and gap.until_ms is None and gap.length_ms(at_ms) > UNPROTECTED_MS_MAX:
            assert desk.given_up
        assert all(intent.reduce_only for intent in desk.placed)


def test_a_filled_stop_of_a_position_that_stays_is_replaced() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    (stop,) = desk.resting
    desk.orders[stop.client_id] = Filled(stop, 20, Progress("1"))
    assert desk.step(2_000, LONG).placed


def test_a_close_that_traded_in_part_goes_on_soon_and_one_that_was_refused_does_not() -> None:
    crossed = replace(LONG, mark=Decimal(90))
    for fate, wait_ms in ((Filled, GROWN_MS), (Rejected, AGAIN_MS)):
        desk = Desk()
        desk.fate = fate
        assert desk.step(0, crossed).placed
        assert not desk.step(wait_ms - 1, crossed).placed
        assert desk.step(wait_ms, crossed).placed


def test_a_symbol_whose_trades_are_not_all_known_is_left_alone() -> None:
    desk = Desk().step(0, LONG).step(10, LONG)
    known, unsure = (desk.orders, desk.index.stops, (), 5_000), {"BTCUSDT"}
    assert desk.protection.step((replace(LONG, quantity=Decimal(5)),), *known, unsure).calls == ()
    assert desk.protection.step((), *known, unsure).calls == ()
    assert desk.protection.step((), *known).calls


def test_a_look_at_some_symbols_neither_guards_nor_bares_any_other() -> None:
    other = replace(LONG, symbol="ETHUSDT")
    desk = Desk().step(0, LONG, other).step(10, LONG, other)
    gap = desk.protection.gaps()[other.key]
    assert not desk.step(20, LONG, among={"BTCUSDT"}).cancelled
    assert desk.protection.gaps()[other.key] == gap
    (stop,) = (intent for intent in desk.resting if intent.symbol == "BTCUSDT")
    assert desk.step(30, among={"BTCUSDT"}).cancelled == [stop.client_id]
    assert set(desk.protection.gaps()) == {other.key}
