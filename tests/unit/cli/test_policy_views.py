"""The policy as people read and write it: a value is typed as it is shown, and a change says what it does to risk."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.cli.policy_views import change_lines, entry_lines, flat, is_below, proposal_lines, text, typed, verdict
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook_entries import Deed, Dismissed, Proposal, Proposed, Revision, changes_between
from qt_ray.monitoring.outward import outward

pytestmark = pytest.mark.unit

CALMER = {"modes.NORMAL.max_leverage": Decimal(3), "deny_symbols": ("DOGEUSDT", "PEPEUSDT")}
THEN = Policy()
NOW = THEN.with_changes(CALMER, "ann", 1_700_000_000_000)
symbols = st.lists(st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True), max_size=4)


@given(st.one_of(st.booleans(), st.integers(), symbols))
def test_a_value_is_typed_as_it_is_shown(value: Any) -> None:
    assert typed(text(value), value) == value


@given(st.recursive(st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1)))
def test_a_nested_table_keeps_its_values_by_dotted_path(table: Any) -> None:
    found = flat({"x": table})
    assert all(is_below(name, "x") for name in found)
    for name, value in found.items():
        place: Any = {"x": table}
        for part in name.split("."):
            place = place[part]
        assert place == value


def test_a_change_is_read_in_columns_without_quotes() -> None:
    assert list(change_lines(outward(changes_between(THEN, NOW)))) == [
        "modes.NORMAL.max_leverage  5 -> 3                    tighter",
        "deny_symbols               [] -> DOGEUSDT, PEPEUSDT  tighter",
    ]
    assert list(change_lines([])) == []
    assert verdict({"changes": [], "needs_second": False}) == "nothing would change"


def test_an_entry_of_the_history_says_when_who_agreed_why_and_what() -> None:
    entry = Revision(Deed.CHANGE, NOW, "ann", "calmer", changes_between(THEN, NOW), None, "bob")
    first, why, *changes = entry_lines(outward(entry))
    assert first.startswith(f"version {NOW.version}  2023-11-14 ")
    assert first.endswith("UTC  change by ann, bob agreed")
    assert why == "  calmer"
    assert len(changes) == 2


def test_proposals_and_their_ends_are_entries_too() -> None:
    proposal = Proposal.of(CALMER, changes_between(THEN, NOW), "ann", "calmer", 1_700_000_000_000)
    assert list(entry_lines(outward(Proposed(proposal)))) == list(proposal_lines(outward(proposal)))
    first, why = entry_lines(outward(Dismissed(proposal.id, "bob", "not now", 1_700_000_000_000)))
    assert first.startswith(f"proposal {proposal.id}  ")
    assert first.endswith("dismissed by bob")
    assert why == "  not now"
