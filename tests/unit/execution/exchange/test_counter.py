from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import Intent, OrderType, PositionSide, Side, TimeInForce
from qt_ray.execution.exchange.counter import TRADING_KEY, Counter
from qt_ray.execution.exchange.heard import news_of
from qt_ray.execution.exchange.told import TradeTold
from qt_ray.execution.exchange.values import SelfTrade, Working
from qt_ray.execution.exchange.wishes import conditional, plain
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import Done, Refused
from qt_ray.execution.venue.news import AccountNews, MarginCallNews, OrderNews, Unheeded
from tests.unit.execution.exchange.floor import BTC, ETH, START, D, around, buy, exchange

pytestmark = pytest.mark.unit

NAMES = st.sampled_from(["a", "b", "never"])
SYMBOLS = st.sampled_from([BTC, ETH, "NEVERUSDT"])
SMALL = st.decimals("0.001", "2", places=3)
PRICES = st.decimals("60", "140", places=1)


def intent(name: str = "a", **changes: Any) -> Intent:
    return replace(Intent(name, BTC, Side.BUY, OrderType.MARKET, D("0.1"), "decision", 1, 1), **changes)


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    kind = draw(st.sampled_from([kind for kind in OrderType if kind is not OrderType.TRAILING_STOP_MARKET]))
    time_in_force = draw(st.sampled_from(TimeInForce)) if kind is OrderType.LIMIT else TimeInForce.GTC
    return intent(
        draw(NAMES),
        symbol=draw(SYMBOLS),
        side=draw(st.sampled_from(Side)),
        type=kind,
        quantity=draw(SMALL),
        reduce_only=draw(st.booleans()),
        limit_price=draw(PRICES) if kind.has_limit else None,
        trigger_price=draw(PRICES) if kind.has_trigger else None,
        time_in_force=time_in_force,
        position_side=draw(st.sampled_from(PositionSide)),
    )


def whatever(kind: type) -> st.SearchStrategy[Any]:
    """Return calls of a kind with any values that its fields may have."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "intent": intents(),
        "intents": st.lists(intents(), max_size=6).map(tuple),
        "client_ids": st.lists(NAMES, max_size=11).map(tuple),
        "client_id": NAMES,
        "venue_id": st.sampled_from(["1", "2", "99", "x", "１", ""]),
        "symbol": SYMBOLS,
        "conditional": st.booleans(),
        "side": st.sampled_from(Side),
        "quantity": SMALL,
        "price": PRICES,
        "after_ms": st.sampled_from([0, 50, -1]),
        "from_id": st.none() | st.integers(0, 5),
        "since_ms": st.integers(0, 2 * START),
        "limit": st.integers(0, 5),
        "kind": st.sampled_from([None, "COMMISSION"]),
        "levels": st.sampled_from(calls.LEVELS),
        "leverage": st.integers(0, 130),
        "isolated": st.booleans(),
        "hedge": st.booleans(),
    }
    wanted = {name: fields[name] for name in kind.__dataclass_fields__}  # type: ignore[attr-defined]
    return st.builds(kind, **wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(get_args(calls.Call)).flatmap(whatever), max_size=12))
def test_whatever_is_asked_is_done_or_refused_and_never_thrown(asked: list[calls.Call]) -> None:
    counter = Counter(exchange(), "ann")
    for at, call in enumerate(asked):
        assert isinstance(counter.ask(call, START + at), Done | Refused)


@settings(max_examples=60, deadline=None)
@given(st.lists(intents(), max_size=10))
def test_whoever_kept_the_news_holds_what_the_exchange_shows(wanted: list[Intent]) -> None:
    counter = Counter(exchange(), "ann")
    for at, one in enumerate(wanted):
        counter.ask(calls.Place(one), START + at)
    told = counter.news()
    last = {one.venue_id: one.status for one in told if isinstance(one, OrderNews)}
    shown = counter.exchange.orders("ann")
    assert last == {str(order.id): order.state for order in shown}
    wallets = [one.wallets for one in told if isinstance(one, AccountNews)]
    account = counter.ask(calls.AskAccount(), START + 100)
    assert isinstance(account, Done)
    assert account.value.wallets == (wallets[-1] if wallets else {"USDT": D(10_000)})


def test_every_kind_of_call_is_carried_out() -> None:
    counter = Counter(exchange(), "ann")
    resting = intent("r", type=OrderType.LIMIT, limit_price=D(90), quantity=D(1))
    stop = intent("s", type=OrderType.STOP_MARKET, trigger_price=D(90), side=Side.SELL, reduce_only=True)
    asked: list[tuple[calls.Call, Any]] = [
        (calls.SetMargin(ETH, True), None),
        (calls.SetLeverage(BTC, 10), lambda mode: (mode.symbol, mode.leverage) == (BTC, 10)),
        (calls.Place(intent()), lambda order: order.status == "FILLED"),
        (calls.Place(stop), lambda order: order.conditional),
        (calls.PlaceMany((resting,)), lambda found: found[0].value.status == "NEW"),
        (calls.Amend(BTC, "r", Side.BUY, D(2), D(90)), lambda order: order.quantity == 2),
        (calls.AskOrder(BTC, "r"), lambda order: order.client_id == "r"),
        (calls.AskOrder(BTC, "s", True), lambda order: order.client_id == "s"),
        (calls.AskOpenOrders(BTC), lambda found: [one.client_id for one in found] == ["r"]),
        (calls.AskOpenOrders(None, True), lambda found: [one.client_id for one in found] == ["s"]),
        (calls.AskTrades(BTC), lambda found: [one.execution.quantity for one in found] == [D("0.1")]),
        (calls.AskIncome(0), lambda found: [one.kind for one in found] == ["COMMISSION"]),
        (calls.AskPositions(), lambda found: [one.quantity for one in found] == [D("0.1")]),
        (calls.AskAccount(), lambda account: account.available < 10_000),
        (calls.AskMode(), lambda mode: (mode.symbols[ETH].isolated, mode.hedge) == (True, False)),
        (calls.AskKey(), TRADING_KEY),
        (calls.AskRules(), lambda rules: rules.symbols[BTC].tick == D("0.1")),
        (calls.AskBrackets(), lambda found: [one.leverage_max for one in found[BTC]] == [100, 20, 5]),
        (calls.AskBook(BTC, 5), lambda book: book.bids[0] == (D("99.9"), D(100))),
        (calls.AskMarks(), lambda marks: marks[BTC].mark == 100),
        (calls.AskTime(), START),
        (calls.Countdown(BTC, 1_000), None),
        (calls.CancelMany(BTC, ("r",)), lambda found: found[0].value.status == "CANCELED"),
        (calls.Cancel(BTC, "s", True), lambda order: order.status == "CANCELED"),
        (calls.Place(resting), lambda order: order.status == "NEW"),
        (calls.CancelById(BTC, "3"), lambda order: order.client_id == "r"),
        (calls.Place(stop), lambda order: order.venue_id == "2"),
        (calls.CancelById(BTC, "2", True), lambda order: order.status == "CANCELED"),
        (calls.Place(replace(resting, client_id="q")), lambda order: order.status == "NEW"),
        (calls.Cancel(BTC, "q"), lambda order: order.status == "CANCELED"),
        (calls.CancelAll(BTC), None),
        (calls.CancelAll(BTC, True), None),
        (calls.Place(intent("out", side=Side.SELL, reduce_only=True)), lambda order: order.status == "FILLED"),
        (calls.SetHedgeMode(True), None),
    ]
    assert {type(call) for call, _ in asked} == set(get_args(calls.Call))
    for call, expected in asked:
        answer = counter.ask(call, START)
        assert isinstance(answer, Done), (call, answer)
        assert expected(answer.value) if callable(expected) else answer.value == expected, answer


def test_a_thin_margin_is_called_by_its_symbols() -> None:
    counter = Counter(exchange(wallet="1000"), "ann")
    counter.ask(calls.Place(intent(quantity=D(90))), START)
    counter.news()
    counter.exchange.quote(around("90.1"), START + 1)
    assert MarginCallNews((BTC,), START + 1) in counter.news()


def test_news_of_another_account_and_of_the_market_are_not_ours() -> None:
    x = exchange("ann", "bob")
    counter = Counter(x, "ann")
    x.place("bob", buy("1"), START)
    assert counter.news() == []
    assert news_of(TradeTold(BTC, 1, D(100), D(1), False, START), "ann") is None


def test_pooling_assets_is_no_news_that_we_have_a_use_for() -> None:
    x = exchange()
    x.set_multi_assets("ann", True, START)
    (told,) = Counter(x, "ann").news()
    assert told == Unheeded("ACCOUNT_CONFIG_UPDATE/ai", START)


@pytest.mark.parametrize("venue_id", ["", "x", "-1", "１", "1_0"])
def test_a_venues_number_is_plain_digits(venue_id: str) -> None:
    answer = Counter(exchange(), "ann").ask(calls.CancelById(BTC, venue_id), START)
    assert isinstance(answer, Refused)
    assert answer.code == -1100


def test_a_conditional_order_in_a_batch_is_refused_and_hides_no_other() -> None:
    stop = intent("b", type=OrderType.STOP_MARKET, trigger_price=D(90), side=Side.SELL)
    answer = Counter(exchange(), "ann").ask(calls.PlaceMany((intent(), stop)), START)
    assert isinstance(answer, Done)
    first, second = answer.value
    assert (first.value.status, second.code) == ("FILLED", -4120)


def test_time_passes_with_each_call() -> None:
    counter = Counter(exchange(), "ann")
    resting = intent(type=OrderType.LIMIT, limit_price=D(90))
    counter.ask(calls.Place(resting), START)
    counter.ask(calls.Countdown(BTC, 50), START)
    assert counter.ask(calls.AskTime(), START + 49) == Done(START + 49)
    assert isinstance(counter.ask(calls.Cancel(BTC, "a"), START + 50), Refused)


def test_a_key_is_what_it_was_given_as() -> None:
    readonly = replace(TRADING_KEY, may_trade=False)
    assert Counter(exchange(), "ann", readonly).ask(calls.AskKey(), START) == Done(readonly)


@given(intents())
def test_what_only_reduces_never_gives_way_and_entries_always_do(wanted: Intent) -> None:
    made = conditional(wanted) if wanted.type.is_conditional else plain(wanted)
    assert made.self_trade is (SelfTrade.NONE if wanted.reduce_only else SelfTrade.EXPIRE_TAKER)
    assert made.reduce_only is (wanted.reduce_only and wanted.position_side is PositionSide.BOTH)


@given(intents())
def test_stops_watch_the_mark_and_profits_the_last_price(wanted: Intent) -> None:
    is_stop = wanted.type in (OrderType.STOP, OrderType.STOP_MARKET)
    assert conditional(wanted).working is (Working.MARK_PRICE if is_stop else Working.CONTRACT_PRICE)
