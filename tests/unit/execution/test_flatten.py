from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode
from qt_ray.core.orders import PositionSide, Side
from qt_ray.execution.flatten import ALARM_MS, SETTLE_MS
from qt_ray.execution.sight import REPEATS_MAX
from qt_ray.execution.venue.calls import (
    Answer,
    AskOpenOrders,
    AskPositions,
    AskRules,
    Call,
    CancelAll,
    CancelById,
    Done,
    Place,
    Refused,
    Throttled,
    Unsure,
)
from qt_ray.risk.ess import EssSignal, EssState, recalled
from tests.unit.execution.emergency import BTC, ETH, T0, Drill, FakeVenue, held, resting, stop
from tests.unit.execution.venue_shown import BOTH

pytestmark = pytest.mark.unit


def times(venue: FakeVenue, kind: type[Call]) -> list[int]:
    return [at_ms for at_ms, call in venue.log if isinstance(call, kind)]


def test_all_is_cancelled_closed_verified_cleared_and_settled() -> None:
    drill = Drill(held()).run()
    assert drill.venue.is_flat
    assert drill.signals == [EssSignal.FLATTENED, EssSignal.SETTLED]
    assert drill.emergency.state is EssState.COOLING_DOWN
    report = drill.flattening.report
    assert (report.attempts, report.closes, report.residual) == (1, 2, ())


def test_the_times_of_an_emergency_are_values() -> None:
    report = Drill(held(), ("BTCUSDT", "ETHUSDT"), rtt_ms=40).run().flattening.report
    assert report.first_cancel_ms == T0
    assert report.cancelled_ms == T0 + 40
    assert report.closed_ms == T0 + 80
    assert report.flat_ms == T0 + 160
    assert report.is_settled
    assert (report.settled_ms or 0) - T0 >= SETTLE_MS


def test_mistake_1_a_resting_order_cannot_open_again_what_was_closed() -> None:
    venue = held()
    drill = Drill(venue).run()
    last_cancel = max(at for at, call in venue.log if isinstance(call, CancelAll) and not call.conditional)
    assert last_cancel < min(times(venue, Place))
    assert drill.venue.is_flat


def test_mistake_1_an_order_that_fills_while_we_close_is_closed_as_well() -> None:
    venue = FakeVenue({BTC: Decimal(3)}).rest(resting("1"))

    def mischief(call: Call, at_ms: int) -> Answer[Any] | None:
        if isinstance(call, CancelAll) and "1" in venue.orders:
            venue.execute(venue.orders["1"])
        if isinstance(call, Place) and len(times(venue, Place)) == 1:
            venue.positions[ETH] = Decimal(5)
        return None

    venue.before = mischief
    drill = Drill(venue).run(20_000)
    assert drill.venue.is_flat
    assert drill.emergency.state is EssState.COOLING_DOWN


def test_mistake_2_a_second_activation_never_ends_the_first_and_a_failed_close_is_tried_for_ever() -> None:
    venue = held()
    venue.before = lambda call, at_ms: Refused(-2019, "no") if isinstance(call, Place) and at_ms < T0 + 95_000 else None
    drill = Drill(venue).run(10_000)
    drill.flattening.activate(drill.now_ms)
    assert not drill.flattening.is_done
    drill.run(300_000)
    assert drill.venue.is_flat
    assert drill.signals.count(EssSignal.FAILED) == 3
    assert drill.signals.count(EssSignal.RETRY) == 3
    assert drill.signals[-2:] == [EssSignal.FLATTENED, EssSignal.SETTLED]
    assert drill.flattening.report.attempts > 40


@pytest.mark.parametrize("lived_ms", range(0, 400, 40))
def test_mistake_3_a_crash_at_any_moment_finds_the_emergency_again_and_ends_it(lived_ms: int) -> None:
    first = Drill(held()).run(lived_ms)
    remembered = recalled(decode(canonical(first.emergency)), first.now_ms)
    second = Drill(first.venue)
    assert remembered.state in (EssState.FLATTENING, EssState.COOLING_DOWN)
    second.emergency = remembered
    second.run()
    assert second.venue.is_flat
    assert second.emergency.state is EssState.COOLING_DOWN


def test_a_second_activation_ends_a_pause_and_changes_nothing_else() -> None:
    venue = held()
    venue.before = lambda call, at_ms: Unsure("cut") if isinstance(call, AskPositions) and at_ms < T0 + 100 else None
    drill = Drill(venue).run(100)
    assert (drill.flattening.next_ms or 0) > drill.now_ms
    drill.flattening.activate(drill.now_ms)
    assert drill.flattening.next_ms == drill.now_ms
    assert drill.run(20_000).venue.is_flat


def test_a_second_activation_while_answers_are_awaited_changes_nothing() -> None:
    drill = Drill(held())
    first = drill.flattening.due(drill.now_ms)
    drill.flattening.activate(drill.now_ms)
    assert first
    assert drill.flattening.due(drill.now_ms) == ()


def test_an_opener_that_is_gone_already_is_not_cancelled_again() -> None:
    venue = FakeVenue({BTC: Decimal(3)}, fill=Decimal("0.4")).rest(stop("8", "XRPUSDT", reduce_only=False))

    def gone(call: Call, at_ms: int) -> Answer[Any] | None:
        if isinstance(call, CancelById):
            venue.orders.pop("8", None)
        return None

    venue.before = gone
    report = Drill(venue).run().flattening.report
    assert len(times(venue, CancelById)) == report.refused == 1
    assert report.attempts > 1


def test_a_position_of_very_many_slices_takes_several_attempts() -> None:
    venue = FakeVenue({BTC: Decimal(120)}, most=Decimal(1))
    report = Drill(venue, slice_max={"BTCUSDT": Decimal(1)}).run().flattening.report
    assert venue.is_flat
    assert (report.attempts, report.closes) == (3, 120)


def test_an_activation_after_everything_settled_begins_anew() -> None:
    drill = Drill(held()).run()
    drill.venue.positions[BTC] = Decimal(1)
    drill.flattening.activate(drill.now_ms)
    assert not drill.flattening.is_done
    assert drill.run().venue.is_flat


def test_a_person_is_called_after_half_a_minute_and_again_each_half_minute() -> None:
    venue = held()
    venue.before = lambda call, at_ms: Unsure("503")
    drill = Drill(venue).run(2 * ALARM_MS + 5_000)
    assert [signal for signal in drill.signals if signal is EssSignal.FAILED] == [EssSignal.FAILED] * 2
    assert drill.emergency.state is EssState.FLATTEN_FAILED


def test_a_person_is_called_in_time_even_while_the_venue_has_shut_us_out() -> None:
    venue = held()
    venue.before = lambda call, at_ms: Throttled(-1003, 120_000, banned=True) if at_ms == T0 else None
    drill = Drill(venue).run(ALARM_MS + 1)
    assert drill.signals == [EssSignal.FAILED]
    assert max(at for at, _ in venue.log) == T0
    assert drill.run(200_000).venue.is_flat


def test_stops_stay_until_nothing_is_held() -> None:
    venue = held(fill=Decimal("0.5"))
    Drill(venue).run()
    cleared = [at for at, call in venue.log if isinstance(call, CancelAll) and call.conditional]
    assert venue.is_flat
    assert min(cleared) > max(times(venue, Place))


def test_a_conditional_order_that_could_open_is_cancelled_with_the_entries() -> None:
    venue = held().rest(stop("8", "XRPUSDT", reduce_only=False))
    Drill(venue).run()
    (cancelled,) = (at for at, call in venue.log if call == CancelById("XRPUSDT", "8", conditional=True))
    assert cancelled < min(times(venue, Place))


def test_a_close_too_big_for_one_order_is_cut_into_what_the_rules_allow() -> None:
    venue = FakeVenue({BTC: Decimal(25)}, most=Decimal(10))
    drill = Drill(venue, slice_max={"BTCUSDT": Decimal(10)}).run()
    assert [call.intent.quantity for _, call in venue.log if isinstance(call, Place)].count(Decimal(10)) == 2
    assert drill.flattening.report.attempts == 1


def test_without_rules_they_are_asked_for_and_nobody_waits_for_them() -> None:
    venue = FakeVenue({BTC: Decimal(25)}, most=Decimal(10))
    venue.before = lambda call, at_ms: Unsure("slow") if isinstance(call, AskRules) and at_ms == T0 else None
    drill = Drill(venue, slice_max={}).run()
    assert drill.flattening.report.refused == 1
    assert drill.flattening.report.attempts == 2
    assert venue.is_flat


def test_both_sides_of_hedge_mode_are_closed_by_their_own_orders() -> None:
    long, short = ("BTCUSDT", PositionSide.LONG), ("BTCUSDT", PositionSide.SHORT)
    venue = FakeVenue({long: Decimal(3), short: Decimal(-2)})
    Drill(venue).run()
    placed = {call.intent.position_side: call.intent for _, call in venue.log if isinstance(call, Place)}
    assert venue.is_flat
    assert (placed[PositionSide.LONG].side, placed[PositionSide.SHORT].side) == (Side.SELL, Side.BUY)


def test_a_close_that_was_carried_out_without_an_answer_is_not_sent_again() -> None:
    venue = held()
    venue.after = lambda call, at_ms, answer: Unsure("cut") if isinstance(call, Place) else answer
    drill = Drill(venue).run()
    assert venue.is_flat
    assert (drill.flattening.report.closes, drill.flattening.report.unsure) == (2, 2)


def test_a_position_that_is_flat_already_is_no_error() -> None:
    venue = held()

    def closed_elsewhere(call: Call, at_ms: int) -> Answer[Any] | None:
        if isinstance(call, Place):
            venue.positions = {}
        return None

    venue.before = closed_elsewhere
    drill = Drill(venue).run()
    assert drill.flattening.report.refused == 2
    assert drill.emergency.state is EssState.COOLING_DOWN


def test_a_throttled_call_waits_as_long_as_it_is_told_and_then_goes_out_before_any_close() -> None:
    venue = held()
    venue.before = lambda call, at_ms: Throttled(-1003, 5_000) if isinstance(call, CancelAll) and at_ms == T0 else None
    Drill(venue).run()
    assert not [at for at, _ in venue.log if T0 + 40 < at < T0 + 5_040]
    assert times(venue, CancelAll)[1] == T0 + 5_040
    assert min(times(venue, Place)) > T0 + 5_040
    assert venue.is_flat


def test_a_position_that_appears_late_opens_the_emergency_again() -> None:
    venue = FakeVenue()

    def late(call: Call, at_ms: int) -> Answer[Any] | None:
        if T0 + 500 < at_ms < T0 + 2_000:
            venue.positions.setdefault(BTC, Decimal(1))
        return None

    venue.before = late
    drill = Drill(venue).run(30_000)
    assert venue.is_flat
    assert drill.signals == [EssSignal.FLATTENED, EssSignal.REOPENED, EssSignal.FLATTENED, EssSignal.SETTLED]


def test_half_a_look_never_shows_that_all_is_flat() -> None:
    venue = FakeVenue()
    venue.after = lambda call, at_ms, answer: (
        Done((), ("symbol: required",)) if isinstance(call, AskPositions) and at_ms < T0 + 4_000 else answer
    )
    report = Drill(venue).run().flattening.report
    assert (report.flat_ms or 0) >= T0 + 4_000


def test_stops_that_cannot_be_cleared_are_tried_with_growing_patience() -> None:
    venue = held()
    venue.before = lambda call, at_ms: (
        Unsure("503") if isinstance(call, CancelAll) and call.conditional and at_ms < T0 + 5_000 else None
    )
    drill = Drill(venue).run()
    cleared = [at for at, call in venue.log if isinstance(call, CancelAll) and call.conditional]
    waits = [later - earlier for earlier, later in pairwise(cleared)]
    assert waits[1:] == sorted(waits[1:])
    assert 3 <= len(cleared) <= 9
    assert drill.emergency.state is EssState.COOLING_DOWN


def test_no_close_ever_bears_the_name_of_another() -> None:
    venue = held(fill=Decimal("0.3"))
    drill = Drill(venue).run()
    first = [call.intent.client_id for _, call in venue.log if isinstance(call, Place)]
    drill.venue.positions[BTC] = Decimal(1)
    drill.flattening.activate(drill.now_ms)
    drill.run()
    names = [call.intent.client_id for _, call in venue.log if isinstance(call, Place)]
    assert len(names) > len(first) > 2
    assert len(set(names)) == len(names)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 4), st.integers(0, 3))
def test_under_any_weather_it_ends_flat_and_never_closes_what_it_has_not_first_cancelled(
    seed: int, fails: int, symbols: int, entries: int
) -> None:
    dice = Random(seed)
    venue = FakeVenue({(f"S{at}USDT", BOTH): Decimal(dice.randint(-5, 5)) for at in range(symbols)})
    venue.rest(*(resting(str(at), f"S{dice.randint(0, 4)}USDT", dice.choice(list(Side))) for at in range(entries)))
    venue.fill = Decimal(dice.choice(["0.4", "1"]))

    def weather(call: Call, at_ms: int) -> Answer[Any] | None:
        if at_ms > T0 + 60_000 or dice.randint(0, 99) >= fails:
            return None
        if venue.orders and dice.randint(0, 3) == 0:
            venue.execute(dice.choice(list(venue.orders.values())))
        answers = (Unsure("503 -1007"), Refused(-1001, "Internal error"), Throttled(-1003, 1_500), Refused(-2022, "no"))
        return dice.choice(answers)

    def loss(call: Call, at_ms: int, answer: Answer[Any]) -> Answer[Any]:
        return Unsure("cut") if at_ms < T0 + 60_000 and dice.randint(0, 99) < fails // 2 else answer

    venue.before, venue.after = weather, loss
    drill = Drill(venue, ("S0USDT", "S3USDT"), {}, seed=seed).run(180_000)
    assert venue.is_flat
    assert drill.emergency.state is EssState.COOLING_DOWN
    asked = set()
    for _, call in venue.log:
        if isinstance(call, CancelAll):
            asked.add(call.symbol)
        if isinstance(call, Place):
            assert call.intent.symbol in asked


def time_to_flat(seed: int) -> int:
    dice = Random(seed)
    venue = FakeVenue({(f"S{at}USDT", BOTH): Decimal(dice.choice([-3, 5])) for at in range(4)})
    venue.rest(*(resting(str(at), f"S{at}USDT") for at in range(3)))
    venue.before = lambda call, at_ms: Unsure("503") if dice.randint(0, 3) == 0 else None
    venue.after = lambda call, at_ms, answer: Unsure("cut") if dice.randint(0, 2) == 0 else answer
    report = Drill(venue, ("S0USDT", "S1USDT"), {"S0USDT": Decimal(9)}, seed=seed).run().flattening.report
    assert venue.is_flat
    return (report.flat_ms or 0) - T0


def test_with_half_of_all_answers_lost_all_is_flat_within_half_a_minute_19_times_in_20() -> None:
    times_to_flat = sorted(map(time_to_flat, range(100)))
    assert times_to_flat[94] <= 30_000


def test_in_fair_weather_all_is_flat_within_four_round_trips() -> None:
    report = Drill(held(), rtt_ms=40).run().flattening.report
    assert (report.flat_ms or 0) - T0 <= 5 * 40
    assert (report.settled_ms or 0) - T0 <= 5 * 40 + SETTLE_MS + 3 * 40


def test_a_cancel_that_is_refused_for_good_does_not_keep_an_account_from_flat() -> None:
    venue = held()
    venue.before = lambda call, at_ms: Refused(-1121, "Invalid symbol.") if call == CancelAll("GONEUSDT") else None
    report = Drill(venue, ("BTCUSDT", "GONEUSDT")).run().flattening.report
    assert venue.is_flat
    assert [call for _, call in venue.log].count(CancelAll("GONEUSDT")) == REPEATS_MAX
    assert (report.flat_ms or 0) - T0 <= 10_000


def test_cancels_that_were_not_confirmed_are_repeated_without_the_dear_look_at_all_orders() -> None:
    venue = held()
    venue.after = lambda call, at_ms, answer: Unsure("cut") if isinstance(call, CancelAll) and at_ms == T0 else answer
    Drill(venue, ("BTCUSDT", "ETHUSDT")).run()
    looks = [at_ms for at_ms, call in venue.log if isinstance(call, AskOpenOrders)]
    assert [call for _, call in venue.log].count(CancelAll("ETHUSDT")) == 2
    assert len(looks) <= 8
