"""Rows 9 to 20 of the fault catalogue: the life of an order, over real sockets."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.faults import Deed
from qt_ray.core.orders import (
    Cancelled,
    Expired,
    Filled,
    OrderType,
    Rejected,
    Side,
    TimeInForce,
    Working,
    progress_of,
)
from qt_ray.execution.gateway.rules import Rules
from tests.integration.fault_rows import ALL, BTC, POST, Row, tell

pytestmark = pytest.mark.integration

UNPROTECTED_S = 2.0
SHORT = Patience(recv_window_ms=300, answer_ms=250)
SHORT_RULES = Rules(receive_window_ms=300)


@pytest.mark.requirement("L6")
def test_row_9_an_answer_that_is_lost_after_the_deed_is_one_order_and_soon_known(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        row.break_(Deed.DROP_AFTER, **{**POST, "count": 3})
        names = [row.want(row.market())[0] for _ in range(3)]
        await row.agreed()
        assert all(isinstance(row.order(name), Filled) for name in names)
        assert [len(row.at_venue(name)) for name in names] == [1, 1, 1]

    tell(tmp_path, story)


@pytest.mark.parametrize(
    ("deed", "answer", "end", "lived"),
    [
        (Deed.ANSWER_AFTER, "timeout", Filled, 1),
        (Deed.ANSWER_AFTER, "bad_gateway", Filled, 1),
        (Deed.ANSWER_BEFORE, "unavailable", Rejected, 0),
        (Deed.ANSWER_BEFORE, "throttled", Filled, 1),
    ],
)
def test_row_10_each_of_four_errors_means_what_the_venue_means_by_it(
    tmp_path: Path, deed: Deed, answer: str, end: type, lived: int
) -> None:
    async def story(row: Row) -> None:
        row.break_(deed, answer=answer, **POST)
        [name] = row.want(row.market())
        await row.stage.until(lambda: isinstance(row.order(name), end))
        assert len(row.at_venue(name)) == lived

    tell(tmp_path, story)


def test_row_11_an_answer_that_comes_when_nobody_waits_any_more_doubles_nothing(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        row.break_(Deed.DELAY_AFTER, delay_ms=600, **POST)
        [name] = row.want(row.market())
        await row.agreed()
        await asyncio.sleep(0.7)
        assert len(row.at_venue(name)) == 1

    tell(tmp_path, story, patience=replace(SHORT, recv_window_ms=2_000))


def test_row_12_a_request_that_arrives_after_its_window_is_no_order_and_known_to_be_none(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        row.break_(Deed.DELAY_BEFORE, delay_ms=700, **POST)
        [name] = row.want(row.market())
        await row.stage.until(lambda: isinstance(row.order(name), Rejected))
        await asyncio.sleep(0.3)
        assert row.at_venue(name) == []
        [following] = row.want(row.market())
        await row.stage.until(lambda: isinstance(row.order(following), Filled))

    tell(tmp_path, story, SHORT_RULES, SHORT)


def test_row_13_a_request_that_a_middle_box_doubles_is_one_resting_order(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        row.break_(Deed.DUPLICATE, **POST)
        [name] = row.want(row.limit("0.98"))
        await row.stage.until(lambda: isinstance(row.order(name), Working))
        assert len(row.at_venue(name)) == 1

    tell(tmp_path, story)


def test_row_14_a_fill_that_overtakes_the_cancel_is_booked_and_the_cancel_ends(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        for _ in range(5):
            [name] = row.want(row.limit("0.999"))
            await row.stage.until(lambda name=name: isinstance(row.order(name), Working))
            row.break_(Deed.DELAY_BEFORE, method="DELETE", path="/fapi/v1/order", count=1, delay_ms=150)
            gateway = row.stage.account.gateway
            gateway.take(partial(gateway.engine.cancel, name, "changed our mind"))
            await asyncio.sleep(0.02)
            row.do("jump", symbol=BTC, factor="0.997")
            await row.stage.until(lambda name=name: isinstance(row.order(name), Filled | Cancelled))
            await row.agreed()
            assert isinstance(row.order(name), Filled)
            row.lift()

    tell(tmp_path, story, step_ms=20)


def test_row_15_an_amend_whose_answer_is_lost_is_read_back_from_the_venue(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        wanted = row.limit("0.98", steps=11)
        [name] = row.want(wanted)
        await row.stage.until(lambda: isinstance(row.order(name), Working))
        row.break_(Deed.DROP_AFTER, method="PUT", path="/fapi/v1/order", count=1)
        row.break_(Deed.EVENT_LOSE, event="ORDER_TRADE_UPDATE")
        changed = replace(wanted, limit_price=wanted.limit_price - 50, quantity=wanted.quantity / 2)
        gateway = row.stage.account.gateway
        gateway.take(partial(gateway.engine.amend, changed))
        await row.stage.until(lambda: row.order(name).intent == changed)
        [order] = row.at_venue(name)
        assert (order.price, order.quantity) == (changed.limit_price, changed.quantity)

    tell(tmp_path, story)


def test_row_16_a_batch_is_answered_for_each_and_one_without_an_answer_is_asked_for_each(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        good, poor = row.limit("0.98"), replace(row.limit("0.97"), quantity=Decimal("900"))
        row.want(good, poor)
        await row.stage.until(lambda: isinstance(row.order(poor.client_id), Rejected))
        assert isinstance(row.order(good.client_id), Working)
        row.break_(Deed.DROP_AFTER, method="POST", path="/fapi/v1/batchOrders", count=1)
        row.break_(Deed.EVENT_LOSE, event="ORDER_TRADE_UPDATE")
        names = row.want(row.limit("0.96"), row.limit("0.95"))
        await row.stage.until(lambda: all(isinstance(row.order(name), Working) for name in names))
        assert [len(row.at_venue(name)) for name in names] == [1, 1]

    tell(tmp_path, story)


@pytest.mark.requirement("Sprint5-9")
@pytest.mark.sprint5
def test_row_17_what_expires_in_part_is_tried_again_and_never_above_what_was_wanted(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        best = row.stage.venue.exchange.depth(BTC, 1).asks[0]
        wanted = replace(row.limit("1", time_in_force=TimeInForce.IOC), quantity=best.quantity * 2)
        [name] = row.want(wanted)
        last = f"{name.rpartition('-')[0]}-3"
        book = row.stage.account.gateway.engine.book
        await row.stage.until(lambda: last in book.orders and not book.orders[last].is_open)
        attempts = [tracked.order for tracked in book.orders.values() if tracked.parent in name]
        assert isinstance(attempts[0], Expired)
        done = [progress.executed for order in attempts if (progress := progress_of(order))]
        assert done[0] == best.quantity
        assert sum(done) <= wanted.quantity

    tell(tmp_path, story, Rules(retry_ms=(20, 40, 60)))


def test_row_17_an_order_that_would_trade_with_our_own_expires_for_the_rest_and_the_other_stays(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        best = row.stage.venue.exchange.depth(BTC, 1).asks[0]
        ours = replace(row.limit("1", steps=7), side=Side.SELL)
        [resting] = row.want(replace(ours, limit_price=best.price))
        await row.stage.until(lambda: isinstance(row.order(resting), Working))
        wanted = replace(row.limit("1"), quantity=best.quantity * 2, limit_price=best.price)
        [name] = row.want(wanted)
        last = f"{name.rpartition('-')[0]}-3"
        book = row.stage.account.gateway.engine.book
        await row.stage.until(lambda: last in book.orders and not book.orders[last].is_open)
        attempts = [tracked.order for tracked in book.orders.values() if tracked.parent in name]
        assert [row.at_venue(order.intent.client_id)[0].state for order in attempts] == ["EXPIRED_IN_MATCH"] * 4
        assert next(progress.executed for order in attempts if (progress := progress_of(order))) == best.quantity
        assert isinstance(row.order(resting), Working)

    tell(tmp_path, story, Rules(retry_ms=(20, 40, 60)))


def test_row_18_a_stop_that_the_price_has_passed_already_closes_the_position(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        row.break_(Deed.DELAY_BEFORE, method="POST", path="/fapi/v1/algoOrder", count=1, delay_ms=200)
        row.want(row.market())
        await row.stage.until(lambda: bool(row.stage.account.custody.books.positions))
        began_ns = monotonic_ns()
        row.do("jump", symbol=BTC, factor="0.9")
        await row.stage.until(lambda: not row.stage.account.custody.books.positions)
        assert (monotonic_ns() - began_ns) / 1e9 < UNPROTECTED_S
        [alert] = [alert for alert in row.stage.account.alerts if "could not be protected" in alert.title]
        assert "its stop was refused, -2021" in alert.detail
        [stop] = [t.order for t in row.tracked() if t.intent.type is OrderType.STOP_MARKET]
        assert isinstance(stop, Rejected)
        assert stop.reason.startswith("-2021")

    tell(tmp_path, story, step_ms=20)


def test_row_18_a_stop_that_triggers_and_is_refused_leaves_nothing_without_protection(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        [name] = row.want(row.market())
        exchange, quantity = row.stage.venue.exchange, row.order(name).intent.quantity
        await row.stage.until(lambda: len(exchange.open_algos(FIRST_ACCOUNT)) == 1)
        [stop] = exchange.open_algos(FIRST_ACCOUNT)
        # Somebody sells twice what we hold, and before we hear of it the price falls: the stop finds nothing to reduce.
        for event in ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE"):
            row.break_(Deed.EVENT_DELAY, event=event, delay_ms=400)
        row.do("order", symbol=BTC, side="SELL", type="MARKET", quantity=str(quantity * 2), newClientOrderId="web_1")
        row.do("jump", symbol=BTC, factor="0.9")

        def refused() -> Any:
            return next(algo for algo in exchange.algos(FIRST_ACCOUNT, window=ALL) if algo.id == stop.id)

        await row.stage.until(lambda: refused().state == "REJECTED")
        assert refused().reason == "ReduceOnly Order is rejected."
        began_ns = monotonic_ns()
        await row.stage.until(lambda: not row.stage.account.gateway.engine.book.orders[stop.client_id].is_open)

        def is_safe() -> bool:
            held = row.stage.account.custody.books.position(BTC).quantity
            covered = sum(
                a.wanted.quantity or 0 for a in exchange.open_algos(FIRST_ACCOUNT) if a.wanted.side is Side.BUY
            )
            return held == 0 or (held < 0 and covered >= -held)

        await row.stage.until(is_safe)
        assert (monotonic_ns() - began_ns) / 1e9 < UNPROTECTED_S

    tell(tmp_path, story, step_ms=20)


@pytest.mark.parametrize("by", ["hand", "deleveraging"])
def test_row_19_a_position_that_others_close_is_booked_as_theirs_and_loses_its_stop(tmp_path: Path, by: str) -> None:
    async def story(row: Row) -> None:
        wanted = row.market()
        row.want(wanted)
        exchange = row.stage.venue.exchange
        await row.stage.until(lambda: len(exchange.open_algos(FIRST_ACCOUNT)) == 1)
        quantity = str(wanted.quantity)
        if by == "hand":
            row.do("order", symbol=BTC, side="SELL", type="MARKET", quantity=quantity, reduceOnly="true")
        else:
            row.do("deleverage", symbol=BTC, quantity=quantity, price=str(row.ask))
        await row.stage.until(lambda: exchange.open_algos(FIRST_ACCOUNT) == [])
        assert not row.stage.account.custody.books.positions
        assert len(row.stage.account.custody.books.foreign) >= 1

    tell(tmp_path, story)


def test_row_20_an_order_that_is_not_ours_is_shown_to_a_person_and_left_alone(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        price = str((row.ask * Decimal("0.97")).quantize(Decimal("0.1")))
        how = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": price, "timeInForce": "GTC"}
        row.do("order", **how, newClientOrderId="somebody")
        await row.stage.until(lambda: any("somebody" in alert.detail for alert in row.stage.account.alerts))
        [name] = row.want(row.market())
        await row.stage.until(lambda: isinstance(row.order(name), Filled))
        assert len(row.at_venue("somebody")) == 1
        assert row.at_venue("somebody")[0].is_open

    tell(tmp_path, story)
