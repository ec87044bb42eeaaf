"""What holds after any sequence of calls, told by everything that was told.

Stories come from hypothesis, which finds the small ones that break a law, and from dice, which play long ones.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.margin import available
from qt_ray.execution.exchange.reports import Window
from qt_ray.execution.exchange.told import AccountTold, AlgoTold, OrderTold, Told, TradeTold
from qt_ray.execution.exchange.values import (
    Happened,
    Held,
    NewAlgo,
    NewOrder,
    Refusal,
    SelfTrade,
    TimeInForce,
    Trade,
    Working,
)
from qt_ray.execution.venue.views import PositionSide
from tests.unit.execution.exchange.floor import BTC, START, D, exchange, market

pytestmark = pytest.mark.unit

Step = tuple[Any, ...]

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
    st.sampled_from([TimeInForce.GTC] * 4 + [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX]),
    st.sampled_from([False, False, False, True]),
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
moves = ticks | ticks | ticks | ticks | st.integers(-150, 150)
quotes = st.tuples(st.just("quote"), moves, st.integers(1, 20).map(lambda tenths: D(tenths) / 10), moves)
others = st.one_of(
    st.tuples(st.just("cancel"), clients, st.integers(0, 9)),
    st.tuples(st.just("amend"), clients, st.integers(0, 9), quantities, ticks),
    st.tuples(st.just("wait"), st.integers(1, 2 * EIGHT_HOURS_MS)),
    st.tuples(st.just("print"), ticks, quantities, sides),
    st.tuples(st.just("leverage"), clients, st.integers(1, 100)),
)
stories = st.lists(st.one_of(*[orders] * 6, quotes, quotes, algos, others), min_size=15, max_size=40)


def price(offset: int) -> Decimal:
    return D(100) + D(offset) / 10


def act(x: Exchange, step: Step, now_ms: int) -> int:
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


def held(x: Exchange, client: str) -> Any:
    return x.positions(client, BTC)[0].held


def whole(x: Exchange) -> None:
    """See what must hold after every single step."""
    depth = x.depth(BTC, 1)
    if depth.bids and depth.asks:
        assert depth.bids[0].price < depth.asks[0].price
    for client in CLIENTS:
        for order in x.open_orders(client):
            assert not order.reduce_only or order.left <= -order.side.sign * held(x, client).quantity


@dataclass
class Played:
    """An exchange after a story, and all that it told."""

    x: Exchange
    told: list[Told]
    wallet: Decimal

    def trades(self, client: str) -> list[Trade]:
        return self.x.trades(client, BTC, ALL)


def played(story: list[Step], wallet: str = "10000", isolated: bool = False) -> Played:
    x, now_ms, told = exchange(*CLIENTS, wallet=wallet), START, []
    if isolated:
        x.set_isolated("ann", BTC, True, START)
    for step in story:
        now_ms = act(x, step, now_ms)
        told += x.drain()
        whole(x)
    return Played(x, told, D(wallet))


def money_is_what_trading_brought_less_fees_plus_funding(after: Played) -> None:
    for client in CLIENTS:
        trades, incomes = after.trades(client), after.x.incomes(client, window=ALL)
        change = after.x.figures(client)["USDT"].wallet - after.wallet
        cash = sum((-t.side.sign * t.quote for t in trades), D(0))
        fees = sum((t.fee for t in trades), D(0))
        moved = sum((i.amount for i in incomes if i.kind in ("FUNDING_FEE", "INSURANCE_CLEAR")), D(0))
        assert change == cash + held(after.x, client).cost - fees + moved
        assert change == sum((i.amount for i in incomes), D(0))


def a_position_is_the_sum_of_its_fills_and_an_order_of_its_trades(after: Played) -> None:
    for client in CLIENTS:
        trades = after.trades(client)
        assert held(after.x, client).quantity == sum((t.side.sign * t.quantity for t in trades), D(0))
        for order in after.x.orders(client, BTC, ALL):
            mine = [t for t in trades if t.order_id == order.id]
            assert order.executed == sum((t.quantity for t in mine), D(0)) <= order.quantity
            assert order.quote == sum((t.quote for t in mine), D(0))


def what_one_client_buys_somebody_sold(after: Played) -> None:
    public = {item.id: item for item in after.told if isinstance(item, TradeTold)}
    legs = defaultdict(list)
    for client in CLIENTS:
        for one in after.trades(client):
            legs[one.id].append(one)
    for number, pair in legs.items():
        assert len(pair) in (1, 2)
        assert len({(t.price, t.quantity) for t in pair}) == 1
        if len(pair) == 2:
            assert {t.side for t in pair} == set(Side)
            assert [t.maker for t in pair].count(True) == 1
        assert number not in public or public[number].price == pair[0].price


def no_trade_is_worse_than_its_orders_limit(after: Played) -> None:
    for client in CLIENTS:
        orders = {order.id: order for order in after.x.orders(client, BTC, ALL)}
        for one in after.trades(client):
            limit = orders[one.order_id].price
            amended = any(i.happened is Happened.AMENDMENT for i in _heard(after, one.order_id))
            assert not limit or amended or one.side.sign * (limit - one.price) >= 0


def _heard(after: Played, order_id: int) -> list[OrderTold]:
    return [item for item in after.told if isinstance(item, OrderTold) and item.order.id == order_id]


def what_only_reduces_never_enlarges_or_turns(after: Played) -> None:
    for client in CLIENTS:
        position = D(0)
        reducing = {o.id for o in after.x.orders(client, BTC, ALL) if o.reduce_only}
        for one in after.trades(client):
            result = position + one.side.sign * one.quantity
            assert one.order_id not in reducing or (abs(result) < abs(position) and result * position >= 0)
            position = result


def who_keeps_what_is_told_holds_what_the_exchange_holds(after: Played) -> None:
    x = after.x
    seen: dict[Any, Any] = {(client, "USDT"): after.wallet for client in CLIENTS}
    for item in after.told:
        if isinstance(item, OrderTold):
            seen[item.account, "order", item.order.id] = item.order
        elif isinstance(item, AlgoTold):
            seen[item.account, "algo", item.algo.id] = item.algo.state
        elif isinstance(item, AccountTold):
            seen |= {(item.account, asset): wallet for asset, wallet in item.wallets.items()}
            seen |= {(item.account, one.symbol, one.side): _kept(one) for one in item.positions}
    for client in CLIENTS:
        assert seen[client, "USDT"] == x.figures(client)["USDT"].wallet
        assert seen.get((client, BTC, PositionSide.BOTH), (0, 0, 0)) == _kept(held(x, client))
        assert all(seen[client, "order", order.id] == order for order in x.orders(client, BTC, ALL))
        assert all(seen[client, "algo", algo.id] == algo.state for algo in x.algos(client, BTC, ALL))


def _kept(position: Held) -> tuple[Decimal, Decimal, Decimal]:
    return position.quantity, position.cost, position.isolated_wallet


def every_trade_is_told_once_after_its_order_and_its_money(after: Played) -> None:
    traded = [item for item in after.told if isinstance(item, OrderTold) and item.trade is not None]
    assert len(traded) == sum(len(after.trades(client)) for client in CLIENTS)
    born: set[int] = set()
    for before, item in zip([None, *after.told], after.told, strict=False):
        if not isinstance(item, OrderTold):
            continue
        assert (item.happened is Happened.NEW) is (item.order.id not in born)
        born.add(item.order.id)
        if item.trade is not None:
            assert isinstance(before, AccountTold)
            assert (before.account, before.reason) == (item.account, "ORDER")
    assert [item.time_ms for item in after.told] == sorted(item.time_ms for item in after.told)


def what_waits_is_reserved_to_the_last_digit(after: Played) -> None:
    for client in CLIENTS:
        found = after.x.positions(client, BTC)[0]
        for side, reserved in ((Side.BUY, found.bids), (Side.SELL, found.asks)):
            mine = [o for o in after.x.open_orders(client) if o.side is side and not o.reduce_only]
            assert reserved == sum((o.left * o.price for o in mine), D(0))


def what_is_available_is_reckoned_alike_for_an_order_and_for_a_report(after: Played) -> None:
    for client in CLIENTS:
        account = after.x._floor.accounts[client]
        apart = available(account, "USDT", {}) - after.x.figures(client)["USDT"].available
        assert abs(apart) < D("1e-18")


Law = Callable[[Played], None]
LAWS: tuple[Law, ...] = (
    money_is_what_trading_brought_less_fees_plus_funding,
    a_position_is_the_sum_of_its_fills_and_an_order_of_its_trades,
    what_one_client_buys_somebody_sold,
    no_trade_is_worse_than_its_orders_limit,
    what_only_reduces_never_enlarges_or_turns,
    who_keeps_what_is_told_holds_what_the_exchange_holds,
    every_trade_is_told_once_after_its_order_and_its_money,
    what_waits_is_reserved_to_the_last_digit,
    what_is_available_is_reckoned_alike_for_an_order_and_for_a_report,
)


@pytest.mark.requirement("S4 PaperVenue")
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=15, deadline=None)
@given(stories, st.booleans())
def test_the_laws_hold_after_any_story(law: Law, story: list[Step], isolated: bool) -> None:
    law(played(story, isolated=isolated))


def thrown(seed: int, steps: int, is_split: bool = True) -> list[Step]:
    """A long story by dice, in which most orders meet somebody, some wallets run out and marks may leave markets."""
    dice = Random(seed)

    def offset() -> int:
        return dice.randint(-12, 12) if dice.random() < 0.97 else dice.randint(-150, 150)

    def quantity() -> Decimal:
        return D(dice.randint(5, 300)) / 100

    def step() -> Step:
        who, side = dice.choice(CLIENTS), dice.choice(tuple(Side))
        how = dice.choice([TimeInForce.GTC] * 5 + [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX])
        at = None if dice.random() < 0.2 else offset()
        kind = dice.choice([OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET, OrderType.STOP])
        middle = offset()
        size = None if dice.random() < 0.3 else quantity()
        found: dict[str, Step] = {
            "place": ("place", who, side, quantity(), at, how, dice.random() < 0.2, dice.choice(tuple(SelfTrade))),
            "algo": ("algo", who, side, size, offset(), kind, dice.random() < 0.5, dice.choice(tuple(Working))),
            "quote": ("quote", middle, quantity(), offset() if is_split else middle),
            "print": ("print", offset(), quantity(), side),
            "cancel": ("cancel", who, dice.randint(0, 9)),
            "amend": ("amend", who, dice.randint(0, 9), quantity(), offset()),
            "wait": ("wait", dice.randint(1, EIGHT_HOURS_MS)),
            "leverage": ("leverage", who, dice.randint(1, 100)),
        }
        return dice.choices(list(found.values()), [10, 4, 5, 1, 1, 3, 1, 0.2])[0]

    return [step() for _ in range(steps)]


@pytest.mark.parametrize("seed", range(12))
def test_the_laws_hold_after_a_long_story(seed: int) -> None:
    wallet = ("10000", "60", "15")[seed % 3]
    story = [("leverage", client, 50) for client in CLIENTS] + thrown(seed, 250)
    after = played(story, wallet, isolated=seed % 2 == 0)
    for law in LAWS:
        law(after)


def test_long_stories_are_about_something() -> None:
    after = [played([("leverage", "ann", 50), *thrown(seed, 250)], "15") for seed in range(10)]
    assert sum(len(one.trades(client)) for one in after for client in CLIENTS) > 300
    assert sum(len(one.x.force_orders(client)) for one in after for client in CLIENTS) >= 5
    assert sum(algo.order is not None for one in after for algo in one.x.algos("ann", BTC, ALL)) > 20


@pytest.mark.parametrize("seed", range(6))
def test_liquidation_at_a_mark_that_follows_its_market_leaves_no_debt_but_a_fee(seed: int) -> None:
    after = played([("leverage", client, 100) for client in CLIENTS] + thrown(seed, 250, is_split=False), "15")
    for client in CLIENTS:
        assert after.x.figures(client)["USDT"].wallet > -D("0.5")


@pytest.mark.parametrize("seed", range(3))
def test_the_same_story_is_told_the_same(seed: int) -> None:
    story = thrown(seed, 150)
    assert played(story).told == played(story).told
