"""What holds after any sequence of calls, told by everything that was told."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.margin import available
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.exchange.told import AccountTold, AlgoTold, OrderTold, Told, TradeTold
from qt_ray.execution.exchange.values import Happened, NewAlgo, NewOrder, Refusal, SelfTrade, TimeInForce, Working
from qt_ray.execution.venue.views import PositionSide
from tests.unit.execution.exchange.floor import BTC, START, D, exchange, market

pytestmark = pytest.mark.unit

CLIENTS = ("ann", "bob")
ALL = Window(limit=1_000)
EIGHT_HOURS_MS = 28_800_000

clients = st.sampled_from(CLIENTS)
sides = st.sampled_from(Side)
quantities = st.integers(1, 300).map(lambda steps: D(steps) / 100)
ticks = st.integers(-12, 12)

orders = st.tuples(
    st.just("place"),
    clients,
    sides,
    quantities,
    st.none() | ticks,
    st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX]),
    st.booleans(),
    st.sampled_from(SelfTrade),
)
algos = st.tuples(
    st.just("algo"),
    clients,
    sides,
    st.none() | quantities,
    ticks,
    st.sampled_from([OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET, OrderType.STOP]),
    st.booleans(),
    st.sampled_from(Working),
)
moves = ticks | st.integers(-150, 150)
quotes = st.tuples(st.just("quote"), moves, st.integers(1, 20).map(lambda tenths: D(tenths) / 10), moves)
others = st.one_of(
    st.tuples(st.just("cancel"), clients, st.integers(0, 9)),
    st.tuples(st.just("amend"), clients, st.integers(0, 9), quantities, ticks),
    st.tuples(st.just("wait"), st.integers(1, 2 * EIGHT_HOURS_MS)),
    st.tuples(st.just("print"), ticks, quantities, sides),
    st.tuples(st.just("leverage"), clients, st.integers(1, 100)),
)
stories = st.lists(orders | orders | quotes | algos | others, min_size=3, max_size=40)


def price(offset: int) -> Decimal:
    return D(100) + D(offset) / 10


def act(x: Exchange, step: tuple[Any, ...], now_ms: int) -> int:
    """Carry out one step of a story; a refusal is an answer too."""
    kind, *rest = step
    now_ms += rest[0] if kind == "wait" else 7
    with suppress(Refusal):
        ACTS[kind](x, now_ms, *rest)
    return now_ms


def _place(x: Exchange, now_ms: int, client: str, side: Side, quantity: Decimal, at: int | None, *how: Any) -> None:
    time_in_force, reduce_only, self_trade = how
    kind = OrderType.MARKET if at is None else OrderType.LIMIT
    wanted = NewOrder(BTC, side, kind, quantity, None if at is None else price(at), self_trade=self_trade)
    if at is not None:
        wanted = NewOrder(BTC, side, kind, quantity, price(at), time_in_force, self_trade=self_trade)
    wanted = wanted if not reduce_only else _reducing(wanted)
    x.place(client, wanted, now_ms)


def _reducing(wanted: NewOrder) -> NewOrder:
    return NewOrder(
        wanted.symbol, wanted.side, wanted.type, wanted.quantity, wanted.price, wanted.time_in_force, reduce_only=True
    )


def _algo(x: Exchange, now_ms: int, client: str, side: Side, quantity: Decimal | None, at: int, *how: Any) -> None:
    kind, reduce_only, working = how
    wanted = NewAlgo(
        BTC,
        side,
        kind,
        quantity,
        price(at),
        price(at) if kind is OrderType.STOP else None,
        reduce_only=reduce_only and quantity is not None,
        closes_position=quantity is None,
        working=working,
    )
    x.place_algo(client, wanted, now_ms)


def _quote(x: Exchange, now_ms: int, at: int, quantity: Decimal, mark: int) -> None:
    middle = price(at)
    bids, asks = (" ".join(f"{quantity}@{middle + sign * D(step) / 10}" for step in range(1, 4)) for sign in (-1, 1))
    x.quote(market(bids, asks, last=str(middle), mark=str(price(mark)), at=now_ms), now_ms)


def _cancel(x: Exchange, now_ms: int, client: str, at: int) -> None:
    found = x.open_orders(client)
    if found:
        x.cancel(client, BTC, now_ms, order_id=found[at % len(found)].id)


def _amend(x: Exchange, now_ms: int, client: str, at: int, quantity: Decimal, to: int) -> None:
    found = x.open_orders(client)
    if found:
        order = found[at % len(found)]
        x.amend(client, BTC, order.side, quantity, price(to), now_ms, order_id=order.id)


ACTS = {
    "place": _place,
    "algo": _algo,
    "quote": _quote,
    "cancel": _cancel,
    "amend": _amend,
    "wait": lambda x, now_ms, _: x.advance(now_ms),
    "print": lambda x, now_ms, at, quantity, side: x.print_trade(BTC, price(at), quantity, side, now_ms),
    "leverage": lambda x, now_ms, client, leverage: x.set_leverage(client, BTC, leverage, now_ms),
}


def played(story: list[tuple[Any, ...]], wallet: str = "10000") -> tuple[Exchange, list[Told]]:
    x, now_ms, told = exchange(*CLIENTS, wallet=wallet), START, []
    for step in story:
        now_ms = act(x, step, now_ms)
        told += x.drain()
    return x, told


def held(x: Exchange, client: str) -> Any:
    return x.positions(client, BTC)[0].held


@settings(max_examples=60, deadline=None)
@given(stories)
def test_money_is_what_trading_brought_less_fees_plus_funding(story: list[tuple[Any, ...]]) -> None:
    x, _ = played(story)
    for client in CLIENTS:
        trades, wallet = x.trades(client, BTC, ALL), x.figures(client)["USDT"].wallet
        cash = sum((-t.side.sign * t.quote for t in trades), D(0))
        fees = sum((t.fee for t in trades), D(0))
        others = ("FUNDING_FEE", "INSURANCE_CLEAR")
        moved = sum((i.amount for i in x.incomes(client, window=ALL) if i.kind in others), D(0))
        assert wallet - 10_000 == cash + held(x, client).cost - fees + moved
        assert wallet - 10_000 == sum((i.amount for i in x.incomes(client, window=ALL)), D(0))


@settings(max_examples=60, deadline=None)
@given(stories)
def test_a_position_is_the_sum_of_its_fills_and_an_order_of_its_trades(story: list[tuple[Any, ...]]) -> None:
    x, _ = played(story)
    for client in CLIENTS:
        trades = x.trades(client, BTC, ALL)
        assert held(x, client).quantity == sum((t.side.sign * t.quantity for t in trades), D(0))
        for order in x.orders(client, BTC, ALL):
            mine = [t for t in trades if t.order_id == order.id]
            assert order.executed == sum((t.quantity for t in mine), D(0)) <= order.quantity
            assert order.quote == sum((t.quote for t in mine), D(0))


@settings(max_examples=60, deadline=None)
@given(stories)
def test_what_one_client_buys_somebody_sold(story: list[tuple[Any, ...]]) -> None:
    x, told = played(story)
    public = {item.id: item for item in told if isinstance(item, TradeTold)}
    legs = defaultdict(list)
    for client in CLIENTS:
        for one in x.trades(client, BTC, ALL):
            legs[one.id].append(one)
    for number, pair in legs.items():
        assert len(pair) in (1, 2)
        assert len({(t.price, t.quantity) for t in pair}) == 1
        if len(pair) == 2:
            assert {t.side for t in pair} == set(Side)
            assert [t.maker for t in pair].count(True) == 1
        assert number not in public or public[number].price == pair[0].price


@settings(max_examples=60, deadline=None)
@given(stories)
def test_nothing_rests_crossed(story: list[tuple[Any, ...]]) -> None:
    x, now_ms = exchange(*CLIENTS), START
    for step in story:
        now_ms = act(x, step, now_ms)
        depth = x.depth(BTC, 1)
        if depth.bids and depth.asks:
            assert depth.bids[0].price < depth.asks[0].price


@settings(max_examples=60, deadline=None)
@given(stories)
def test_what_only_reduces_never_enlarges_or_turns(story: list[tuple[Any, ...]]) -> None:
    x, now_ms = exchange(*CLIENTS), START
    for step in story:
        now_ms = act(x, step, now_ms)
        for client in CLIENTS:
            for order in x.open_orders(client):
                assert not order.reduce_only or order.left <= -order.side.sign * held(x, client).quantity
    for client in CLIENTS:
        position = D(0)
        reducing = {o.id for o in x.orders(client, BTC, ALL) if o.reduce_only}
        for one in x.trades(client, BTC, ALL):
            after = position + one.side.sign * one.quantity
            assert one.order_id not in reducing or (abs(after) < abs(position) and after * position >= 0)
            position = after


@settings(max_examples=60, deadline=None)
@given(stories)
def test_who_keeps_what_is_told_holds_what_the_exchange_holds(story: list[tuple[Any, ...]]) -> None:
    x, told = played(story)
    seen: dict[Any, Any] = {(client, "USDT"): D(10_000) for client in CLIENTS}
    for item in told:
        if isinstance(item, OrderTold):
            seen[item.account, "order", item.order.id] = item.order
        elif isinstance(item, AlgoTold):
            seen[item.account, "algo", item.algo.id] = item.algo.state
        elif isinstance(item, AccountTold):
            seen |= {(item.account, asset): wallet for asset, wallet in item.wallets.items()}
            seen |= {(item.account, one.symbol, one.side): (one.quantity, one.cost) for one in item.positions}
    for client in CLIENTS:
        assert seen[client, "USDT"] == x.figures(client)["USDT"].wallet
        now = held(x, client)
        assert seen.get((client, BTC, PositionSide.BOTH), (0, 0)) == (now.quantity, now.cost)
        for order in x.orders(client, BTC, ALL):
            assert seen[client, "order", order.id] == order
        for algo in x.algos(client, BTC, ALL):
            assert seen[client, "algo", algo.id] == algo.state


@settings(max_examples=60, deadline=None)
@given(stories)
def test_every_trade_is_told_once_after_its_order_and_its_money(story: list[tuple[Any, ...]]) -> None:
    x, told = played(story)
    traded = [item for item in told if isinstance(item, OrderTold) and item.trade is not None]
    assert len(traded) == sum(len(x.trades(client, BTC, ALL)) for client in CLIENTS)
    born: set[int] = set()
    for before, item in zip([None, *told], told, strict=False):
        if not isinstance(item, OrderTold):
            continue
        assert (item.happened is Happened.NEW) is (item.order.id not in born)
        born.add(item.order.id)
        if item.trade is not None:
            assert isinstance(before, AccountTold)
            assert (before.account, before.reason) == (item.account, "ORDER")
    assert [item.time_ms for item in told] == sorted(item.time_ms for item in told)


@settings(max_examples=30, deadline=None)
@given(stories)
def test_the_same_story_is_told_the_same(story: list[tuple[Any, ...]]) -> None:
    assert played(story)[1] == played(story)[1]


@settings(max_examples=40, deadline=None)
@given(stories)
def test_what_waits_is_reserved_to_the_last_digit(story: list[tuple[Any, ...]]) -> None:
    x, _ = played(story)
    for client in CLIENTS:
        found = x.positions(client, BTC)[0]
        for side, reserved in ((Side.BUY, found.bids), (Side.SELL, found.asks)):
            mine = [o for o in x.open_orders(client) if o.side is side and not o.reduce_only]
            assert reserved == sum((o.left * o.price for o in mine), D(0))


@settings(max_examples=40, deadline=None)
@given(stories)
def test_no_wallet_is_lost_below_zero(story: list[tuple[Any, ...]]) -> None:
    """A small wallet at the largest leverage is liquidated again and again; only a fee may cost a little more."""
    story = [("leverage", "ann", 100), ("leverage", "bob", 100), *story]
    x, _ = played(story, wallet="20")
    for client in CLIENTS:
        assert x.figures(client)["USDT"].wallet > -D("0.5")


@settings(max_examples=40, deadline=None)
@given(stories, st.booleans())
def test_what_is_available_is_reckoned_alike_for_an_order_and_for_a_report(
    story: list[tuple[Any, ...]], isolated: bool
) -> None:
    x, now_ms = exchange(*CLIENTS), START
    if isolated:
        x.set_isolated("ann", BTC, True, START)
    for step in story:
        now_ms = act(x, step, now_ms)
    account = x._floor.accounts["ann"]
    assert available(account, "USDT", {}) == x.figures("ann")["USDT"].available
