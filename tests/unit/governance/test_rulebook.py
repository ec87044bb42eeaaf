"""SPEC law 1 and chapter 2: one truth, compare-and-set, an emergency that nobody loses, and two persons to loosen."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode, digest
from qt_ray.core.errors import Invalid
from qt_ray.core.loosening import is_looser
from qt_ray.core.policy import TEXT_MAX, Policy
from qt_ray.core.restore import restore_as
from qt_ray.governance.rulebook import PROPOSAL_LIFE_MS, PROPOSALS_MAX, Denial, Denied, Rulebook, seeded
from qt_ray.governance.rulebook_entries import (
    Author,
    Deed,
    Dismissed,
    Proposal,
    Proposed,
    Revision,
    RulebookEntry,
)
from qt_ray.governance.wishes import (
    Approve,
    Change,
    Dismiss,
    Emergency,
    Pause,
    Propose,
    Recover,
    Resume,
    Start,
    Wish,
)

pytestmark = pytest.mark.unit

ANN, BOB = Author("ann", is_person=True), Author("bob", is_person=True)
ROBOT = Author("fund_os")
FRESH = Rulebook.of([seeded(Policy())])
TIGHTER: Mapping[str, Any] = {"limits.order_value_max": "1000"}
LOOSER: Mapping[str, Any] = {"limits.order_value_max": "90000"}

versions = st.integers(min_value=1, max_value=6)
changes = st.sampled_from(
    [TIGHTER, LOOSER, {"deny_symbols": ["BTCUSDT"]}, {"active_mode": "DEFENSIVE"}, {"active_mode": "NORMAL"}, {}]
)
reasons = st.sampled_from(["because", "  ", "x" * (TEXT_MAX + 1)])
wishes: st.SearchStrategy[Wish] = st.one_of(
    st.builds(Change, changes, versions, reasons),
    st.builds(Propose, changes, versions, reasons),
    st.builds(Emergency, reasons),
    st.builds(Recover, versions, reasons),
    st.builds(Pause, reasons),
    st.builds(Resume, versions, reasons),
    st.builds(Start),
)
asked = st.lists(st.tuples(wishes, st.sampled_from([ANN, BOB, ROBOT]), st.integers(0, 1_000)), max_size=12)


def written(book: Rulebook, wish: Wish, author: Author = ANN, at_ms: int = 1_000) -> tuple[Rulebook, RulebookEntry]:
    entry = book.decided(wish, author, at_ms)
    assert isinstance(entry, Revision | Proposed | Dismissed), entry
    return book.applied(entry), entry


def why(book: Rulebook, wish: Wish, author: Author = ANN) -> Denial:
    found = book.decided(wish, author, 1_000)
    assert isinstance(found, Denied), found
    assert found.version == book.policy.version
    return found.denial


@pytest.mark.requirement("L1")
@given(asked)
@settings(max_examples=200)
def test_every_write_counts_one_and_the_entries_alone_lead_to_the_same_book(
    story: list[tuple[Wish, Author, int]],
) -> None:
    book, entries = FRESH, list[RulebookEntry]([seeded(Policy())])
    for wish, author, at_ms in story:
        entry = book.decided(wish, author, at_ms)
        if isinstance(entry, Revision):
            assert entry.policy.version == book.policy.version + 1
            assert entry.policy.epoch >= book.policy.epoch
            assert entry.by == author.name
        if entry is not None and not isinstance(entry, Denied):
            book = book.applied(entry)
            entries.append(entry)
    assert Rulebook.of(entries) == book
    restored = [restore_as(RulebookEntry, decode(canonical(entry)), "entry") for entry in entries]
    assert digest(Rulebook.of(restored).policy) == digest(book.policy)


@given(asked)
@settings(max_examples=200)
def test_no_single_author_lets_more_risk_in(story: list[tuple[Wish, Author, int]]) -> None:
    book = FRESH
    for wish, author, at_ms in story:
        entry = book.decided(wish, author, at_ms)
        if isinstance(entry, Revision):
            if is_looser(book.policy, entry.policy):
                assert entry.deed in (Deed.RECOVERY, Deed.RESUME)
                assert author.is_person
            book = book.applied(entry)


@given(asked)
@settings(max_examples=200)
def test_only_a_person_who_names_its_epoch_ends_an_emergency(story: list[tuple[Wish, Author, int]]) -> None:
    book, _ = written(FRESH, Emergency("it burns"), ROBOT)
    for wish, author, at_ms in story:
        entry = book.decided(wish, author, at_ms)
        if isinstance(entry, Revision) and book.policy.emergency_mode and not entry.policy.emergency_mode:
            assert isinstance(wish, Recover)
            assert (wish.epoch, author.is_person) == (book.policy.epoch, True)
        if entry is not None and not isinstance(entry, Denied):
            book = book.applied(entry)


@pytest.mark.requirement("L1", "P0-01")
@pytest.mark.p0_patches
def test_of_two_writes_from_one_version_the_second_loses() -> None:
    first, second = Change(TIGHTER, 1, "calmer"), Change({"deny_symbols": ["XRPUSDT"]}, 1, "calmer")
    book, _ = written(FRESH, first)
    found = book.decided(second, BOB, 1_000)
    assert found == Denied(Denial.CONFLICT, "a write is made from the version in force, 2, was 1", 2)
    assert why(book, Propose(LOOSER, 1, "bolder")) is Denial.CONFLICT
    assert why(book, Resume(1, "go on")) is Denial.CONFLICT


def test_an_emergency_loses_to_no_write_and_comes_in_under_any_reason() -> None:
    for reason, kept in (("", "no reason was given"), ("x" * 900, "x" * TEXT_MAX), ("fire", "fire")):
        book, entry = written(FRESH, Emergency(reason), ROBOT, at_ms=-5)
        assert isinstance(entry, Revision)
        assert (book.policy.emergency_mode, book.policy.emergency_reason, book.policy.epoch) == (True, kept, 2)
        assert book.decided(Emergency("again"), ROBOT, 2_000) is None


def test_a_word_about_an_older_emergency_ends_nothing() -> None:
    book, _ = written(FRESH, Emergency("first"), ROBOT)
    book, _ = written(book, Recover(2, "mended"))
    book, _ = written(book, Emergency("second"), ROBOT)
    assert why(book, Recover(2, "mended, said late")) is Denial.NEWER_EMERGENCY
    assert why(book, Recover(book.policy.epoch, "mended"), ROBOT) is Denial.NEEDS_PERSON
    assert why(book, Recover(book.policy.epoch, " ")) is Denial.INVALID
    book, entry = written(book, Recover(book.policy.epoch, "mended"))
    assert isinstance(entry, Revision)
    assert entry.deed is Deed.RECOVERY
    assert not book.policy.emergency_mode
    assert book.decided(Recover(book.policy.epoch, "once more"), ANN, 1_000) is None


@pytest.mark.requirement("S2 PolicyStore")
def test_tightening_takes_one_and_says_what_changed() -> None:
    _, entry = written(FRESH, Change(TIGHTER, 1, "calmer"), ROBOT)
    assert isinstance(entry, Revision)
    assert [(c.path, c.old, c.new, c.direction) for c in entry.changes] == [
        ("limits.order_value_max", '"50000"', '"1000"', "tighter")
    ]
    assert (entry.by, entry.reason, entry.approved_by) == ("fund_os", "calmer", None)


@pytest.mark.requirement("S2 PolicyStore")
def test_loosening_takes_a_second_person_and_bears_both_names() -> None:
    assert why(FRESH, Change(LOOSER, 1, "bolder")) is Denial.NEEDS_SECOND
    book, proposed = written(FRESH, Propose(LOOSER, 1, "bolder"))
    assert isinstance(proposed, Proposed)
    name = proposed.proposal.id
    assert book.decided(Propose(LOOSER, 1, "bolder"), ANN, 2_000) is None
    assert why(book, Approve(name)) is Denial.SAME_PERSON
    assert why(book, Approve(name), ROBOT) is Denial.NEEDS_PERSON
    assert why(book, Approve("nonsense"), BOB) is Denial.UNKNOWN_PROPOSAL
    book, entry = written(book, Approve(name), BOB)
    assert isinstance(entry, Revision)
    assert (entry.by, entry.approved_by, entry.reason, entry.proposal) == ("ann", "bob", "bolder", name)
    assert book.policy.get_value("limits.order_value_max") == 90_000
    assert not book.proposals


def test_what_was_looked_at_is_what_comes_into_force() -> None:
    book, proposed = written(FRESH, Propose(LOOSER, 1, "bolder"))
    assert isinstance(proposed, Proposed)
    elsewhere, _ = written(book, Change({"deny_symbols": ["XRPUSDT"]}, 1, "calmer"))
    written(elsewhere, Approve(proposed.proposal.id), BOB)
    there, _ = written(book, Change(TIGHTER, 1, "calmer"))
    assert why(there, Approve(proposed.proposal.id), BOB) is Denial.OUTDATED


def test_a_proposal_is_dismissed_by_anybody_and_by_time() -> None:
    book, proposed = written(FRESH, Propose(LOOSER, 1, "bolder"))
    assert isinstance(proposed, Proposed)
    name = proposed.proposal.id
    assert why(book, Dismiss("nonsense", "no")) is Denial.UNKNOWN_PROPOSAL
    assert why(book, Dismiss(name, "")) is Denial.INVALID
    assert not written(book, Dismiss(name, "no"), BOB)[0].proposals
    assert book.overdue(999 + PROPOSAL_LIFE_MS) == ()
    (late,) = book.overdue(1_000 + PROPOSAL_LIFE_MS)
    assert not book.applied(late).proposals


def test_open_proposals_have_a_bound() -> None:
    book = FRESH
    for number in range(PROPOSALS_MAX):
        book, _ = written(book, Propose({"limits.order_value_max": str(60_000 + number)}, 1, "bolder"))
    assert why(book, Propose(LOOSER, 1, "bolder")) is Denial.TOO_MANY


@pytest.mark.parametrize(
    "wish",
    [
        Propose({"limits.nonsense": 1}, 1, "why not"),
        Propose({}, 1, "nothing at all"),
        Propose({"limits.order_value_max": "NaN"}, 1, "why not"),
        Change({"epoch": 9}, 1, "why not"),
        Change({"emergency_mode": False}, 1, "why not"),
        Change({"limits.order_value_max": "1e400"}, 1, "why not"),
        Change(TIGHTER, 1, ""),
        Pause(""),
    ],
)
def test_a_wish_that_breaks_a_rule_changes_nothing(wish: Wish) -> None:
    assert why(FRESH, wish) is Denial.INVALID


def test_a_pause_takes_anybody_and_a_resumption_a_person() -> None:
    book, _ = written(FRESH, Pause("lunch"), ROBOT)
    assert not book.policy.allow_new_trades
    assert book.decided(Pause("again"), ANN, 1_000) is None
    assert why(book, Resume(2, "back"), ROBOT) is Denial.NEEDS_PERSON
    book, _ = written(book, Resume(2, "back"))
    assert book.policy.allow_new_trades
    assert book.decided(Resume(3, "back"), ANN, 1_000) is None


def test_a_store_that_comes_to_life_begins_a_new_epoch() -> None:
    book, entry = written(FRESH, Start(), Author("store"))
    assert isinstance(entry, Revision)
    assert (book.policy.epoch, entry.deed) == (2, Deed.START)


def test_a_clock_that_was_set_back_does_not_stop_a_write() -> None:
    book, _ = written(FRESH, Pause("lunch"), at_ms=5_000)
    book, _ = written(book, Emergency("fire"), at_ms=10)
    assert book.policy.last_updated == 5_000


def test_a_book_begins_with_a_revision_and_a_reason_says_something() -> None:
    with pytest.raises(Invalid, match="begins with a revision, there was none"):
        Rulebook.of([])
    with pytest.raises(Invalid, match="begins with a revision, was dismissed"):
        Rulebook.of([Dismissed("p", "ann", "no", 0)])
    with pytest.raises(Invalid, match="name of 1 to 100"):
        Author(" ")
    with pytest.raises(Invalid, match="known to the rulebook"):
        raise Invalid(str(FRESH.decided(object(), ANN, 0)))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="changes 1 to 200"):
        Proposal.of({}, (), "ann", "why", 0)
    assert replace(FRESH, proposals={}) == FRESH
