import pytest

from qt_ray.core.orders import Side
from qt_ray.execution.exchange.account import CLOSED_ALGOS_MAX, CLOSED_ORDERS_MAX
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.exchange.values import Refusal
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
)

pytestmark = pytest.mark.unit


def test_history_is_a_page_from_a_number_or_within_times_and_else_the_newest() -> None:
    x = exchange()
    for at in range(6):
        x.place("ann", buy("1"), START + at)
    x.place("ann", buy("1", symbol=ETH), START + 9)

    def ids(window: Window, symbol: str | None = BTC) -> list[int]:
        return [order.id for order in x.orders("ann", symbol, window)]

    assert ids(Window()) == [1, 2, 3, 4, 5, 6]
    assert ids(Window(), None) == [1, 2, 3, 4, 5, 6, 7]
    assert ids(Window(limit=2)) == [5, 6]
    assert ids(Window(from_id=3, limit=2)) == [3, 4]
    assert ids(Window(since_ms=START + 1, limit=2)) == [2, 3]
    assert ids(Window(until_ms=START + 2)) == [1, 2, 3]
    assert ids(Window(since_ms=START + 2, until_ms=START + 3)) == [3, 4]
    assert [trade.order_id for trade in x.trades("ann", BTC, Window(from_id=5))] == [5, 6]
    assert [trade.id for trade in x.trades("ann", BTC, order_id=4)] == [4]
    assert len(x.incomes("ann", ETH, "COMMISSION", Window(since_ms=START))) == 1
    assert x.trades("ann", "ETHUSDT", Window(until_ms=START)) == []


def test_conditional_orders_are_remembered_too() -> None:
    x = exchange()
    for trigger in ("95", "94"):
        x.place_algo("ann", stop(Side.SELL, trigger), START)
    x.cancel_algo("ann", START, algo_id=1)
    assert [algo.id for algo in x.algos("ann", BTC, Window(from_id=1))] == [1, 2]
    assert [algo.id for algo in x.open_algos("ann", BTC)] == [2]
    assert x.open_algos("ann", ETH) == []


def test_what_does_not_exist_is_said_so() -> None:
    x = exchange()
    x.place("ann", buy("1", client_id="a"), START)
    for ask in (
        lambda: x.order("ann", BTC, order_id=9),
        lambda: x.order("ann", ETH, client_id="a"),
        lambda: x.order("ann", BTC),
        lambda: x.algo("ann", client_id="a"),
    ):
        with pytest.raises(Refusal) as caught:
            ask()
        assert caught.value.code == -2013


def test_what_is_asked_for_is_a_copy() -> None:
    x = exchange()
    order = x.place("ann", buy("1", "95"), START)
    order.quantity = D(9)
    x.order("ann", BTC, order_id=order.id).executed = D(1)
    x.positions("ann", BTC)[0].held.quantity = D(7)
    x.setting("ann", BTC).leverage = 1
    assert (x.order("ann", BTC, order_id=order.id).left, x.positions("ann", BTC)[0].held.quantity) == (D(1), 0)
    assert x.setting("ann", BTC).leverage == 20


def test_figures_are_wallet_profit_and_margin() -> None:
    x = exchange(wallet="1000")
    x.place("ann", buy("2"), START)
    x.place("ann", buy("1", "90"), START)
    x.place("ann", sell("1", "120"), START)
    x.quote(around("110"), START)
    found = x.figures("ann")["USDT"]
    assert (found.wallet, found.unrealised) == (D("999.8999"), D("19.8"))
    assert (found.position_initial, found.order_initial) == (D(11), D("4.5"))
    assert (found.initial, found.maintenance) == (D("15.5"), D("2.2"))
    assert found.margin_balance == D("1019.6999")
    assert (found.available, found.withdrawable) == (D("1004.1999"), D("984.3999"))
    (one,) = x.positions("ann", BTC)
    assert (one.held.entry, one.held.unrealised, one.notional) == (D("100.1"), D("19.8"), D(220))
    assert (one.bids, one.asks, one.initial, one.order_initial) == (D(90), D(120), D(11), D("4.5"))
    assert one.held.break_even == D("100.15005")


def test_the_break_even_price_pays_back_the_fees_of_the_position_that_is_held() -> None:
    x = exchange()
    x.place("ann", buy("1"), START)
    x.place("ann", sell("3"), START)
    (one,) = x.positions("ann", BTC)
    assert one.held.paid == D(2) * D("99.9") * D("0.0005")
    assert one.held.break_even == D("99.9") - one.held.paid / 2


def test_in_hedge_mode_each_side_has_its_own_orders() -> None:
    x = exchange()
    x.set_hedge("ann", True, START)
    long, short = (figures.held.side for figures in x.positions("ann", BTC))
    x.place("ann", buy("1", "90", position_side=long), START)
    x.place("ann", sell("1", "120", position_side=short), START)
    initials = [figures.order_initial for figures in x.positions("ann", BTC)]
    assert initials == [D("4.5"), D(6)]
    assert x.figures("ann")["USDT"].order_initial == D("10.5")


def test_depth_merges_clients_and_outside() -> None:
    x = exchange("ann", "bob")
    x.quote(market("1@99 2@98", "1@101 1@102"), START)
    before = x.depth(BTC, 5)
    x.place("ann", buy("2", "98"), START)
    x.place("bob", buy("3", "98.5"), START)
    x.place("bob", sell("1", "103"), START)
    depth = x.depth(BTC, 3)
    assert [(level.price, level.quantity) for level in depth.bids] == [(D(99), 1), (D("98.5"), 3), (D(98), 4)]
    assert [level.price for level in depth.asks] == [D(101), D(102), D(103)]
    assert depth.update_id > before.update_id
    assert [level.price for level in x.depth(BTC, 1).bids] == [D(99)]


def test_a_flat_symbol_is_listed_but_not_busy() -> None:
    x = exchange()
    x.place("ann", buy("1", "95", symbol=ETH), START)
    assert x.busy_symbols("ann") == [ETH]
    assert [figures.held.symbol for figures in x.positions("ann")] == [BTC, ETH]


def test_the_board_is_what_was_quoted() -> None:
    x = exchange()
    quote = around("105")
    x.quote(quote, START)
    assert (x.last_quote(BTC), x.last_price(BTC), x.listing(BTC)) == (quote, D(105), listing())
    with pytest.raises(Refusal):
        x.last_price("NOTUSDT")


def test_what_ended_long_ago_is_forgotten_and_what_is_open_is_not() -> None:
    x = exchange()
    open_order = x.place("ann", buy("1", "90"), START)
    account = x._floor.accounts["ann"]
    for at in range(CLOSED_ORDERS_MAX + 5):
        name = "same" if at < 3 else f"a{at}"
        x.place("ann", buy("1", "91", client_id=name), START)
        x.cancel("ann", BTC, START, client_id=name)
        x.drain()
    assert len(account.orders) == len(account.by_client) == CLOSED_ORDERS_MAX + 1
    assert x.order("ann", BTC, order_id=open_order.id).is_open
    with pytest.raises(Refusal):
        x.order("ann", BTC, client_id="same")


def test_conditional_orders_are_forgotten_alike() -> None:
    x = exchange()
    for at in range(CLOSED_ALGOS_MAX + 5):
        name = "same" if at < 3 else f"a{at}"
        x.place_algo("ann", stop(Side.SELL, "95", client_id=name), START)
        x.cancel_algo("ann", START, client_id=name)
    account = x._floor.accounts["ann"]
    assert len(account.algos) == len(account.algos_by_client) == CLOSED_ALGOS_MAX
    with pytest.raises(Refusal):
        x.algo("ann", client_id="same")
