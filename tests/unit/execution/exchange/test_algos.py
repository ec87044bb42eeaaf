from typing import Any

import pytest

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.algos import CONDITIONAL_MAX
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.told import AlgoTold, OrderTold
from qt_ray.execution.exchange.values import (
    Algo,
    AlgoState,
    NewAlgo,
    OrderState,
    Refusal,
    TimeInForce,
    Working,
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

PROFIT = OrderType.TAKE_PROFIT_MARKET
TRAILING = OrderType.TRAILING_STOP_MARKET


def holding(quantity: str = "1", **changes: Any) -> Exchange:
    """An exchange at which ann holds so much, long above zero."""
    x = exchange(**changes)
    x.place("ann", buy(quantity) if D(quantity) > 0 else sell(quantity.removeprefix("-")), START)
    x.drain()
    return x


def waiting(x: Exchange, wanted: NewAlgo) -> Algo:
    return x.place_algo("ann", wanted, START)


def state(x: Exchange, algo: Algo) -> AlgoState:
    return x.algo("ann", algo_id=algo.id).state


def trailing(side: Side = Side.SELL, **changes: Any) -> NewAlgo:
    return stop(side, None, type=TRAILING, **{"callback_rate": D(1), **changes})


def refused(x: Exchange, wanted: NewAlgo) -> int:
    before = x.open_algos("ann"), x.drain()
    with pytest.raises(Refusal) as caught:
        x.place_algo("ann", wanted, START)
    assert (x.open_algos("ann"), x.drain()) == (before[0], [])
    return caught.value.code


def test_a_stop_lives_from_new_over_its_order_to_finished() -> None:
    x = holding()
    algo = waiting(x, stop(Side.SELL, "95", reduce_only=True, client_id="s"))
    x.quote(around("95.1"), START + 1)
    assert words(x.drain()) == ["AlgoTold NEW"]
    x.quote(around("95"), START + 2)
    lives = ["AlgoTold TRIGGERING", "AlgoTold TRIGGERED", "OrderTold NEW"]
    assert words(x.drain()) == [*lives, "TradeTold", "AccountTold ORDER", "OrderTold TRADE", "AlgoTold FINISHED"]
    found = x.algo("ann", client_id="s")
    assert found.id == algo.id
    assert found.order is not None
    assert (found.order.client_id, found.order.state, found.triggered_ms) == ("s", OrderState.FILLED, START + 2)
    child = x.order("ann", BTC, client_id="s")
    assert (child.original_type, child.type, child.trigger_price) == (OrderType.STOP_MARKET, OrderType.MARKET, D(95))


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "waits", "fires"),
    [
        (Side.SELL, OrderType.STOP_MARKET, "95", "95.1", "94.9"),
        (Side.BUY, OrderType.STOP_MARKET, "105", "104.9", "105.1"),
        (Side.SELL, PROFIT, "105", "104.9", "105.1"),
        (Side.BUY, PROFIT, "95", "95.1", "94.9"),
    ],
)
def test_stops_follow_the_market_and_profits_meet_it(
    side: Side, kind: OrderType, trigger: str, waits: str, fires: str
) -> None:
    x = exchange()
    algo = waiting(x, stop(side, trigger, type=kind))
    x.quote(around(waits), START + 1)
    assert state(x, algo) is AlgoState.NEW
    x.quote(around(fires), START + 2)
    assert state(x, algo) is AlgoState.FINISHED


def test_a_trigger_looks_at_the_price_it_was_told_to() -> None:
    x = exchange()
    by_mark = waiting(x, stop(Side.SELL, "95", working=Working.MARK_PRICE))
    by_last = waiting(x, stop(Side.SELL, "95"))
    x.quote(market(last="90", mark="100"), START + 1)
    assert (state(x, by_mark), state(x, by_last)) == (AlgoState.NEW, AlgoState.FINISHED)
    x.quote(market(last="100", mark="90"), START + 2)
    assert state(x, by_mark) is AlgoState.FINISHED


def test_a_clients_own_trade_pulls_triggers_too() -> None:
    x = exchange()
    x.quote(market("1@99 1@90"), START)
    algo = waiting(x, stop(Side.SELL, "95"))
    x.place("ann", sell("1.5"), START)
    assert state(x, algo) is AlgoState.FINISHED


def test_a_stop_with_a_limit_rests_as_that_order_and_ends_with_it() -> None:
    x = exchange()
    algo = waiting(x, stop(Side.BUY, "105", type=OrderType.STOP, price=D(104)))
    x.quote(around("105"), START + 1)
    assert state(x, algo) is AlgoState.TRIGGERED
    child = x.open_orders("ann")[0]
    assert (child.type, child.price, x.open_algos("ann")) == (OrderType.LIMIT, D(104), [])
    x.cancel("ann", BTC, START + 2, order_id=child.id)
    assert state(x, algo) is AlgoState.FINISHED


def test_a_reduce_only_trigger_without_a_position_is_rejected_with_the_reason() -> None:
    x = exchange()
    algo = waiting(x, stop(Side.SELL, "95", reduce_only=True))
    x.quote(around("94"), START + 1)
    found = x.algo("ann", algo_id=algo.id)
    assert (found.state, found.reason, found.order) == (AlgoState.REJECTED, "ReduceOnly Order is rejected.", None)
    assert x.orders("ann") == []


def test_a_trigger_that_the_wallet_cannot_pay_for_is_rejected() -> None:
    x = exchange(wallet="1")
    algo = waiting(x, stop(Side.SELL, "95"))
    x.quote(around("94"), START + 1)
    assert x.algo("ann", algo_id=algo.id).reason == "Margin is insufficient."


def test_a_whole_position_is_closed_however_large() -> None:
    x = holding(listings=[listing(market_quantity_max=D(1))])
    x.place("ann", buy("1"), START)
    algo = waiting(x, stop(Side.SELL, "95", None, closes_position=True))
    x.quote(around("94"), START + 1)
    assert state(x, algo) is AlgoState.FINISHED
    assert x.positions("ann", BTC)[0].held.quantity == 0
    child = x.orders("ann")[-1]
    assert (child.closes_position, child.reduce_only, child.executed) == (True, True, D(2))


def test_what_would_close_a_position_goes_with_it_and_stays_while_a_part_is_left() -> None:
    x = holding("2")
    guards = [
        waiting(x, stop(Side.SELL, "95", None, closes_position=True)),
        waiting(x, stop(Side.SELL, "105", None, closes_position=True, type=PROFIT)),
    ]
    reducing = waiting(x, stop(Side.SELL, "94", reduce_only=True))
    x.place("ann", sell("1"), START)
    assert {state(x, algo) for algo in guards} == {AlgoState.NEW}
    x.place("ann", sell("2"), START)
    assert {state(x, algo) for algo in guards} == {AlgoState.CANCELED}
    assert state(x, reducing) is AlgoState.NEW


def test_a_guard_without_a_position_waits_for_one_and_is_rejected_without() -> None:
    x = exchange()
    algo = waiting(x, stop(Side.SELL, "95", None, closes_position=True))
    x.place("ann", buy("1"), START)
    assert state(x, algo) is AlgoState.NEW
    other = waiting(x, stop(Side.BUY, "105", None, closes_position=True))
    x.quote(around("106"), START + 1)
    assert state(x, other) is AlgoState.REJECTED


def test_a_trailing_stop_follows_the_best_price_and_never_back() -> None:
    x = holding()
    algo = waiting(x, trailing(reduce_only=True))
    for at, price in enumerate(["104", "103", "110", "109"]):
        x.quote(around(price), START + at)
    assert x.algo("ann", algo_id=algo.id).best == D(110)
    x.quote(around("108.9"), START + 9)
    assert state(x, algo) is AlgoState.FINISHED


def test_a_trailing_buy_follows_down_from_its_activation() -> None:
    x = exchange()
    algo = waiting(x, trailing(Side.BUY, activate_price=D(95), callback_rate=D(2)))
    x.quote(around("99"), START + 1)
    x.quote(around("103"), START + 2)
    assert (state(x, algo), x.algo("ann", algo_id=algo.id).is_active) == (AlgoState.NEW, False)
    x.quote(around("95"), START + 3)
    x.quote(around("90"), START + 4)
    assert x.algo("ann", algo_id=algo.id).is_active
    x.quote(around("91.8"), START + 5)
    assert state(x, algo) is AlgoState.FINISHED


def test_price_protection_rejects_a_trigger_on_a_price_that_left_its_mark() -> None:
    x = holding()
    algo = waiting(x, stop(Side.SELL, "95", reduce_only=True, price_protect=True))
    x.quote(market(last="94", mark="100"), START + 1)
    assert state(x, algo) is AlgoState.REJECTED
    assert x.positions("ann", BTC)[0].held.quantity == D(1)


def test_triggers_that_fire_together_fire_in_the_order_of_their_numbers() -> None:
    x = exchange()
    late = [waiting(x, stop(Side.SELL, trigger)).id for trigger in ("93", "95", "94")]
    x.quote(around("92"), START + 1)
    pulled = [i.algo.id for i in x.drain() if isinstance(i, AlgoTold) and i.algo.state is AlgoState.TRIGGERING]
    assert pulled == late


def test_one_stop_may_pull_the_next() -> None:
    x = exchange()
    first = waiting(x, stop(Side.SELL, "95"))
    second = waiting(x, stop(Side.SELL, "90"))
    x.quote(market("0.5@94 5@89", "1@96", last="95", mark="95"), START + 1)
    assert {state(x, first), state(x, second)} == {AlgoState.FINISHED}


def test_in_hedge_mode_a_guard_belongs_to_its_side() -> None:
    x = exchange()
    x.set_hedge("ann", True, START)
    long, short = PositionSide.LONG, PositionSide.SHORT
    x.place("ann", buy("1", position_side=long), START)
    x.place("ann", sell("1", position_side=short), START)
    guards = [
        waiting(x, stop(Side.SELL, "95", None, closes_position=True, position_side=long)),
        waiting(x, stop(Side.BUY, "105", None, closes_position=True, position_side=short)),
    ]
    x.place("ann", sell("1", position_side=long), START)
    assert [state(x, algo) for algo in guards] == [AlgoState.CANCELED, AlgoState.NEW]
    x.quote(around("106"), START + 1)
    assert state(x, guards[1]) is AlgoState.FINISHED
    assert [figures.held.quantity for figures in x.positions("ann", BTC)] == [0, 0]


def test_cancelling_ends_what_waits_and_nothing_else() -> None:
    x = exchange()
    algo = waiting(x, stop(Side.SELL, "95", client_id="a"))
    other = waiting(x, stop(Side.SELL, "95", symbol=ETH))
    x.place("ann", buy("1", "95"), START)
    assert x.cancel_algo("ann", START, client_id="a").state is AlgoState.CANCELED
    for unknown in (algo.id, 99):
        with pytest.raises(Refusal) as caught:
            x.cancel_algo("ann", START, algo_id=unknown)
        assert caught.value.code == -2011
    assert x.cancel_algos("ann", BTC, START) == []
    assert [one.id for one in x.cancel_algos("ann", ETH, START)] == [other.id]
    assert len(x.open_orders("ann")) == 1
    x.quote(around("94"), START + 1)
    assert not [item for item in x.drain() if isinstance(item, OrderTold) and item.order.client_id == "a"]


def test_replacing_stops_for_ever_leaves_nothing_behind() -> None:
    x = exchange()
    heaps = x._floor.market(BTC).triggers.heaps
    for at in range(500):
        waiting(x, stop(Side.SELL, f"{50 + at % 40}", client_id="a"))
        x.cancel_algo("ann", START, client_id="a")
    assert sum(len(heap) for heap in heaps.values()) < 100


def test_two_hundred_conditional_orders_over_all_symbols_are_the_most() -> None:
    x = exchange()
    for at in range(CONDITIONAL_MAX):
        waiting(x, stop(Side.SELL, "95", symbol=(BTC, ETH)[at % 2]))
    assert refused(x, stop(Side.SELL, "95")) == -4045


def test_there_is_one_stop_and_one_profit_for_a_whole_position() -> None:
    x = holding()
    guard = stop(Side.SELL, "95", None, closes_position=True, client_id="a")
    waiting(x, guard)
    assert refused(x, stop(Side.SELL, "94", None, closes_position=True)) == -4130
    waiting(x, stop(Side.SELL, "105", None, closes_position=True, type=PROFIT))
    assert refused(x, stop(Side.BUY, "105", client_id="a")) == -4116


CODES: list[tuple[NewAlgo, int]] = [
    (stop(Side.SELL, "95", symbol="NOTUSDT"), -1121),
    (stop(Side.SELL, "95", type=OrderType.LIMIT), -1116),
    (stop(Side.SELL, "95", position_side=PositionSide.LONG), -4061),
    (stop(Side.SELL, "95", None), -1102),
    (stop(Side.SELL, "95", "0"), -4003),
    (stop(Side.SELL, "95", "1.00001"), -1111),
    (stop(Side.SELL, "95", "101"), -4005),
    (stop(Side.SELL, "95", "0.01"), -4164),
    (stop(Side.SELL, None), -1102),
    (stop(Side.SELL, "94.99"), -1111),
    (stop(Side.SELL, "95", type=OrderType.STOP), -1102),
    (stop(Side.SELL, "95", type=OrderType.STOP, price=D("0.01")), -1111),
    (stop(Side.SELL, "100"), -2021),
    (stop(Side.BUY, "100"), -2021),
    (stop(Side.SELL, "99", type=PROFIT), -2021),
    (stop(Side.SELL, "101", working=Working.MARK_PRICE), -2021),
    (stop(Side.SELL, "95", "1", closes_position=True), -1106),
    (stop(Side.SELL, "95", None, closes_position=True, reduce_only=True), -1106),
    (stop(Side.SELL, "95", None, closes_position=True, type=OrderType.STOP, price=D(94)), -4136),
    (trailing(quantity=None, closes_position=True), -4136),
    (trailing(callback_rate=None), -1102),
    (trailing(callback_rate=D("0.05")), -2007),
    (trailing(callback_rate=D("20.1")), -2007),
    (trailing(activate_price=D("101.01")), -1111),
    (trailing(activate_price=D(100)), -2021),
    (trailing(Side.BUY, activate_price=D(100)), -2021),
]


@pytest.mark.parametrize(("wanted", "code"), CODES)
def test_a_conditional_order_is_refused_in_the_exchanges_words(wanted: NewAlgo, code: int) -> None:
    assert refused(exchange(), wanted) == code


def test_the_widest_callback_is_twenty_percent() -> None:
    assert waiting(exchange(), trailing(callback_rate=D(20))).state is AlgoState.NEW


def test_a_conditional_order_may_have_a_date_too() -> None:
    x, date = exchange(), START + 700_000
    for name in ("a", "b"):
        wanted = stop(Side.SELL, "95", time_in_force=TimeInForce.GTD, good_till_ms=date, client_id=name)
        waiting(x, wanted)
    x.cancel_algo("ann", START, client_id="a")
    x.advance(date)
    assert [algo.state for algo in x.algos("ann")] == [AlgoState.CANCELED, AlgoState.EXPIRED]
    x.quote(around("94"), date)
    assert x.orders("ann") == []
