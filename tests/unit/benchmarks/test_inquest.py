from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from benchmarks.inquest import Standing, bare_ms, standing_differs, stories_differ
from benchmarks.part_kills import BROKEN
from qt_ray.core.orders import OrderType, PositionSide, Side
from qt_ray.execution.venue.views import OrderView, PositionView
from tests.crash.checker import Story

pytestmark = pytest.mark.unit

BTC, ENTRY, STOP = "BTCUSDT", "qt-desk-0123456789abcdefghjk-0", "qt-guard-0123456789abcdefghjk-0"
HELD = PositionView(
    BTC, PositionSide.BOTH, Decimal(2), Decimal(100), Decimal(100), Decimal(0), Decimal(50), None, 1_000
)
GUARD = OrderView(
    "9", STOP, BTC, Side.SELL, OrderType.STOP_MARKET, True, "NEW", Decimal(2), Decimal(0), None, None, Decimal(90),
    True, False, PositionSide.BOTH, "GTC", 1_100, 1_100,
)  # fmt: skip
STANDING = Standing(Decimal("999.9"), (HELD,), (GUARD,))


def venue() -> Story:
    order = {"kind": "order", "time": 1_000, "symbol": BTC, "client_id": ENTRY, "side": "BUY"}
    trade = {
        "kind": "trade", "time": 1_010, "symbol": BTC, "client_id": ENTRY, "side": "BUY", "trade_id": 5,
        "quantity": "2", "price": "100", "fee": "0.1", "fee_asset": "USDT", "realised": "0",
    }  # fmt: skip
    stop = {"kind": "algo", "time": 1_100, "symbol": BTC, "client_id": STOP, "side": "SELL"}
    return told(order, trade, stop)


def journal() -> Story:
    execution = {"trade_id": 5, "quantity": "2", "price": "100", "fee": "0.1", "fee_asset": "USDT"}
    traded = {"kind": "traded", "symbol": BTC, "side": "BUY", "realised": "0", "execution": execution}
    names = [{"kind": "wanted", "intent": {"client_id": name}, "at_ms": 990} for name in (ENTRY, STOP)]
    sent = [{"kind": "sent", "client_id": name, "at_ms": 995} for name in (ENTRY, STOP)]
    return told({"kind": "opening", "wallets": {"USDT": "1000"}}, *names, *sent, traded)


def told(*lines: dict[str, Any]) -> Story:
    story = Story()
    for line in lines:
        story.lines.setdefault(line["kind"], []).append(line)
    return story


def words(theirs: Story, ours: Story, standing: Standing) -> list[str]:
    found = [said.split(" ", 1)[0] for said in (*stories_differ(theirs, ours), *standing_differs(ours, standing))]
    assert set(found) <= BROKEN.keys()
    return found


def spoiled() -> Iterator[tuple[str, Story, Story, Standing]]:
    lost = journal()
    del lost.lines["traded"]
    yield "V1", venue(), lost, STANDING
    yield "V2", venue(), journal(), replace(STANDING, positions=(replace(HELD, quantity=Decimal(1)),))
    yield "V3", venue(), journal(), replace(STANDING, wallet=Decimal(1_000))
    twice = venue()
    twice.lines["order"] *= 2
    yield "V4", twice, journal(), STANDING
    unwanted = journal()
    del unwanted.lines["wanted"]
    yield "V5", venue(), unwanted, STANDING
    yield "V9", venue(), journal(), replace(STANDING, waiting=())
    for wrong in (
        replace(GUARD, quantity=Decimal(1)),
        replace(GUARD, side=Side.BUY),
        replace(GUARD, reduce_only=False),
        replace(GUARD, symbol="ETHUSDT"),
        replace(GUARD, type=OrderType.TAKE_PROFIT_MARKET),
    ):
        yield "V9", venue(), journal(), replace(STANDING, waiting=(wrong,))


def test_of_books_that_are_the_venues_there_is_nothing_to_be_said() -> None:
    assert not words(venue(), journal(), STANDING)


@pytest.mark.parametrize(("broken", "theirs", "ours", "standing"), [*spoiled()])
def test_each_difference_is_found_and_names_what_it_breaks(
    broken: str, theirs: Story, ours: Story, standing: Standing
) -> None:
    assert broken in words(theirs, ours, standing)


def test_funding_and_transfers_are_part_of_the_wallet() -> None:
    ours = journal()
    ours.lines["moved"] = [{"kind": "moved", "asset": "USDT", "amount": "-0.4"}, {"asset": "BNB", "amount": "7"}]
    assert not words(venue(), ours, replace(STANDING, wallet=Decimal("999.5")))


def test_what_an_emergency_closes_needs_no_intent_of_the_gateways() -> None:
    theirs = venue()
    theirs.lines["order"].append({"kind": "order", "time": 1, "client_id": "qt-flat-0123456789abcdefghjk-0"})
    assert not words(theirs, journal(), STANDING)


def test_a_time_without_a_stop_is_apart_when_the_one_who_keeps_stops_was_dead_in_it() -> None:
    assert bare_ms(venue(), []) == ([90.0], [])
    assert bare_ms(venue(), [(1_050, 4_000)]) == ([], [90.0])
    assert bare_ms(venue(), [(1_200, 4_000)]) == ([90.0], [])
