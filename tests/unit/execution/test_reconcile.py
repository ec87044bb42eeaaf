from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.orders import OrderType, PartiallyFilled, Progress, Side
from qt_ray.execution.books import Books
from qt_ray.execution.comparison import Known
from qt_ray.execution.entries import Carried, Opening, traded_of
from qt_ray.execution.findings import (
    Contradiction,
    Finding,
    ForeignOrder,
    MissingFill,
    MissingMovement,
    OrderDiffers,
    OrderGone,
    OrphanOrder,
    OrphanStop,
    PositionDiffers,
    WalletDiffers,
)
from qt_ray.execution.gateway.budget import weight_of
from qt_ray.execution.gateway.rules import Allowance
from qt_ray.execution.looks import CADENCE_MS, CALLS, WEIGHTS, Look, weight_minute
from qt_ray.execution.reconcile import AGAIN_MS, LATE_MS, SOON_MS, Outcome, Reconciler
from qt_ray.execution.standing import Proven
from qt_ray.execution.venue.calls import (
    AskIncome,
    AskOpenOrders,
    AskOrder,
    AskPositions,
    AskTrades,
    Call,
    Done,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.news import AccountNews, MarginCallNews, StreamDown, StreamUp
from qt_ray.execution.venue.views import IncomeView, OrderView, TradeView
from tests.unit.execution.venue_shown import BOTH, account_view, name, order_view, position_view, trade_view, working

pytestmark = pytest.mark.unit

START = 1_000
STOP = OrderType.STOP_MARKET


class World:
    """A venue that answers truly, and the books beside it; what is in `entries` is posted, as a shell would."""

    def __init__(self) -> None:
        self.trades: list[TradeView] = []
        self.incomes: list[IncomeView] = []
        self.orders: list[OrderView] = []
        self.known = Known({}, {"1": name(0)})
        self.books = Books(Opening(0, {"USDT": Decimal(1000)}), {"BTCUSDT": "USDT"})
        self.reconciler = Reconciler(self.books)
        self.outcomes: list[Outcome] = []
        self.limit = 1_000

    def shown(self, call: Call) -> Any:
        if isinstance(call, AskTrades):
            first = call.from_id or 0
            return tuple(t for t in self.trades if t.execution.trade_id >= first)[: self.limit]
        if isinstance(call, AskIncome):
            return tuple(i for i in self.incomes if i.time_ms >= call.since_ms)
        if call == CALLS[Look.POSITIONS]:
            held = sum((t.side.sign * t.execution.quantity for t in self.trades), Decimal(0))
            return (position_view(held),) if held else ()
        if call == CALLS[Look.BALANCE]:
            wallet = sum((t.realised - t.execution.fee for t in self.trades), Decimal(1000))
            return account_view(USDT=sum((i.amount for i in self.incomes), wallet))
        if isinstance(call, AskOrder):
            return order_view(call.client_id)
        assert isinstance(call, AskOpenOrders)
        listed = (o for o in self.orders if o.conditional is call.conditional)
        return tuple(o for o in listed if call.symbol in (None, o.symbol))

    def step(self, at_ms: int) -> list[Call]:
        calls = list(self.reconciler.due(at_ms))
        for call in calls:
            outcome = self.reconciler.answered(call, Done(self.shown(call)), at_ms, at_ms + 10, self.known)
            for entry in outcome.entries:
                self.books.post(entry)
            self.outcomes.append(outcome)
        return calls

    def run(self, from_ms: int, to_ms: int) -> None:
        for at_ms in range(from_ms, to_ms, 250):
            self.step(at_ms)

    def findings(self) -> list[Finding]:
        return [finding for outcome in self.outcomes for finding in outcome.findings]

    def settled(self) -> "World":
        self.reconciler.begin(("BTCUSDT",), START)
        self.run(START, 5_000)
        assert self.reconciler.why_closed(5_000) is None
        self.outcomes.clear()
        return self


def bought(number: int, quantity: str = "1", at_ms: int = 0) -> TradeView:
    return trade_view(number, Side.BUY, quantity, "100", at_ms=at_ms)


@pytest.mark.requirement("L8")
def test_the_door_opens_only_after_every_look_agreed_twice() -> None:
    world = World()
    assert world.reconciler.why_closed(START) == "entries wait until the venue can be heard"
    world.reconciler.begin(("BTCUSDT",), START)
    assert "what was missed" in (world.reconciler.why_closed(START) or "")
    world.step(START)
    assert "agree twice, agreed 1 times" in (world.reconciler.why_closed(START) or "")
    world.step(START + AGAIN_MS + 10)
    assert world.reconciler.why_closed(START + AGAIN_MS + 10) is None


def test_what_was_missed_before_the_start_is_fetched_with_its_own_numbers() -> None:
    world = World()
    world.trades = [bought(4), bought(9)]
    world.reconciler.begin(("BTCUSDT",), START)
    world.run(START, 6_000)
    assert world.findings() == [MissingFill(traded_of(trade, foreign=False)) for trade in world.trades]
    assert world.books.position("BTCUSDT").quantity == 2
    assert world.reconciler.why_closed(6_000) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=12))
def test_whatever_the_stream_loses_the_books_are_whole_within_seven_seconds(story: list[tuple[int, bool]]) -> None:
    world = World().settled()
    for number, (quantity, is_heard) in enumerate(story, 1):
        world.trades.append(bought(number, str(quantity), at_ms=5_000))
        if is_heard:
            world.books.post(traded_of(world.trades[-1], foreign=False))
    world.run(5_000, 12_000)
    assert [entry.execution.trade_id for entry in world.books.entries] == sorted(  # type: ignore[union-attr]
        (n for n in range(1, len(story) + 1)), key=lambda n: f"BTCUSDT:{n}:BUY"
    )
    assert not any(finding.is_break for finding in world.findings())
    assert world.reconciler.why_closed(12_000) is None


def test_a_page_that_is_full_is_followed_by_the_next() -> None:
    world = World()
    world.trades = [bought(number) for number in range(1, 2_501)]
    world.reconciler.begin(("BTCUSDT",), START)
    world.run(START, 5_000)
    assert world.books.position("BTCUSDT").quantity == 2_500
    assert world.reconciler.why_closed(5_000) is None


@pytest.mark.requirement("L8")
def test_a_difference_is_a_break_only_when_it_is_seen_twice() -> None:
    world = World().settled()
    world.books.post(traded_of(bought(7), foreign=False))
    differs = PositionDiffers("BTCUSDT", BOTH, Decimal(1), Decimal(0))
    world.run(5_000, 8_000)
    assert world.findings() == []
    assert any(differs in outcome.suspicions for outcome in world.outcomes)
    assert world.reconciler.why_closed(8_000) is None
    world.run(8_000, 9_000)
    assert differs in world.findings()
    assert "positions agree twice, agreed 0" in (world.reconciler.why_closed(9_000) or "")
    world.trades.append(bought(7))
    world.run(9_000, 13_000)
    assert world.reconciler.why_closed(13_000) is None


def test_a_break_is_told_once_and_again_only_after_it_went_away() -> None:
    world = World().settled()
    world.books.post(traded_of(bought(7), foreign=False))
    world.run(5_000, 20_000)
    assert len([f for f in world.findings() if isinstance(f, PositionDiffers)]) == 1


def test_trades_that_cancel_out_are_found_by_the_wallet() -> None:
    world = World().settled()
    world.trades = [bought(3, at_ms=6_000), trade_view(4, Side.SELL, "1", "110", "10", 6_000)]
    world.run(5_000, 40_000)
    assert [finding.trade.execution.trade_id for finding in world.findings() if isinstance(finding, MissingFill)] == [
        3,
        4,
    ]
    assert world.books.wallets["USDT"] == Decimal("1009.98")
    assert world.reconciler.why_closed(40_000) is None


def test_funding_that_the_stream_tells_of_is_fetched_as_a_movement_with_its_number() -> None:
    world = World().settled()
    world.incomes = [IncomeView(77, "FUNDING_FEE", "USDT", Decimal("-0.5"), "BTCUSDT", 6_500)]
    news = AccountNews("FUNDING_FEE", {}, {"USDT": Decimal("-0.5")}, (), 6_500)
    world.reconciler.heard(news, (), 6_500)
    assert AskIncome(0) in world.step(6_500)
    assert [type(finding) for finding in world.findings()] == [MissingMovement]
    assert world.books.wallets["USDT"] == Decimal("999.5")


def test_a_wallet_that_nothing_explains_is_a_break() -> None:
    world = World().settled()
    world.books.post(traded_of(trade_view(1, Side.BUY, "1", "100", "5"), foreign=False))
    world.books.post(traded_of(trade_view(2, Side.SELL, "1", "100"), foreign=False))
    world.run(5_000, 40_000)
    assert WalletDiffers("USDT", Decimal("1004.98"), Decimal(1000)) in world.findings()


def test_what_would_explain_a_wallet_is_asked_for_in_an_order_that_no_hash_decides() -> None:
    symbols = [f"{letter}USDT" for letter in "HCFADGBE"]
    books = Books(Opening(0, {"USDT": Decimal(1000)}, cursors=dict.fromkeys(symbols, 5)), {})
    reconciler = Reconciler(books)
    reconciler.answered(CALLS[Look.BALANCE], Done(account_view(USDT=Decimal(1001))), START, START, Known({}, {}))
    asked = [call.symbol for call in reconciler.due(START) if isinstance(call, AskTrades)]
    assert asked == sorted(symbols)


def test_what_an_earlier_life_has_proven_is_not_asked_for_again() -> None:
    world = World()
    world.trades = [bought(1), bought(2, at_ms=START), bought(3, at_ms=START + 60_000)]
    world.reconciler.begin(["BTCUSDT"], START)
    world.run(START, START + 60_000)
    world.reconciler.fetch("BTCUSDT", START + 65_000)
    world.run(START + 65_000, START + 70_000)
    proven = world.reconciler.proven
    assert proven.cursors == {"BTCUSDT": 2}  # the third is so young that one with a smaller number may follow it
    later = Reconciler(world.books, proven=proven)
    later.begin(["BTCUSDT"], START + 70_000)
    assert [call for call in later.due(START + 70_000) if isinstance(call, AskTrades | AskIncome)] == [
        AskIncome(proven.income_ms),
        AskTrades("BTCUSDT", from_id=3),
    ]
    assert later.proven == proven


def test_after_a_contradiction_nothing_more_is_proven_than_before() -> None:
    world = World().settled()
    for trades in ([bought(1)], [bought(1, quantity="2"), bought(2)]):
        call = AskTrades("BTCUSDT", since_ms=0)
        outcome = world.reconciler.answered(call, Done(tuple(trades)), START + 60_000, START + 60_000, world.known)
        for entry in outcome.entries:
            world.books.post(entry)
    assert world.reconciler.why_closed(START + 60_000) is not None
    assert world.reconciler.proven == Proven({}, 0)


def test_two_contents_under_one_number_are_reported_and_close_the_door() -> None:
    world = World().settled()
    world.books.post(traded_of(bought(7), foreign=False))
    world.trades = [bought(7, "2")]
    world.run(5_000, 8_000)
    assert any(isinstance(finding, Contradiction) for finding in world.findings())
    assert world.books.position("BTCUSDT").quantity == 1
    assert "contradiction" in (world.reconciler.why_closed(8_000) or "")


@pytest.mark.requirement("S7 PositionMonitor")
def test_a_foreign_order_is_told_of_and_closes_nothing() -> None:
    world = World().settled()
    world.orders = [order_view("web_1", venue_id="5")]
    world.run(5_000, 20_000)
    assert world.findings() == [ForeignOrder("BTCUSDT", "5", "web_1", False)]
    assert world.reconciler.why_closed(20_000) is None


def test_a_foreign_trade_is_adopted_and_flagged() -> None:
    world = World().settled()
    trade = TradeView("99", "BTCUSDT", Side.BUY, BOTH, bought(5).execution, Decimal(0))
    world.trades = [trade]
    world.run(5_000, 12_000)
    assert world.books.foreign == (traded_of(trade, foreign=True),)


def test_an_order_with_our_name_and_no_record_is_a_break() -> None:
    world = World().settled()
    world.orders = [order_view(name(9))]
    world.run(5_000, 12_000)
    assert OrphanOrder("BTCUSDT", name(9)) in world.findings()
    assert world.reconciler.why_closed(12_000) is not None


def test_an_order_that_is_gone_is_asked_for_by_name_at_once() -> None:
    world = World().settled()
    world.known = Known({name(0): working(name(0))}, {"1": name(0)})
    calls: list[Call] = []
    for at_ms in range(5_000, 12_000, 250):
        calls += world.step(at_ms)
    assert AskOrder("BTCUSDT", name(0)) in calls
    assert OrderGone("BTCUSDT", name(0)) in world.findings()


def test_an_order_heard_of_after_the_question_is_left_for_the_next_look() -> None:
    world = World().settled()
    world.known = Known({name(0): working(name(0), at_ms=50_000)}, {"1": name(0)})
    world.run(5_000, 20_000)
    assert world.findings() == []


def test_a_conditional_order_that_was_triggered_is_found_among_the_plain_ones() -> None:
    world = World().settled()
    stop = name(0, "stop")
    world.known = Known({stop: working(stop, type_=STOP)}, {"8": stop})
    world.orders = [order_view("autogenerated", venue_id="8")]
    world.run(5_000, 20_000)
    assert world.findings() == []


def test_an_order_of_which_more_was_traded_than_we_know_leads_to_its_trades() -> None:
    world = World().settled()
    known = PartiallyFilled(working(name(0)).intent, 0, Progress("1", (bought(1, "0.2").execution,), Decimal("0.2")))
    world.known = Known({name(0): known}, {"1": name(0)})
    world.orders = [order_view(name(0), executed="0.5")]
    calls: list[Call] = []
    for at_ms in range(5_000, 12_000, 250):
        calls += world.step(at_ms)
    assert any(isinstance(call, AskTrades) for call in calls)
    assert OrderDiffers("BTCUSDT", name(0), Decimal("0.2"), Decimal("0.5")) in world.findings()


@pytest.mark.requirement("S7 PositionMonitor")
def test_a_stop_that_protects_nothing_is_found() -> None:
    world = World().settled()
    stop = name(0, "stop")
    world.known = Known({stop: working(stop, type_=STOP)}, {})
    world.orders = [order_view(stop, STOP)]
    world.run(5_000, 16_000)
    assert world.findings() == [OrphanStop("BTCUSDT", stop)]


def test_a_stop_of_a_position_that_is_held_is_no_finding() -> None:
    world = World().settled()
    stop = name(0, "stop")
    world.known = Known({stop: working(stop, type_=STOP)}, {"1": name(0)})
    world.orders = [order_view(stop, STOP)]
    world.trades = [bought(3)]
    world.books.post(traded_of(world.trades[0], foreign=False))
    world.run(5_000, 16_000)
    assert world.findings() == []


def test_a_question_after_one_order_is_not_repeated_by_itself() -> None:
    world = World().settled()
    call = AskOrder("BTCUSDT", name(0))
    assert world.reconciler.answered(call, Unsure("cut"), 5_000, 5_000, world.known) == Outcome()
    assert call not in world.reconciler.due(60_000)


def test_a_full_page_of_movements_is_followed_by_the_next() -> None:
    world = World().settled()
    page = tuple(IncomeView(at, "FUNDING_FEE", "USDT", Decimal(1), "", 6_000 + at) for at in range(1_000))
    world.reconciler.answered(AskIncome(0), Done(page), 7_000, 7_000, world.known)
    assert AskIncome(6_999) in world.reconciler.due(7_000)


def test_news_of_trades_and_margins_asks_for_nothing() -> None:
    world = World().settled()
    before = world.reconciler.next_ms
    world.reconciler.heard(AccountNews("ORDER", {}, {}, (), 5_000), (), 5_000)
    world.reconciler.heard(MarginCallNews(("BTCUSDT",), 5_000), (), 5_000)
    assert world.reconciler.next_ms == before


def test_silence_closes_and_its_end_begins_anew() -> None:
    world = World().settled()
    world.reconciler.heard(StreamDown(5_000, "cut"), (), 5_000)
    assert world.reconciler.why_closed(5_000) is not None
    world.trades = [bought(3, at_ms=5_100)]
    world.reconciler.heard(StreamUp(6_000), ("BTCUSDT",), 6_000)
    assert world.reconciler.why_closed(6_000) is not None
    world.run(6_000, 9_500)
    assert world.books.position("BTCUSDT").quantity == 1
    assert world.reconciler.why_closed(9_500) is None


def test_after_a_silence_only_where_something_is_known_is_looked_at_again() -> None:
    world = World().settled()
    world.orders = [order_view("web_1", venue_id="5")]
    world.run(5_000, 12_000)
    world.reconciler.heard(StreamDown(12_100, "cut"), (), 12_100)
    world.reconciler.heard(StreamUp(12_200), ("ETHUSDT",), 12_200)
    asked = [call for call in world.step(12_200) if isinstance(call, AskOpenOrders)]
    assert set(asked) == {AskOpenOrders("BTCUSDT"), AskOpenOrders("BTCUSDT", conditional=True)}
    world.run(12_250, 14_000)
    assert world.reconciler.why_closed(14_000) is None


def test_where_nothing_is_open_what_we_traded_is_glanced_at() -> None:
    world = World().settled()
    world.reconciler.heard(StreamUp(5_600), ("ETHUSDT",), 5_600)
    asked = [call for call in world.step(5_600) if isinstance(call, AskOpenOrders)]
    assert {call.symbol for call in asked} == {"ETHUSDT"}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(100, 3_000), max_size=40))
def test_no_series_of_silences_keeps_a_strangers_order_hidden_or_uses_up_the_weight(pauses: list[int]) -> None:
    world = World().settled()
    breaks = [5_000 + sum(pauses[: number + 1]) for number in range(len(pauses))]
    world.orders = [replace(order_view("web_1", venue_id="5"), symbol="DOGEUSDT")]
    weight, found_ms = 0, None
    for at_ms in range(5_000, 20_000, 100):
        while breaks and breaks[0] <= at_ms:
            world.reconciler.heard(StreamUp(breaks.pop(0)), ("BTCUSDT",), at_ms)
        weight += sum(map(weight_of, world.step(at_ms)))
        found_ms = found_ms or (at_ms if world.findings() else None)
    assert found_ms is not None
    assert found_ms <= 5_000 + CADENCE_MS[Look.ORDERS]
    rhythm = weight_minute() // 4 + sum(WEIGHTS.values())
    assert weight <= rhythm + 30 * 4 + 29 * len(pauses)


def test_two_agreements_within_a_second_are_one() -> None:
    world = World()
    world.reconciler.begin(("BTCUSDT",), START)
    call = CALLS[Look.ORDERS]
    for at_ms in (START, START + 10, START + AGAIN_MS - 1):
        world.reconciler.answered(call, Done(()), at_ms, at_ms, world.known)
    assert world.reconciler._agreed[Look.ORDERS] == 1
    world.reconciler.answered(call, Done(()), START + AGAIN_MS, START + AGAIN_MS, world.known)
    assert world.reconciler._agreed[Look.ORDERS] == 2


def test_a_glance_finds_what_is_gone_and_says_nothing_of_other_symbols() -> None:
    world = World().settled()
    other = replace(working(name(1)), intent=replace(working(name(1)).intent, symbol="ETHUSDT"))
    world.known = Known({name(0): working(name(0), at_ms=1), name(1): other}, {})
    world.reconciler.heard(StreamUp(5_600), ("BTCUSDT",), 5_600)
    world.step(5_600)
    suspicions = [finding for outcome in world.outcomes for finding in outcome.suspicions]
    assert OrderGone("BTCUSDT", name(0)) in suspicions
    assert OrderGone("ETHUSDT", name(1)) not in suspicions


def test_a_part_of_a_glance_that_brings_nothing_is_asked_again_while_the_glance_is_wanted() -> None:
    world = World().settled()
    world.reconciler.heard(StreamUp(5_600), ("BTCUSDT",), 5_600)
    call = AskOpenOrders("BTCUSDT")
    assert call in world.reconciler.due(5_600)
    world.reconciler.answered(call, Unsure("cut"), 5_600, 5_700, world.known)
    assert call in world.reconciler.due(5_700 + AGAIN_MS)
    whole = CALLS[Look.ORDERS]
    world.reconciler.answered(whole, Done(()), 6_800, 6_800, world.known)
    world.reconciler.answered(call, Unsure("cut"), 6_700, 6_900, world.known)
    assert call not in world.reconciler._due_ms


def test_what_moved_the_wallet_is_asked_once_in_a_while_and_at_once_when_it_differs() -> None:
    world = World().settled()
    news = AccountNews("FUNDING_FEE", {}, {}, (), 0)
    asked = []
    for at_ms in range(10_000, 20_000, 250):
        world.reconciler.heard(news, (), at_ms)
        asked += [at_ms for call in world.step(at_ms) if isinstance(call, AskIncome)]
    assert asked == [10_000, 15_000]
    look = CALLS[Look.BALANCE]
    world.reconciler.answered(look, Done(account_view(USDT=Decimal(7))), 20_000, 20_000, world.known)
    assert any(isinstance(call, AskIncome) for call in world.reconciler.due(20_000))


@pytest.mark.parametrize("look", Look)
@pytest.mark.parametrize("answer", [Unsure("cut"), Throttled(-1003, 3_000), Done((), ("symbol: required",))])
def test_an_answer_that_is_not_whole_proves_nothing_and_is_asked_again(look: Look, answer: Any) -> None:
    world = World()
    world.reconciler.begin((), START)
    world.reconciler.due(START)
    assert world.reconciler.answered(CALLS[look], answer, START, START, world.known) == Outcome()
    wait = 3_000 if isinstance(answer, Throttled) else AGAIN_MS
    if isinstance(answer, Unsure) and look is Look.POSITIONS:
        wait = SOON_MS
    assert CALLS[look] not in world.reconciler.due(START + wait - 1)
    assert CALLS[look] in world.reconciler.due(START + wait)


@pytest.mark.parametrize("look", Look)
def test_a_look_that_stays_away_closes_the_door(look: Look) -> None:
    world = World().settled()
    seen = 5_000
    for at_ms in range(5_000, 5_000 + 4 * CADENCE_MS[look], 1_000):
        for call in world.reconciler.due(at_ms):
            if call != CALLS[look]:
                world.reconciler.answered(call, Done(world.shown(call)), at_ms, at_ms, world.known)
        seen = at_ms
    assert f"entries wait for {look.value}" in (world.reconciler.why_closed(seen) or "")


def test_a_question_is_in_flight_once_and_the_next_one_is_known() -> None:
    world = World()
    assert world.reconciler.next_ms is None
    world.reconciler.begin((), START)
    assert world.reconciler.next_ms == START
    assert len(world.reconciler.due(START)) == len(Look) + 1
    assert world.reconciler.due(START) == ()
    assert world.reconciler.next_ms == START + LATE_MS


def test_a_cheap_question_whose_answer_is_late_is_asked_each_second_and_a_dear_one_is_not() -> None:
    world = World()
    world.reconciler.begin(("BTCUSDT",), START)
    first = world.reconciler.due(START)
    for times in (1, 2):
        late = world.reconciler.due(START + times * LATE_MS)
        assert {type(call) for call in late} == {AskPositions, AskTrades}
        assert set(late) < set(first)
        assert world.reconciler.due(START + times * LATE_MS + 1) == ()
    for call in late:
        world.reconciler.answered(call, Done(world.shown(call)), START, START + 2_500, world.known)
    assert not set(late) & set(world.reconciler.due(START + 3 * LATE_MS))


def test_what_goes_on_differing_is_looked_at_less_and_less_often() -> None:
    world = World()
    world.reconciler.begin((), START)
    at_ms, pauses = START, []
    stranger = position_view("BTCUSDT", Decimal(1))
    for _ in range(6):
        world.reconciler.due(at_ms)
        world.reconciler.answered(CALLS[Look.POSITIONS], Done((stranger,)), at_ms, at_ms, world.known)
        pauses.append(world.reconciler._due_ms[CALLS[Look.POSITIONS]] - at_ms)
        at_ms += pauses[-1]
    assert pauses == [1_000, 2_000, 4_000, 5_000, 5_000, 5_000]


def test_looking_fits_the_share_of_queries_with_room_to_ask_after_orders() -> None:
    assert weight_minute() == 790
    allowance = Allowance()
    assert weight_minute() < allowance.weight_minute * allowance.cap_bps * allowance.queries_bps // 10_000**2 - 300


def test_positions_that_were_there_before_the_books_are_no_difference() -> None:
    books = Books(Opening(0, {}, (Carried("BTCUSDT", BOTH, Decimal(2), Decimal(100)),)), {})
    reconciler = Reconciler(books)
    reconciler.begin((), START)
    reconciler.due(START)
    call = CALLS[Look.POSITIONS]
    outcome = reconciler.answered(call, Done((position_view(Decimal(2)),)), START, START, Known({}, {}))
    assert outcome == Outcome()
