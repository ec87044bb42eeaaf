"""SPEC chapter 2: readers hold the policy themselves, refresh it after 600 s, and let nothing in on a stale one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.policy import Policy
from qt_ray.governance.policy_view import LEASE_MS, REFRESH_MS, PolicyView

pytestmark = pytest.mark.unit

CALM = Policy()
FIRE = CALM.with_emergency(True, "fire", "ess", 1_000)
VIEW = PolicyView(CALM, contact_ms=1_000, refreshed_ms=1_000)


def test_a_view_lets_nothing_new_in_without_contact() -> None:
    assert VIEW.why_closed(1_000 + LEASE_MS - 1) is None
    assert VIEW.why_closed(1_000 + LEASE_MS) == "no entry on a policy that was not confirmed for 3000 ms, was 3000"
    assert VIEW.why_closed(999) is not None  # a clock that went back measures nothing


def test_a_view_says_what_keeps_entries_out() -> None:
    assert VIEW.told(FIRE, "", 2_000).why_closed(2_000) == "no entry in an emergency, fire"
    paused = CALM.with_new_trades(False, "ann", 1_000)
    assert VIEW.told(paused, "", 2_000).why_closed(2_000) == "no entry while new trades are paused"
    assert VIEW.told(CALM, "no entry, a disk is full", 2_000).why_closed(2_000) == "no entry, a disk is full"


@pytest.mark.requirement("Sprint5-8")
@pytest.mark.sprint5
def test_a_view_is_refreshed_after_ten_minutes() -> None:
    assert not VIEW.needs_refresh(1_000 + REFRESH_MS - 1)
    assert VIEW.needs_refresh(1_000 + REFRESH_MS)
    assert not VIEW.refreshed(2_000).needs_refresh(1_000 + REFRESH_MS)


@given(st.permutations([CALM, FIRE, FIRE.with_incarnation("store", 2_000)]))
def test_words_that_overtake_each_other_never_end_an_emergency(words: list[Policy]) -> None:
    view = VIEW
    for at_ms, policy in enumerate(words, start=1_000):
        view = view.told(policy, "", at_ms)
    assert view.policy.epoch == 3
    assert view.why_closed(1_002) == "no entry in an emergency, fire"
