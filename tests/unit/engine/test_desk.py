"""SPEC laws 6, 7 and 10: a desk is a fold of its journal, and decides what its simulated twin decides."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from qt_ray.core.errors import Invalid
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Decided, Entry, Handed, Rated, Told, encoded, entry_of, watched
from qt_ray.engine.desk_kept import Kept
from qt_ray.engine.tidings import Ended, Filled, Holding, Paid, Stand, Tiding
from qt_ray.execution.slots import Place
from qt_ray.risk.hindrance import Hindrance
from tests.unit.engine.desks import Twin, began, chain_of, decided, names_of, ruled, story

pytestmark = pytest.mark.unit

TWIN, ENTRIES, BOOK = story(300)


def fresh() -> DeskBook:
    return DeskBook(began(TWIN.bars, TWIN.setup))


@pytest.mark.requirement("L10")
def test_a_desk_that_is_told_what_its_twin_was_told_decides_the_same_bit_for_bit() -> None:
    made = [entry for entry in ENTRIES if isinstance(entry, Decided)]
    book = fresh()
    at = 0
    for entry in ENTRIES:
        decision = book.take(entry).decision
        if decision is not None:
            assert decision.rows.tobytes() == TWIN.rows(at).tobytes(), f"cycle {at}"
            at += 1
    assert at == len(made) == 300
    assert book.counts["fills"] > 20


def test_a_desk_knows_how_much_of_the_permitted_exposure_it_takes() -> None:
    book, shares = fresh(), set[int]()
    for entry in ENTRIES:
        book.take(entry)
        share = book.facts["exposure_share_bps"]
        assert isinstance(share, int)
        assert book.facts["positions"] == 0 or share > 0
        shares.add(share)
    assert min(shares) == 0
    assert 0 < max(shares) <= 11_000


def test_what_was_written_down_leads_to_the_same_desk_and_the_same_errands() -> None:
    book, owed = fresh(), list[object]()
    for entry in ENTRIES:
        owed.append(book.take(entry_of(encoded(entry))).errands)
    assert book.kept.encoded() == BOOK.kept.encoded()
    again = fresh()
    assert [again.take(entry).errands for entry in ENTRIES] == owed


def test_losses_in_a_row_are_counted_until_there_is_none() -> None:
    book, streak, seen = fresh(), 0, set[int]()
    for entry in ENTRIES:
        for trip in book.take(entry).closed:
            streak = streak + 1 if trip.result < 0 else 0
        assert book.facts["losing_streak"] == streak
        seen.add(streak)
    assert {0, 1} <= seen


@pytest.mark.parametrize("cut", [1, 100, 333, 500])
def test_a_snapshot_and_what_came_after_it_lead_to_the_same_desk(cut: int) -> None:
    book = fresh()
    for entry in ENTRIES[:cut]:
        book.take(entry)
    resumed = DeskBook.resumed(Kept.of(book.kept.encoded()))
    for entry in ENTRIES[cut:]:
        resumed.take(entry)
    assert resumed.kept.encoded() == BOOK.kept.encoded()


def test_a_decision_that_does_not_follow_from_its_record_is_refused_and_changes_nothing() -> None:
    book = fresh()
    first, *_ = (entry for entry in ENTRIES if isinstance(entry, Decided))
    before = book.kept.encoded()
    with pytest.raises(Invalid, match="a decision made again is the same"):
        book.take(replace(first, digest="0" * 64))
    assert book.kept.encoded() == before


def test_a_tiding_that_is_told_twice_counts_once() -> None:
    twice = [entry for entry in ENTRIES for _ in range(2 if isinstance(entry, Told) else 1)]
    book = fresh()
    for entry in twice:
        book.take(entry)
    assert book.kept.encoded() == BOOK.kept.encoded()


def test_only_so_many_orders_open_something_in_one_cycle_and_the_rest_is_counted() -> None:
    twin = Twin(120, symbols=8)
    book, chain = DeskBook(began(twin.bars, twin.setup, openings_max=2)), chain_of(8)
    book.take(ruled(twin.setup))
    most = 0
    for at in range(len(twin.bars)):
        outcome = book.take(decided(book, chain, twin.bars.window(at, at + 1)))
        opening = [intent for intent in outcome.errands.place if not intent.reduce_only]
        most = max(most, len(opening))
        assert outcome.decision is not None
        confidences = dict(zip(twin.bars.symbols, outcome.decision.rows["confidence"], strict=True))
        wanted = {one.symbol for one in book.fund.wanted() if one.place is Place.ENTRY}
        assert {intent.symbol for intent in opening} <= wanted
        assert all(confidences[intent.symbol] > 0 for intent in opening)
        book.take(Told(tuple(_ended(book))))
    assert most == 2
    assert book.counts["dropped"] > 0


def _ended(book: DeskBook) -> list[Tiding]:
    sent = book.runner.rounds.sent
    return [Tiding(book.told + 1 + at, Ended(one.client_id, one.symbol, 0)) for at, one in enumerate(sent)]


def wanting() -> tuple[DeskBook, Filled]:
    """Return a desk whose first entry is under way, and the trade that fills it."""
    book = fresh()
    for entry in ENTRIES:
        outcome = book.take(entry)
        if outcome.errands.place:
            intent = outcome.errands.place[0]
            i, instrument = book.fund.place_of(intent.symbol)
            price = instrument.price(int(book.fund.world.quotes["last"][i]))  # type: ignore[call-overload]
            amounts = (intent.side.sign * intent.quantity, price, Decimal(1), Decimal(0))
            return book, Filled(intent.client_id, intent.symbol, 1, *amounts, 1, False)
    raise AssertionError("a desk wants something once")


def test_a_fill_brings_a_stop_and_a_target_at_once() -> None:
    book, fill = wanting()
    errands = book.take(Told((Tiding(book.told + 1, fill),))).errands
    assert errands.stops[fill.symbol] is not None
    assert [intent.reduce_only for intent in errands.place if intent.symbol == fill.symbol] == [True]
    assert book.positions[fill.symbol] == fill.quantity


def test_a_trade_that_nobody_here_asked_for_is_booked_like_any_other() -> None:
    book, fill = wanting()
    strange = replace(fill, client_id="somebody")
    outcome = book.take(Told((Tiding(book.told + 1, strange),)))
    assert book.positions[fill.symbol] == fill.quantity
    assert outcome.errands.stops[fill.symbol] is not None
    closing = replace(strange, quantity=-fill.quantity, realised=Decimal(7))
    outcome = book.take(Told((Tiding(book.told + 1, closing),)))
    assert book.positions[fill.symbol] == 0
    (trip,) = outcome.closed
    assert (trip.realised, trip.fees, trip.cause) == (7, 2, "another's order")


@pytest.mark.parametrize(
    ("strategy", "cause"), [("guard", "stop"), ("hand", "by_hand"), ("flat", "emergency"), ("other", "another's order")]
)
def test_a_position_is_said_to_be_closed_by_whoever_has_closed_it(strategy: str, cause: str) -> None:
    book, fill = wanting()
    assert book.take(Told((Tiding(book.told + 1, fill),))).errands.stops[fill.symbol] is not None
    name = str(ClientOrderId(strategy, intent_id("d", "close")))
    loss = 100 * book.fund.place_of(fill.symbol)[1].tick * (-1 if fill.quantity > 0 else 1)
    closing = replace(fill, client_id=name, quantity=-fill.quantity, price=fill.price + loss)
    (trip,) = book.take(Told((Tiding(book.told + 1, closing),))).closed
    assert trip.cause == cause
    hits: Any = book.fund.world.account[0]
    assert int(hits["stop_hits"]) == (cause == "stop")


def test_a_trade_in_a_symbol_of_nobody_moves_the_wallet_alone() -> None:
    book, fill = wanting()
    before = book.fund.world.account["wallet"][0]  # type: ignore[call-overload]
    book.take(Told((Tiding(book.told + 1, replace(fill, symbol="OTHERUSDT", realised=Decimal(3))),)))
    assert book.fund.world.account["wallet"][0] - before == 2 * 10**8  # type: ignore[call-overload]


def test_the_books_are_believed_and_what_was_believed_before_is_told() -> None:
    book, fill = wanting()
    held = Holding(Decimal(3) * abs(fill.quantity), fill.price)
    stand = Stand(Decimal(9_000), {fill.symbol: held, "OTHERUSDT": Holding(Decimal(1), Decimal(1))}, (), 5)
    outcome = book.take(Told((Tiding(book.told + 1, stand),)))
    assert {one.what for one in outcome.differences} == {fill.symbol, "OTHERUSDT", "wallet"}
    assert book.positions[fill.symbol] == held.quantity
    assert outcome.errands.stops[fill.symbol] is not None
    assert not book.runner.of(fill.symbol) or all(one.place is not Place.ENTRY for one in book.runner.of(fill.symbol))
    again = book.take(Told((Tiding(book.told + 1, replace(stand, ts_ms=6)),)))
    assert {one.what for one in again.differences} == {"OTHERUSDT"}


def test_an_order_that_is_at_work_survives_a_stand() -> None:
    book, fill = wanting()
    stand = Stand(Decimal(10_000), {}, (fill.client_id,), 5)
    book.take(Told((Tiding(book.told + 1, stand),)))
    assert book.runner.sent(fill.client_id) is not None


def test_payments_reach_the_wallet_by_their_cause() -> None:
    book = fresh()
    book.take(ENTRIES[0])
    paid = (Paid("funding", Decimal(-2), 1), Paid("transfers", Decimal(100), 2), Paid("insurance", Decimal(1), 3))
    book.take(Told(tuple(Tiding(at, what) for at, what in enumerate(paid, 1))))
    account = book.fund.world.account[0]
    assert (account["wallet"], account["transfers"]) == (10_099 * 10**8, 100 * 10**8)  # type: ignore[index]


def test_what_was_handed_over_is_owed_no_more() -> None:
    book, _ = wanting()
    count = len(book.due)
    book.take(Handed(1))
    assert len(book.due) == count - 1


def test_rates_make_funding_known_and_a_symbol_of_nobody_is_passed_over() -> None:
    book = fresh()
    book.take(Rated({TWIN.bars.symbols[0]: Decimal("0.0003"), "OTHERUSDT": Decimal(1)}))
    quotes = book.fund.world.quotes
    assert (quotes[0]["funding"], quotes[0]["funding_known"]) == (30_000, 1)  # type: ignore[index]


def test_history_is_watched_in_entries_that_fit_a_record() -> None:
    book = fresh()
    for entry in watched(TWIN.bars):
        book.take(entry_of(encoded(entry)))
    assert book.seen_ms == int(TWIN.bars.ts[-1])
    assert book.fund.cycles == len(TWIN.bars)


def test_a_hindrance_stands_in_the_record_and_binds_a_replay() -> None:
    book, chain = fresh(), chain_of(3)
    book.take(ENTRIES[0])
    entries: list[Entry] = []
    for at in range(80):
        entry = decided(book, chain, TWIN.bars.window(at, at + 1), Hindrance(closed="stale"), "late")
        entries.append(entry_of(encoded(entry)))
        outcome = book.take(entries[-1])
        assert outcome.decision is not None
        assert not outcome.decision.rows["granted"].any()
    assert isinstance(entries[-1], Decided)
    assert (entries[-1].hindrance.closed, entries[-1].thought.why) == ("stale", "late")
    np.testing.assert_equal(names_of(book), {})
