"""An entry of the rulebook tells what it changed, by whom and why; the same entry tells the same every time."""

import pytest

from qt_ray.core.policy import Policy
from qt_ray.governance.heralding import events_of
from qt_ray.governance.rulebook import Rulebook, seeded
from qt_ray.governance.rulebook_entries import Author, RulebookEntry
from qt_ray.governance.wishes import Change, Dismiss, Propose, Wish

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)
SEED = seeded(Policy())


def entry(wish: Wish, book: Rulebook | None = None) -> RulebookEntry:
    found = (book or Rulebook.of([SEED])).decided(wish, ANN, 5_000)
    assert found is not None
    assert not hasattr(found, "denial")
    return found  # type: ignore[return-value]  # what is denied was excluded


def test_a_revision_tells_who_changed_what_and_why() -> None:
    made = entry(Change({"limits.order_value_max": "1000"}, SEED.policy.version, "calmer"))
    (told,) = events_of(made, "PolicyStore")
    assert (told.type, told.source, told.time_ms) == ("policy.updated", "PolicyStore", 5_000)
    assert (told.payload.updated_by, told.payload.reason, told.payload.deed) == ("ann", "calmer", "change")
    assert [change.path for change in told.payload.changes] == ["limits.order_value_max"]
    assert events_of(made, "PolicyStore") == (told,)


def test_another_mode_is_told_by_itself_and_caused_by_the_revision() -> None:
    made = entry(Change({"active_mode": "DEFENSIVE"}, SEED.policy.version, "storm"))
    updated, mode = events_of(made, "PolicyStore")
    assert (mode.type, mode.causation, mode.trace_id) == ("policy.mode.changed", updated.id, updated.trace_id)
    assert (mode.payload.old, mode.payload.new) == ("NORMAL", "DEFENSIVE")


def test_a_proposal_and_its_end_are_told_with_who_and_why_and_as_no_change() -> None:
    book = Rulebook.of([SEED])
    proposed = entry(Propose({"limits.order_value_max": "90000"}, SEED.policy.version, "bolder"))
    book = book.applied(proposed)
    (name,) = book.proposals
    (told,) = events_of(proposed, "PolicyStore")
    (ended,) = events_of(entry(Dismiss(name, "no"), book), "PolicyStore")
    assert (told.type, told.payload.by, told.payload.reason) == ("policy.proposed", "ann", "bolder")
    assert [change.path for change in told.payload.changes] == ["limits.order_value_max"]
    assert (ended.type, ended.payload.by, ended.payload.reason) == ("policy.dismissed", "ann", "no")
    assert told.payload.proposal == ended.payload.proposal == name
