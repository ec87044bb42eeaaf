import pytest

from qt_ray.core.orders import Side
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.timers import IDLE_MAX, Due, Timer, Timers
from qt_ray.execution.exchange.told import AccountTold
from qt_ray.execution.exchange.values import Refusal
from qt_ray.execution.venue.views import PositionSide
from tests.unit.execution.exchange.floor import (
    BTC,
    ETH,
    START,
    D,
    buy,
    exchange,
    listing,
    market,
    sell,
    stop,
)

pytestmark = pytest.mark.unit

HOUR_MS = 3_600_000
FUNDING_MS = (START // (8 * HOUR_MS) + 1) * 8 * HOUR_MS


def fundings(x: Exchange, account: str = "ann") -> list[tuple[int, object]]:
    return [(income.time_ms, income.amount) for income in x.incomes(account, kind="FUNDING_FEE")]


def test_a_countdown_cancels_the_plain_orders_of_its_symbol_and_no_other() -> None:
    x = exchange("ann", "bob")
    for symbol in (BTC, ETH):
        x.place("ann", buy("1", "95", symbol=symbol), START)
    x.place("bob", buy("1", "95"), START)
    x.countdown("ann", BTC, 1_000, START)
    x.advance(START + 999)
    assert len(x.open_orders("ann")) == 2
    x.advance(START + 1_000)
    assert [order.symbol for order in x.open_orders("ann")] == [ETH]
    assert len(x.open_orders("bob")) == 1


def test_a_countdown_leaves_what_protects() -> None:
    x = exchange()
    x.place_algo("ann", stop(Side.SELL, "95"), START)
    x.countdown("ann", BTC, 1_000, START)
    x.advance(START + 5_000)
    assert len(x.open_algos("ann")) == 1


def test_a_countdown_said_again_starts_again_and_zero_disarms() -> None:
    x = exchange()
    x.place("ann", buy("1", "95"), START)
    for at in range(0, 5_000, 500):
        x.countdown("ann", BTC, 1_000, START + at)
    x.countdown("ann", BTC, 0, START + 5_400)
    x.advance(START + 60_000)
    assert len(x.open_orders("ann")) == 1


def test_a_countdown_acts_before_a_call_that_comes_too_late() -> None:
    x = exchange()
    x.place("ann", buy("1", "95", client_id="a"), START)
    x.countdown("ann", BTC, 1_000, START)
    with pytest.raises(Refusal) as caught:
        x.cancel("ann", BTC, START + 2_000, client_id="a")
    assert caught.value.code == -2011
    assert x.order("ann", BTC, client_id="a").updated_ms == START + 1_000


def test_a_countdown_is_a_time_of_a_listed_symbol() -> None:
    x = exchange()
    for symbol, after_ms, code in ((BTC, -1, -1130), ("NOTUSDT", 1_000, -1121)):
        with pytest.raises(Refusal) as caught:
            x.countdown("ann", symbol, after_ms, START)
        assert caught.value.code == code


def test_at_a_funding_time_longs_pay_shorts() -> None:
    x = exchange("ann", "bob", "cat")
    x.place("ann", buy("2"), START)
    x.place("bob", sell("1"), START)
    x.drain()
    x.advance(FUNDING_MS - 1)
    assert x.drain() == []
    x.advance(FUNDING_MS)
    assert fundings(x) == [(FUNDING_MS, D("-0.02"))]
    assert fundings(x, "bob") == [(FUNDING_MS, D("0.01"))]
    assert fundings(x, "cat") == []
    told = [item for item in x.drain() if isinstance(item, AccountTold)]
    assert [(item.reason, item.changes, item.positions) for item in told] == [
        ("FUNDING_FEE", {"USDT": D("-0.02")}, ()),
        ("FUNDING_FEE", {"USDT": D("0.01")}, ()),
    ]


def test_funding_below_zero_is_paid_by_shorts_and_a_zero_rate_by_nobody() -> None:
    x = exchange()
    x.place("ann", sell("1"), START)
    x.quote(market(funding="-0.02"), START)
    x.advance(FUNDING_MS)
    x.quote(market(funding="0"), FUNDING_MS)
    x.advance(FUNDING_MS + 8 * HOUR_MS)
    assert fundings(x) == [(FUNDING_MS, D("-2"))]


def test_every_funding_time_that_passed_is_charged_once_at_its_own_moment() -> None:
    x = exchange(listings=[listing(funding_interval_ms=HOUR_MS)])
    x.place("ann", buy("1"), START)
    x.advance(START + 3 * HOUR_MS)
    first = (START // HOUR_MS + 1) * HOUR_MS
    assert [at for at, _ in fundings(x)] == [first, first + HOUR_MS, first + 2 * HOUR_MS]
    assert x.next_funding_ms(BTC) == first + 3 * HOUR_MS


def test_without_a_market_there_is_no_funding() -> None:
    x = Exchange([listing()], START)
    x.advance(FUNDING_MS)
    assert (x.drain(), x.last_quote(BTC)) == ([], None)


def test_funding_out_of_turn_is_paid_at_its_own_rate() -> None:
    x = exchange()
    x.place("ann", buy("1"), START)
    x.fund(BTC, D("0.02"), START + 1)
    x.fund(BTC, None, START + 2)
    assert fundings(x) == [(START + 1, D(-2)), (START + 2, D(-2))]


def test_an_isolated_position_pays_funding_from_its_own_wallet() -> None:
    x = exchange()
    x.set_isolated("ann", BTC, True, START)
    x.place("ann", buy("1"), START)
    before = x.positions("ann", BTC)[0].held.isolated_wallet
    x.drain()
    x.advance(FUNDING_MS)
    (told,) = (item for item in x.drain() if isinstance(item, AccountTold))
    assert told.positions[0].isolated_wallet == before - D("0.01")
    assert told.positions[0].side is PositionSide.BOTH
    assert told.wallets["USDT"] - told.cross["USDT"] == before - D("0.01")


def test_time_never_goes_back() -> None:
    x = exchange()
    x.advance(START + 10)
    assert x.place("ann", buy("1", "95"), START + 5).created_ms == START + 10
    assert x.now_ms == START + 10


def test_timers_come_in_the_order_of_their_moments_and_each_once() -> None:
    timers = Timers()
    for at_ms, symbol in ((30, "C"), (10, "A"), (20, "B"), (10, "D")):
        timers.set(at_ms, Timer(Due.FUNDING, symbol))
    timers.set(25, Timer(Due.FUNDING, "C"))
    timers.void(Timer(Due.FUNDING, "B"))
    taken = []
    while (found := timers.take(30)) is not None:
        taken.append((found[0], found[1].symbol))
    assert taken == [(10, "A"), (10, "D"), (25, "C")]


def test_a_timer_set_for_ever_leaves_nothing_behind() -> None:
    timers = Timers()
    for at in range(10_000):
        timers.set(at, Timer(Due.COUNTDOWN, BTC, "ann"))
    assert len(timers.waiting) <= IDLE_MAX + 3
