from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import OrderType, Side, TimeInForce
from qt_ray.execution.gateway.records import Heard
from qt_ray.execution.gateway.smart import (
    BPS,
    Plan,
    Style,
    Tactics,
    Urgency,
    due,
    impact_bps,
    middle,
    plan,
    slippage,
)
from qt_ray.execution.lifecycle import News, Signal
from qt_ray.execution.venue.views import BookView
from tests.unit.execution.gateway.stories import Story, entry, name, trade

pytestmark = pytest.mark.unit

STEP = Decimal("0.5")
LEVELS = tuple(Decimal(n) for n in range(1, 6))
BOOK = BookView(
    "BTCUSDT",
    1,
    tuple((Decimal(10_000) - level, Decimal(20)) for level in LEVELS),
    tuple((Decimal(10_000) + level, Decimal(20)) for level in LEVELS),
    0,
)
TACTICS = Tactics()
urgencies = st.sampled_from(list(Urgency))


def planned(quantity: Decimal, urgency: Urgency, side: Side = Side.BUY, tactics: Tactics = TACTICS) -> Plan:
    return plan(entry(quantity=quantity, side=side), urgency, BOOK, STEP, 1_000, tactics)


@given(st.integers(1, 2_000), urgencies, st.sampled_from(list(Side)), st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_the_parts_are_the_whole_in_whole_steps_and_each_has_its_name(
    steps: int, urgency: Urgency, side: Side, parts_max: int
) -> None:
    found = planned(STEP * steps, urgency, side, Tactics(parts_max=parts_max))
    intents = [part.intent for part in found.parts]
    assert found.quantity == STEP * steps == found.family.quantity
    assert all(intent.quantity > 0 and intent.quantity % STEP == 0 for intent in intents)
    assert len({intent.client_id for intent in intents}) == len(intents) <= parts_max
    assert found == planned(STEP * steps, urgency, side, Tactics(parts_max=parts_max))


@pytest.mark.requirement("S4 SmartExecution")
@pytest.mark.parametrize(
    ("quantity", "urgency", "style"),
    [
        (1_000, Urgency.NOW, Style.MARKET),
        (10, Urgency.PATIENT, Style.MARKET),
        (90, Urgency.SOON, Style.LIMIT),
        (1_000, Urgency.SOON, Style.TWAP),
        (1_000, Urgency.PATIENT, Style.ICEBERG),
    ],
)
def test_what_waiting_costs_and_what_taking_moves_decide_the_way(quantity: int, urgency: Urgency, style: Style) -> None:
    assert planned(Decimal(quantity), urgency).style is style


def test_a_maker_rests_at_its_own_side_and_never_takes() -> None:
    [part] = planned(Decimal(90), Urgency.SOON, Side.SELL).parts
    assert (part.intent.limit_price, part.intent.time_in_force) == (Decimal(10_001), TimeInForce.GTX)


def test_parts_over_time_are_due_one_after_the_other() -> None:
    found, story = planned(Decimal(40), Urgency.SOON, tactics=Tactics(Decimal(0), Decimal(0))), Story()
    assert found.style is Style.TWAP
    assert [part.due_ms for part in found.parts] == [1_000 + 15_000 * leg for leg in range(4)]
    first = due(found, story.gateway.book, 1_000)
    assert first == (found.parts[0].intent,)
    story.take(story.gateway.want(first[0], 1_000, found.family))
    assert due(found, story.gateway.book, 15_999) == ()
    assert due(found, story.gateway.book, 31_000) == (found.parts[1].intent, found.parts[2].intent)


@pytest.mark.requirement("S4 SmartExecution")
def test_an_iceberg_shows_one_tip_at_a_time() -> None:
    found, story = planned(Decimal(1_000), Urgency.PATIENT), Story()
    [tip] = due(found, story.gateway.book, 1_000)
    story.take(story.gateway.want(tip, 1_000, found.family))
    assert due(found, story.gateway.book, 99_000) == ()
    gone = News(Signal.FILLED, 2_000, "77", tip.quantity, trade(1, str(tip.quantity)))
    story.gateway.book.apply(Heard(tip.client_id, gone, "77"))
    assert due(found, story.gateway.book, 99_000) == (found.parts[1].intent,)


def test_a_plan_never_gets_more_through_the_door_than_it_is() -> None:
    found, story = planned(Decimal(40), Urgency.SOON, tactics=Tactics(Decimal(0), Decimal(0))), Story()
    for part in found.parts:
        story.take(story.gateway.want(part.intent, 1_000, found.family))
        assert story.reasons == []
    story.take(story.gateway.want(entry(5, quantity=STEP), 1_000, found.family))
    assert story.reasons


@given(st.integers(1, 200), st.sampled_from(list(Side)))
def test_taking_more_never_costs_less(steps: int, side: Side) -> None:
    less, more = impact_bps(BOOK, side, STEP * steps), impact_bps(BOOK, side, STEP * (steps + 1))
    assert more is None or (less is not None and 0 < less <= more)


def test_a_book_too_thin_has_no_price_for_it() -> None:
    assert impact_bps(BOOK, Side.BUY, Decimal(101)) is None
    assert planned(Decimal(101), Urgency.NOW).impact_bps == BPS


@pytest.mark.requirement("S4 SmartExecution")
@given(st.sampled_from(list(Side)), st.integers(9_000, 11_000))
def test_slippage_is_above_zero_exactly_for_what_is_worse_than_arrival(side: Side, price: int) -> None:
    found = slippage(side, middle(BOOK), [trade(1, 2, price), trade(2, 3, price)])
    assert found.executed == 5
    assert found.bps is not None
    assert (found.bps > 0) is (side.sign * (price - 10_000) > 0)
    assert found.cost == side.sign * 5 * (price - 10_000)


def test_what_never_traded_has_cost_nothing() -> None:
    assert slippage(Side.BUY, Decimal(1), []).bps is None


@pytest.mark.parametrize(
    "broken",
    [
        lambda: plan(entry(quantity=Decimal("0.3")), Urgency.NOW, BOOK, STEP, 0, TACTICS),
        lambda: plan(entry(type=OrderType.LIMIT, limit_price=Decimal(1)), Urgency.NOW, BOOK, STEP, 0, TACTICS),
        lambda: plan(entry(), Urgency.NOW, replace(BOOK, asks=()), STEP, 0, TACTICS),
        lambda: Tactics(impact_free_bps=Decimal(11)),
        lambda: Tactics(parts_max=0),
    ],
)
def test_what_cannot_be_planned_is_refused(broken: object) -> None:
    with pytest.raises(Invalid):
        broken()  # type: ignore[operator]


def test_a_part_bears_a_name_made_of_the_whole() -> None:
    found = planned(Decimal(1_000), Urgency.PATIENT)
    assert found.family.name == name(0).removesuffix("-0")
    assert all(part.intent.client_id.startswith("qt-trend-") for part in found.parts)
