from decimal import Decimal
from typing import Any

import pytest

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Tier
from qt_ray.execution.exchange.told import AccountTold, OrderTold, SettingTold, TradeTold
from qt_ray.execution.exchange.values import (
    Happened,
    NewOrder,
    Order,
    OrderState,
    Refusal,
    SelfTrade,
    TimeInForce,
)
from qt_ray.execution.venue.views import PositionSide
from tests.unit.execution.exchange.floor import (
    BTC,
    ETH,
    START,
    D,
    around,
    buy,
    exchange,
    listing,
    market,
    sell,
    stop,
    words,
)

pytestmark = pytest.mark.unit

LADDER = {"bids": "1@99 2@98 3@97", "asks": "1@101 2@102 3@103"}


def laddered(*accounts: str, **changes: Any) -> Exchange:
    x = exchange(*accounts, **changes)
    x.quote(market(**LADDER), START)
    x.drain()
    return x


def refused(x: Exchange, wanted: NewOrder, account: str = "ann", now_ms: int = START) -> int:
    """Return the code of a refusal, and see that it changed nothing."""
    before = x.open_orders(account), x.figures(account), x.positions(account, BTC), x.drain()
    with pytest.raises(Refusal) as caught:
        x.place(account, wanted, now_ms)
    assert (x.open_orders(account), x.figures(account), x.positions(account, BTC), x.drain()) == (*before[:3], [])
    return caught.value.code


def fills(x: Exchange, account: str = "ann") -> list[tuple[Decimal, Decimal]]:
    return [(trade.quantity, trade.price) for trade in x.trades(account, BTC)]


def test_a_market_order_walks_the_book_and_is_told_in_the_order_of_the_wire() -> None:
    x = laddered()
    order = x.place("ann", buy("2.5"), START)
    assert (order.state, order.average) == (OrderState.FILLED, D("101.6"))
    assert fills(x) == [(D(1), D(101)), (D("1.5"), D(102))]
    per_fill = ["TradeTold", "AccountTold ORDER", "OrderTold TRADE"]
    assert words(x.drain()) == ["OrderTold NEW", *per_fill, *per_fill]


def test_what_a_market_order_cannot_find_expires() -> None:
    x = laddered()
    order = x.place("ann", buy("9"), START)
    assert (order.executed, order.state, order.expiry_reason) == (D(6), OrderState.EXPIRED, "9")


def test_a_market_order_stops_at_the_bound_around_the_mark() -> None:
    x = exchange(listings=[listing(market_take_bound=D("0.015"))])
    x.quote(market(**LADDER), START)
    order = x.place("ann", buy("3"), START)
    assert fills(x) == [(D(1), D(101))]
    assert order.state is OrderState.EXPIRED


def test_what_was_taken_is_gone_until_the_next_quote() -> None:
    x = laddered()
    x.place("ann", buy("1"), START)
    assert x.depth(BTC, 1).asks[0].price == D(102)
    x.quote(market(**LADDER), START + 1)
    assert x.depth(BTC, 1).asks[0].price == D(101)


def test_a_taker_pays_the_makers_price_and_each_its_own_fee() -> None:
    x = laddered("ann", "bob")
    x.place("bob", sell("2", "100.5"), START)
    x.place("ann", buy("2", "101"), START)
    (taken,), (made,) = x.trades("ann", BTC), x.trades("bob", BTC)
    assert taken.price == made.price == D("100.5")
    assert (taken.id, taken.maker, made.maker) == (made.id, False, True)
    assert (taken.fee, made.fee) == (D("0.1005"), D("0.0402"))


def test_at_one_price_who_came_first_trades_first() -> None:
    x = laddered("ann", "bob", "cat")
    for client in ("bob", "cat", "bob"):
        x.place(client, sell("1", "100"), START)
    x.place("ann", buy("2.5"), START)
    made = [(i.account, i.trade.quantity) for i in x.drain() if isinstance(i, OrderTold) and i.trade and i.trade.maker]
    assert made == [("bob", D(1)), ("cat", D(1)), ("bob", D("0.5"))]


def test_a_better_price_goes_before_an_earlier_one_and_the_outside_before_both_at_its_price() -> None:
    x = laddered("ann", "bob", "cat")
    x.place("bob", sell("1", "101"), START)
    x.place("cat", sell("1", "100.9"), START)
    x.place("ann", buy("2.5"), START)
    assert [trade.quantity for trade in x.trades("cat", BTC)] == [D(1)]
    assert [trade.quantity for trade in x.trades("bob", BTC)] == [D("0.5")]


def test_a_quote_that_crosses_fills_what_rests_at_its_own_price_as_far_as_it_reaches() -> None:
    x = laddered()
    x.place("ann", buy("1", "99.5"), START)
    x.place("ann", buy("2", "99.4"), START)
    x.quote(market("1@98", "1.5@99.3 9@99.6", last="99.3"), START + 1)
    assert fills(x) == [(D(1), D("99.5")), (D("0.5"), D("99.4"))]
    assert x.depth(BTC, 2).asks[0].price == D("99.6")


def test_a_print_trades_with_what_is_in_its_way_and_behind_the_outside_at_its_price() -> None:
    x = laddered()
    x.place("ann", buy("1", "99.5"), START)
    x.place("ann", buy("1", "99"), START)
    x.drain()
    x.print_trade(BTC, D(99), D("2.5"), Side.SELL, START + 1)
    assert fills(x) == [(D(1), D("99.5")), (D("0.5"), D(99))]
    x.print_trade(BTC, D(103), D(1), Side.BUY, START + 2)
    public = [(item.price, item.quantity) for item in x.drain() if isinstance(item, TradeTold)]
    assert public == [(D("99.5"), D(1)), (D(99), D("0.5")), (D(99), D(1)), (D(103), D(1))]
    assert x.last_price(BTC) == D(103)


@pytest.mark.parametrize(
    ("time_in_force", "state", "reason"),
    [(TimeInForce.GTC, OrderState.PARTIALLY_FILLED, "0"), (TimeInForce.IOC, OrderState.EXPIRED, "2")],
)
def test_the_rest_of_a_limit_order_rests_or_expires(time_in_force: TimeInForce, state: OrderState, reason: str) -> None:
    x = laddered()
    order = x.place("ann", buy("3", "101.5", time_in_force=time_in_force), START)
    assert (order.executed, order.state, order.expiry_reason) == (D(1), state, reason)


def test_fill_or_kill_is_all_or_nothing_and_leaves_no_trace() -> None:
    x = laddered("ann", "bob")
    x.place("bob", sell("1", "101.5"), START)
    assert refused(x, buy("4.1", "102", time_in_force=TimeInForce.FOK)) == -5021
    own = sell("1", "100.5")
    x.place("ann", own, START)
    wanted = buy("5", "102", time_in_force=TimeInForce.FOK, self_trade=SelfTrade.EXPIRE_MAKER)
    assert refused(x, wanted) == -5021
    wanted = buy("3", "102", time_in_force=TimeInForce.FOK, self_trade=SelfTrade.EXPIRE_TAKER)
    assert refused(x, wanted) == -5021
    assert x.place("ann", buy("4", "102", time_in_force=TimeInForce.FOK), START).state is OrderState.FILLED


def test_post_only_never_takes() -> None:
    x = laddered()
    assert refused(x, buy("1", "101", time_in_force=TimeInForce.GTX)) == -5022
    assert x.place("ann", buy("1", "100.9", time_in_force=TimeInForce.GTX), START).state is OrderState.NEW
    assert refused(x, sell("1", "100.9", time_in_force=TimeInForce.GTX)) == -5022


def test_good_till_date_ends_at_its_date_and_a_date_is_ten_minutes_ahead() -> None:
    x, later = laddered(), START + 600_001
    assert refused(x, buy("1", "95", time_in_force=TimeInForce.GTD, good_till_ms=later - 1)) == -5040
    order = x.place("ann", buy("1", "95", time_in_force=TimeInForce.GTD, good_till_ms=later), START)
    x.advance(later - 1)
    assert x.order("ann", BTC, order_id=order.id).is_open
    x.advance(later + 60_000)
    ended = x.order("ann", BTC, order_id=order.id)
    assert (ended.state, ended.updated_ms) == (OrderState.EXPIRED, later)


def test_a_cancelled_good_till_date_is_not_ended_again() -> None:
    x, later = laddered(), START + 700_000
    order = x.place("ann", buy("1", "95", time_in_force=TimeInForce.GTD, good_till_ms=later), START)
    x.cancel("ann", BTC, START, order_id=order.id)
    x.drain()
    x.advance(later)
    assert x.drain() == []


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        (SelfTrade.NONE, OrderState.FILLED, OrderState.FILLED),
        (SelfTrade.EXPIRE_TAKER, OrderState.EXPIRED_IN_MATCH, OrderState.NEW),
        (SelfTrade.EXPIRE_MAKER, OrderState.FILLED, OrderState.EXPIRED_IN_MATCH),
        (SelfTrade.EXPIRE_BOTH, OrderState.EXPIRED_IN_MATCH, OrderState.EXPIRED_IN_MATCH),
    ],
)
def test_who_gives_way_in_a_self_trade(mode: SelfTrade, taker: OrderState, maker: OrderState) -> None:
    x = laddered("ann", "bob")
    resting = x.place("ann", sell("1", "100"), START)
    x.place("bob", sell("1", "101"), START)
    x.drain()
    order = x.place("ann", buy("1", "102", self_trade=mode), START)
    assert (order.state, x.order("ann", BTC, order_id=resting.id).state) == (taker, maker)
    prevented = [i for i in x.drain() if isinstance(i, OrderTold) and i.happened is Happened.TRADE_PREVENTION]
    assert {i.order.expiry_reason for i in prevented} <= {"1"}
    assert len(prevented) == [taker, maker].count(OrderState.EXPIRED_IN_MATCH)


def test_reduce_only_is_refused_flat_and_in_the_wrong_direction() -> None:
    x = laddered()
    assert refused(x, sell("1", reduce_only=True)) == -2022
    x.place("ann", buy("1"), START)
    assert refused(x, buy("1", reduce_only=True)) == -2022


def test_reduce_only_ends_with_the_position() -> None:
    x = laddered()
    x.place("ann", buy("1"), START)
    order = x.place("ann", sell("3", reduce_only=True), START)
    assert (order.executed, order.state, order.expiry_reason) == (D(1), OrderState.EXPIRED, "4")
    assert x.positions("ann", BTC)[0].held.quantity == 0


def test_resting_reduce_only_orders_shrink_with_the_position_and_end_with_it() -> None:
    x = laddered()
    x.place("ann", buy("3"), START)
    far = x.place("ann", sell("5", "110", reduce_only=True), START)
    near = x.place("ann", sell("1", "109", reduce_only=True), START)
    assert x.order("ann", BTC, order_id=far.id).quantity == D(3)
    x.place("ann", sell("2"), START)
    assert x.order("ann", BTC, order_id=far.id).left == D(1)
    assert x.order("ann", BTC, order_id=near.id).left == D(1)
    x.place("ann", sell("1"), START)
    states = {x.order("ann", BTC, order_id=order.id).state for order in (far, near)}
    assert states == {OrderState.EXPIRED}


def test_an_amendment_keeps_its_place_only_when_it_shrinks_at_its_price() -> None:
    x = laddered("ann", "bob", "cat")
    first = x.place("bob", sell("2", "100"), START)
    x.place("cat", sell("1", "100"), START)
    x.amend("bob", BTC, Side.SELL, D(1), D(100), START, order_id=first.id)
    x.place("ann", buy("0.5"), START)
    assert len(x.trades("bob", BTC)) == 1
    x.amend("bob", BTC, Side.SELL, D(2), D(100), START, order_id=first.id)
    x.place("ann", buy("0.5"), START)
    assert (len(x.trades("bob", BTC)), len(x.trades("cat", BTC))) == (1, 1)


def test_an_amendment_may_trade_and_says_so_after_itself() -> None:
    x = laddered()
    order = x.place("ann", buy("1", "99.5", client_id="a"), START)
    x.drain()
    changed = x.amend("ann", BTC, Side.BUY, D(1), D(102), START + 1, client_id="a")
    assert (changed.id, changed.state, changed.average) == (order.id, OrderState.FILLED, D(101))
    assert words(x.drain()) == ["OrderTold AMENDMENT", "TradeTold", "AccountTold ORDER", "OrderTold TRADE"]


def test_an_amendment_down_to_what_has_traded_cancels() -> None:
    x = laddered()
    order = x.place("ann", buy("3", "101"), START)
    assert order.executed == D(1)
    assert x.amend("ann", BTC, Side.BUY, D(1), D(101), START, order_id=order.id).state is OrderState.CANCELED


@pytest.mark.parametrize(
    ("side", "quantity", "price", "code"),
    [
        (Side.SELL, "1", "98", -1117),
        (Side.BUY, "1", "95", -5027),
        (Side.BUY, "1", "95.05", -1111),
        (Side.BUY, "0", "95", -4003),
        (Side.BUY, "1", "151", -4016),
        (Side.BUY, "0.05", "95", -4164),
        (Side.BUY, "500", "149", -2019),
        (Side.BUY, "1", "101", -5022),
    ],
)
def test_an_amendment_that_is_refused_changes_nothing(side: Side, quantity: str, price: str, code: int) -> None:
    x = laddered(wallet="3000")
    order = x.place("ann", buy("1", "95", time_in_force=TimeInForce.GTX), START)
    before = x.positions("ann", BTC)
    with pytest.raises(Refusal) as caught:
        x.amend("ann", BTC, side, D(quantity), D(price), START + 1, order_id=order.id)
    assert caught.value.code == code
    assert x.order("ann", BTC, order_id=order.id) == order
    assert x.positions("ann", BTC) == before


def test_only_open_orders_are_amended_or_cancelled() -> None:
    x = laddered()
    done = x.place("ann", buy("1"), START)
    with pytest.raises(Refusal) as caught:
        x.amend("ann", BTC, Side.BUY, D(1), D(99), START, order_id=done.id)
    assert caught.value.code == -2013
    for unknown in ({"order_id": done.id}, {"client_id": "no"}, {"order_id": 99}):
        with pytest.raises(Refusal) as caught:
            x.cancel("ann", BTC, START, **unknown)  # type: ignore[arg-type]
        assert caught.value.code == -2011


def test_a_name_is_taken_while_its_order_is_open_and_then_means_the_latest() -> None:
    x = laddered()
    x.place("ann", buy("1", "95", client_id="a"), START)
    assert refused(x, buy("1", "95", client_id="a")) == -4116
    x.cancel("ann", BTC, START, client_id="a")
    again = x.place("ann", buy("1", "96", client_id="a"), START)
    assert x.order("ann", BTC, client_id="a").id == again.id


def test_cancel_all_ends_the_plain_orders_of_one_symbol() -> None:
    x = laddered()
    for symbol in (BTC, BTC, ETH):
        x.place("ann", buy("1", "95", symbol=symbol), START)
    x.place_algo("ann", stop(Side.SELL, "90"), START)
    assert {order.state for order in x.cancel_all("ann", BTC, START)} == {OrderState.CANCELED}
    assert [order.symbol for order in x.open_orders("ann")] == [ETH]
    assert len(x.open_algos("ann")) == 1
    assert x.cancel_all("ann", BTC, START) == []


PLAIN_CODES: list[tuple[NewOrder, int]] = [
    (buy("1", symbol="NOTUSDT"), -1121),
    (NewOrder(BTC, Side.BUY, OrderType.STOP_MARKET, D(1)), -4120),
    (buy("1", position_side=PositionSide.LONG), -4061),
    (buy("0"), -4003),
    (buy("-1"), -4003),
    (buy("1.0001"), -1111),
    (buy("0.0001"), -1111),
    (buy("1001", "1"), -4005),
    (buy("101"), -4005),
    (NewOrder(BTC, Side.BUY, OrderType.LIMIT, D(1)), -1102),
    (buy("1", "0"), -4001),
    (buy("1e40", "95"), -4005),
    (buy("1", "1e40"), -4002),
    (buy("1e-40", "95"), -1111),
    (buy("1", "95.0000000000000000000000000000000001"), -1111),
    (buy("1", "99.99"), -1111),
    (buy("1", "100000.1"), -4002),
    (buy("1", "150.1"), -4016),
    (sell("1", "49.9"), -4024),
    (buy("0.04"), -4164),
    (buy("0.05", "99"), -4164),
    (buy("1", "99", price_match="QUEUE"), -1106),
    (buy("1", price_match="NEVER"), -5037),
    (buy("1", price_match="OPPONENT_20"), -5041),
    (buy("900", "120"), -2027),
]


@pytest.mark.parametrize(("wanted", "code"), PLAIN_CODES)
def test_a_plain_order_is_refused_in_the_exchanges_words(wanted: NewOrder, code: int) -> None:
    assert refused(laddered(), wanted) == code


def test_a_test_checks_and_does_nothing() -> None:
    x = laddered()
    x.test("ann", buy("1"), START)
    with pytest.raises(Refusal):
        x.test("ann", buy("0"), START)
    assert (x.drain(), x.orders("ann"), x.place("ann", buy("1"), START).id) == ([], [], 1)


def test_a_step_that_is_no_power_of_ten_is_told_from_too_many_digits() -> None:
    x = exchange(listings=[listing(step=D("0.005"), tick=D("0.5"), quantity_min=D("0.1"), price_min=D(60))])
    codes = [("0.101", "99", -4023), ("0.1001", "99", -1111), ("0.095", "99", -4004), ("1", "99.4", -4014)]
    for quantity, price, code in [*codes, ("1", "59.5", -4013)]:
        assert refused(x, buy(quantity, price)) == code


def test_a_market_order_needs_a_counterparty_within_the_percent_filter() -> None:
    x = exchange()
    x.quote(market("1@40", "1@160"), START)
    assert (refused(x, buy("1")), refused(x, sell("1"))) == (-4131, -4131)
    x.quote(market("", ""), START)
    assert x.place("ann", buy("1"), START).state is OrderState.EXPIRED


def test_open_orders_have_a_maximum() -> None:
    x = exchange(listings=[listing(orders_max=2)])
    for price in ("95", "96"):
        x.place("ann", buy("1", price), START)
    assert refused(x, buy("1", "97")) == -2025


def test_margin_must_suffice_and_closing_needs_none() -> None:
    x = laddered(wallet="14")
    assert refused(x, buy("3", "99")) == -2019
    x.place("ann", buy("2", "99"), START)
    assert refused(x, buy("1", "99")) == -2019
    x.cancel_all("ann", BTC, START)
    x.place("ann", buy("2"), START)
    assert refused(x, sell("6", "103")) == -2019
    assert x.place("ann", sell("2", "103"), START).state is OrderState.NEW
    assert x.place("ann", sell("2", reduce_only=True), START).executed == D(2)


@pytest.mark.parametrize(("price_match", "price"), [("OPPONENT", "101"), ("QUEUE", "99"), ("QUEUE_5", None)])
def test_a_price_match_takes_its_price_from_the_book(price_match: str, price: str | None) -> None:
    x = laddered()
    if price is None:
        for level in ("96", "95"):
            x.place("ann", buy("1", level), START)
    order = x.place("ann", buy("0.5", price_match=price_match), START)
    assert order.price == D(price or "95")


@pytest.mark.parametrize(
    ("status", "code"), [("SETTLING", -4108), ("PENDING_TRADING", -4108), ("PRE_SETTLE", -4140), ("CLOSE", -4108)]
)
def test_a_symbol_that_is_not_traded_refuses_new_orders(status: str, code: int) -> None:
    x = laddered()
    x.relist(listing(status=status))
    assert refused(x, buy("1")) == code


def test_before_settlement_a_position_may_still_be_closed() -> None:
    x = laddered()
    x.place("ann", buy("1"), START)
    x.relist(listing(status="PRE_SETTLE"))
    assert x.place("ann", sell("1", reduce_only=True), START).state is OrderState.FILLED


def test_orders_end_with_the_trading_of_their_symbol() -> None:
    x = laddered("ann", "bob")
    order = x.place("ann", buy("1", "95"), START)
    x.place_algo("ann", stop(Side.SELL, "90"), START)
    x.relist(listing(status="SETTLING"))
    ended = x.order("ann", BTC, order_id=order.id)
    assert (ended.state, ended.expiry_reason, x.open_algos("ann")) == (OrderState.EXPIRED, "7", [])


def test_new_filters_hold_from_the_next_order_on() -> None:
    x = laddered()
    x.relist(listing(tick=D(1), notional_min=D(100)))
    assert refused(x, buy("2", "99.5")) == -1111
    assert refused(x, buy("1", "99")) == -4164
    x.relist(listing("NEWUSDT"))
    assert refused(x, buy("1", symbol="NEWUSDT")) == -4108
    x.quote(around("100", "NEWUSDT"), START)
    assert x.place("ann", buy("1", symbol="NEWUSDT"), START).state is OrderState.FILLED


def test_in_hedge_mode_long_and_short_live_side_by_side_and_a_closing_order_ends_with_its_own() -> None:
    x = laddered()
    x.set_hedge("ann", True, START)
    long, short = PositionSide.LONG, PositionSide.SHORT
    assert refused(x, buy("1")) == -4061
    assert refused(x, sell("1", position_side=long)) == -2022
    assert refused(x, sell("1", position_side=short, reduce_only=True)) == -1106
    x.place("ann", buy("1", position_side=long), START)
    x.place("ann", sell("1", position_side=short), START)
    quantities = [figures.held.quantity for figures in x.positions("ann", BTC)]
    assert quantities == [D(1), D(-1)]
    assert refused(x, sell("2", position_side=long)) == -2022
    resting: Order = x.place("ann", sell("1", "110", position_side=long), START)
    x.place("ann", sell("1", position_side=long), START)
    assert x.order("ann", BTC, order_id=resting.id).state is OrderState.EXPIRED
    assert x.positions("ann", BTC)[1].held.quantity == D(-1)


def test_a_fee_is_burned_in_bnb_a_tenth_less_while_there_is_enough() -> None:
    x = exchange(listings=[listing(), listing("BNBUSDT")])
    x.deposit("ann", "BNB", D("0.0005"), START)
    x.set_fee_burn("ann", True, START)
    assert x.burns_fees("ann")
    x.drain()
    x.place("ann", buy("1"), START)
    (told,) = (item for item in x.drain() if isinstance(item, AccountTold))
    assert told.wallets == {"USDT": D(10_000), "BNB": D("0.00004955")}
    x.place("ann", sell("1"), START)
    fees = [(trade.fee, trade.fee_asset) for trade in x.trades("ann", BTC)]
    assert fees == [(D("0.00045045"), "BNB"), (D("0.04995"), "USDT")]
    assert x.figures("ann")["USDT"].wallet == D(10_000) - D("0.2") - D("0.04995")


def test_leverage_comes_down_with_the_brackets() -> None:
    x = laddered("ann", "bob", "cat")
    x.set_leverage("ann", BTC, 50, START)
    x.set_leverage("bob", BTC, 5, START)
    x.drain()
    x.relist(listing(brackets=(Tier(1, 10, D(0), D(10_000), D("0.05"), D(0)),)))
    assert x.drain() == [SettingTold("ann", BTC, 10, False, START)]
    assert [x.setting(client, BTC).leverage for client in ("ann", "bob", "cat")] == [10, 5, 10]


@pytest.mark.parametrize(
    "changes", [{"mark": "0"}, {"last": "-1"}, {"mark": "NaN"}, {"bids": "1@101", "asks": "1@101"}]
)
def test_what_is_no_market_is_no_quote(changes: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        market(**changes)
