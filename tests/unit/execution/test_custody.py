from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.effects import Alert, Severity
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import OrderType, PositionSide, Side
from qt_ray.execution.awaited import PATIENCE_MS
from qt_ray.execution.books import Books
from qt_ray.execution.custody import KINDS_MAX, TAG, Custody, StopPlan
from qt_ray.execution.deeds import Ask, Deed, Halt, Post, Unwant, Want
from qt_ray.execution.entries import Moved, Opening, Traded, traded_in
from qt_ray.execution.gateway.effects import Answered, Effect, Send
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.listings import AGAIN_MS, EVERY_MS
from qt_ray.execution.standing import Proven
from qt_ray.execution.venue.calls import AskPositions, AskRules, AskTrades, Call, Done, Place, Refused
from qt_ray.execution.venue.news import (
    AccountNews,
    Held,
    LeverageNews,
    MarginCallNews,
    News,
    OrderNews,
    StreamUp,
    Unheeded,
    Unreadable,
)
from tests.simulation.process import LISTED
from tests.unit.execution.gateway.stories import RULES, entry, exit_, news, trade, trade_view, view
from tests.unit.execution.venue_shown import position_view

pytestmark = pytest.mark.unit

BTC = ("BTCUSDT", PositionSide.BOTH)


class Desk:
    """A gateway and its custody, joined as the shell joins them; what is journalled is kept, what is sent too."""

    def __init__(self, is_durable: bool = True) -> None:
        self.gateway = Gateway(RULES)
        self.books = Books(Opening(0, {"USDT": Decimal(10_000)}), dict.fromkeys(LISTED.symbols, "USDT"))
        self.custody = Custody(self.gateway.book, self.books, LISTED, "guard", Decimal("0.05"))
        self.is_durable = is_durable
        self.journal: list[Traded | Moved] = []
        self.sent: list[Call] = []
        self.numbers: dict[Call, int] = {}
        self.alerts: list[Alert] = []
        self.halts: list[str] = []
        self.carry(self.gateway.fenced(Fence(7, 10**12), 0))

    def carry(self, effects: list[Effect], at_ms: int = 0) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.sent.append(effect.call)
                self.numbers[effect.call] = effect.call_id
            self.do(self.custody.overheard(effect, at_ms), at_ms)

    def do(self, deeds: list[Deed], at_ms: int) -> None:
        posts = [deed.entry for deed in deeds if isinstance(deed, Post)]
        if posts and self.is_durable:
            self.journal += posts
            self.do(self.custody.posted(posts, at_ms), at_ms)
        for deed in deeds:
            if isinstance(deed, Want):
                self.carry(self.gateway.want(deed.intent, at_ms), at_ms)
            elif isinstance(deed, Unwant):
                self.carry(self.gateway.cancel(deed.client_id, deed.reason, at_ms), at_ms)
            elif isinstance(deed, Ask):
                self.carry(self.gateway.ask(deed.call, deed.lane, TAG, at_ms), at_ms)
            elif isinstance(deed, Halt):
                self.halts.append(deed.reason)
            elif isinstance(deed, Alert):
                self.alerts.append(deed)

    def hear(self, said: News, at_ms: int) -> None:
        self.carry(self.gateway.heard(said, at_ms), at_ms)
        self.do(self.custody.heard(said, at_ms), at_ms)

    def tick(self, at_ms: int) -> None:
        self.do(self.custody.ticked(at_ms), at_ms)

    def buy(self, at_ms: int = 10, quantity: int = 10) -> None:
        intent = entry(quantity=Decimal(quantity))
        self.carry(self.gateway.want(intent, at_ms), at_ms)
        self.hear(news(intent, "FILLED", quantity, trade(1, quantity), time_ms=at_ms), at_ms)

    def answer(self, call: Call, value: Any, at_ms: int) -> None:
        self.carry(self.gateway.answered(self.numbers[call], value, at_ms), at_ms)

    @property
    def stops(self) -> list[Place]:
        return [c for c in self.sent if isinstance(c, Place) and c.intent.type is OrderType.STOP_MARKET]

    def asked(self, kind: type) -> int:
        return sum(isinstance(call, kind) for call in self.sent)


def test_the_books_hold_nothing_that_is_not_durable() -> None:
    desk = Desk(is_durable=False)
    desk.buy()
    assert desk.books.entries == ()
    assert desk.stops == []
    durable = Desk()
    durable.buy()
    assert durable.books.entries == tuple(durable.journal)
    assert [stop.intent.quantity for stop in durable.stops] == [Decimal(10)]


MOMENTS = st.lists(st.sampled_from(["trade", "again", "account", "positions", "tick"]), max_size=12)


@given(MOMENTS)
@settings(max_examples=40, deadline=None)
def test_journal_and_books_are_the_same_whatever_is_heard_and_how_often(moments: list[str]) -> None:
    desk = Desk()
    desk.hear(StreamUp(0), 0)
    held = Held("BTCUSDT", PositionSide.BOTH, Decimal(10), Decimal(100), Decimal(0))
    for at_ms, moment in enumerate(moments, 1):
        if moment in ("trade", "again"):
            desk.hear(news(entry(), "FILLED", 10, trade(at_ms if moment == "trade" else 1, 10)), at_ms * 100)
        elif moment == "account":
            desk.hear(AccountNews("ORDER", {}, {}, (held,), at_ms), at_ms * 100)
        elif moment == "positions" and AskPositions() in desk.numbers:
            desk.answer(AskPositions(), Done((position_view(Decimal(10)),)), at_ms * 100)
        else:
            desk.tick(at_ms * 100)
    again = Books.of(desk.books.opening, dict.fromkeys(LISTED.symbols, "USDT"), desk.journal)
    assert again.digest() == desk.books.digest()


def test_a_stop_that_has_just_triggered_is_not_placed_again() -> None:
    desk = Desk()
    desk.buy()
    (stop,) = desk.stops
    desk.answer(stop, Done(view(stop.intent, venue_id="a1")), 20)
    closed = exit_(client_id=stop.intent.client_id)
    desk.carry(desk.gateway.heard(news(closed, "FILLED", 10, trade(2, 10), venue_id="5"), 30), 30)
    desk.tick(30)
    assert len(desk.stops) == 1
    desk.do(desk.custody.heard(news(closed, "FILLED", 10, trade(2, 10), venue_id="5"), 31), 31)
    assert desk.books.positions == {}
    assert len(desk.stops) == 1


def test_a_trade_that_only_the_gateway_heard_of_is_posted_at_once_and_fetched_by_nobody() -> None:
    desk = Desk()
    intent = entry()
    told = news(intent, "FILLED", 10, trade(1, 10))
    desk.carry(desk.gateway.want(intent, 0))
    desk.carry(desk.gateway.heard(told, 10))
    posted = desk.custody.books.trade(intent.symbol, 1, intent.side)
    assert posted == traded_in(told, foreign=False)
    desk.tick(10 + PATIENCE_MS)
    assert desk.asked(AskTrades) == 0


def test_a_position_that_is_told_and_whose_trade_never_comes_is_fetched() -> None:
    desk = Desk()
    held = Held("ETHUSDT", PositionSide.BOTH, Decimal(1), Decimal(3_000), Decimal(0))
    desk.hear(AccountNews("ORDER", {}, {}, (held,), 5), 5)
    assert desk.custody.next_ms <= 5 + PATIENCE_MS
    desk.tick(5 + PATIENCE_MS)
    assert [call.symbol for call in desk.sent if isinstance(call, AskTrades)] == ["ETHUSDT"]


def test_a_trade_held_to_be_of_a_stranger_is_ours_once_its_order_is_known() -> None:
    desk = Desk()
    intent = entry()
    desk.carry(desk.gateway.want(intent, 0))
    desk.hear(StreamUp(0), 0)
    asked = next(call for call in desk.sent if isinstance(call, AskTrades))
    desk.answer(asked, Done((trade_view(intent, trade(1, 10)),)), 10)
    assert [entry_.foreign for entry_ in desk.journal] == [True]
    desk.hear(news(intent, "FILLED", 10, trade(1, 10)), 20)
    assert [entry_.foreign for entry_ in desk.journal] == [True, False]
    assert desk.books.foreign == ()


def stranger(client_id: str) -> OrderNews:
    return news(entry(client_id=client_id), "FILLED", 10, trade(1, 10))


@pytest.mark.parametrize(
    ("said", "severity", "title"),
    [
        (LeverageNews("BTCUSDT", 5, 1), Severity.WARNING, "a symbol's leverage was set"),
        (MarginCallNews(("BTCUSDT",), 1), Severity.CRITICAL, "the venue calls for margin"),
        (Unreadable("price: a number", "{", 1), Severity.WARNING, "the venue said what breaks a rule"),
        (stranger("web_1"), Severity.WARNING, "somebody else trades this account"),
        (stranger("autoclose-1"), Severity.CRITICAL, "the venue closed a position by force"),
        (stranger("adl_autoclose_1"), Severity.CRITICAL, "the venue closed a position by force"),
    ],
)
def test_a_person_hears_of_what_we_did_not_do(said: News, severity: Severity, title: str) -> None:
    desk = Desk()
    desk.hear(said, 1)
    desk.hear(said, 2) if isinstance(said, OrderNews | Unreadable) else None
    assert [(alert.severity, alert.title) for alert in desk.alerts] == [(severity, title)]


def test_what_is_of_no_use_is_counted_and_its_kinds_are_bounded() -> None:
    desk = Desk()
    for number in range(KINDS_MAX * 2):
        desk.hear(Unheeded(f"KIND_{number}", 1), 1)
    assert sum(desk.custody.counts.values()) == KINDS_MAX * 2
    assert len(desk.custody.counts) <= KINDS_MAX + 1


def test_a_refusal_by_the_rules_makes_us_read_them_and_a_hundred_do_so_once() -> None:
    desk = Desk()
    desk.tick(0)
    for number in range(100):
        intent = exit_(number)
        desk.carry(desk.gateway.want(intent, number), number)
        desk.answer(Place(intent), Refused(-1111, "Precision is over the maximum."), number)
    assert desk.asked(AskRules) == 1
    finer = {**LISTED.symbols, "BTCUSDT": replace(LISTED.symbols["BTCUSDT"], tick=Decimal("0.5"), status="SETTLING")}
    desk.answer(AskRules(), Done(replace(LISTED, symbols=finer)), 200)
    assert desk.custody.listings.symbols["BTCUSDT"].tick == Decimal("0.5")
    (alert,) = desk.alerts
    assert (alert.severity, alert.title) == (Severity.CRITICAL, "the venue changed its rules")
    assert "tick was 0.1 and is 0.5" in alert.detail


def test_rules_are_read_each_hour_and_again_soon_when_the_venue_did_not_answer() -> None:
    desk = Desk()
    desk.tick(0)
    desk.tick(EVERY_MS - 1)
    assert desk.asked(AskRules) == 0
    desk.tick(EVERY_MS)
    assert desk.asked(AskRules) == 1
    desk.answer(AskRules(), Refused(-1, "no"), EVERY_MS + 1)
    desk.tick(EVERY_MS + AGAIN_MS - 1)
    assert desk.asked(AskRules) == 1
    desk.tick(EVERY_MS + AGAIN_MS)
    assert desk.asked(AskRules) == 2


def test_a_review_lets_the_venue_show_what_was_traded_since_the_last() -> None:
    desk = Desk()
    desk.buy()
    assert desk.asked(AskTrades) == 0
    desk.do(desk.custody.review(60_000), 60_000)
    desk.answer(AskTrades("BTCUSDT", since_ms=0), Done((trade_view(entry(), trade(1, 10)),)), 60_050)
    assert desk.custody.proven.cursors == {"BTCUSDT": 1}


def test_a_trade_of_a_symbol_that_was_just_listed_waits_for_its_rules() -> None:
    desk = Desk()
    desk.tick(0)
    desk.hear(news(entry(symbol="NEWUSDT", client_id="web_1"), "FILLED", 10, trade(1, 10)), 5)
    assert desk.journal == []
    assert desk.custody.proven == Proven({}, 0)  # nothing is proven while a trade waits outside the books
    assert desk.asked(AskRules) == 1
    listed = {**LISTED.symbols, "NEWUSDT": replace(LISTED.symbols["BTCUSDT"], symbol="NEWUSDT")}
    desk.answer(AskRules(), Done(replace(LISTED, symbols=listed)), 9)
    assert [posted.symbol for posted in desk.journal] == ["NEWUSDT"]
    assert desk.books.position("NEWUSDT").quantity == Decimal(10)


@given(st.decimals(1, 99, places=3), st.sampled_from(list(Side)))
@settings(max_examples=30, deadline=None)
def test_a_planned_stop_stands_on_the_tick_and_never_further_from_the_market(price: Decimal, side: Side) -> None:
    desk = Desk()
    far = price if side is Side.BUY else 200 - price
    desk.do(desk.custody.plan(BTC, StopPlan(far, "plan", 2, 7), 0), 0)
    intent = entry(side=side)
    desk.carry(desk.gateway.want(intent, 1), 1)
    desk.hear(news(intent, "FILLED", 10, trade(1, 10), side=side), 2)
    (stop,) = desk.stops
    trigger = stop.intent.trigger_price or Decimal(0)
    assert trigger % LISTED.symbols["BTCUSDT"].tick == 0
    assert 0 <= side.sign * (trigger - far) < LISTED.symbols["BTCUSDT"].tick
    assert stop.intent.decision_id == "plan"


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_no_price_that_is_none_becomes_a_mark_or_a_plan(price: str) -> None:
    desk = Desk()
    with pytest.raises(Invalid, match="a mark is above zero"):
        desk.custody.marked("BTCUSDT", Decimal(price), 0)
    with pytest.raises(Invalid, match="a stop's price is above zero"):
        StopPlan(Decimal(price), "plan", 1, 1)


def test_a_mark_beyond_the_stop_closes_the_position() -> None:
    desk = Desk()
    desk.do(desk.custody.plan(BTC, StopPlan(Decimal(95), "plan", 2, 7), 0), 0)
    desk.buy()
    (stop,) = desk.stops
    desk.do(desk.custody.marked("BTCUSDT", Decimal(94), 3_000), 3_000)
    closes = [c.intent for c in desk.sent if isinstance(c, Place) and c.intent.reduce_only and c != stop]
    assert [(close.type, close.quantity) for close in closes] == [(OrderType.MARKET, Decimal(10))]
    assert desk.alerts[-1].title == "a position could not be protected"


def test_a_refused_key_is_told_once_and_again_only_after_it_was_well() -> None:
    desk = Desk()
    no = Refused(-2015, "Invalid API-key, IP, or permissions for action.")
    for at_ms, answer in enumerate((no, no, Done(()), no), 1):
        desk.do(desk.custody.overheard(Answered(TAG, AskPositions(), answer), at_ms), at_ms)
    assert [alert.title for alert in desk.alerts] == ["the venue refuses our key"] * 2


def test_a_stop_that_stands_off_a_new_grid_is_replaced_by_one_on_it() -> None:
    desk = Desk()
    desk.tick(0)
    desk.buy()
    (stop,) = desk.stops
    desk.answer(stop, Done(view(stop.intent, venue_id="a1")), 20)
    coarse = {**LISTED.symbols, "BTCUSDT": replace(LISTED.symbols["BTCUSDT"], tick=Decimal("0.7"))}
    desk.custody.listings.doubt(1_500)
    desk.tick(1_500)
    desk.answer(AskRules(), Done(replace(LISTED, symbols=coarse)), 1_501)
    desk.tick(3_000)
    assert [each.intent.trigger_price for each in desk.stops] == [Decimal("95.0"), Decimal("95.2")]


def test_answers_of_others_are_none_of_our_business() -> None:
    desk = Desk()
    assert desk.custody.overheard(Answered("another", AskPositions(), Done(())), 1) == []


@pytest.mark.parametrize(("name", "halts"), [("autoclose-1", 1), ("adl_autoclose_1", 0), ("web_1", 0)])
def test_a_liquidation_halts_the_account_once_and_what_others_do_does_not(name: str, halts: int) -> None:
    desk = Desk()
    for _ in range(2):
        desk.hear(stranger(name), 20)
    assert len(desk.halts) == halts
    assert all(reason.startswith("the venue liquidates, BTCUSDT: ") for reason in desk.halts)
