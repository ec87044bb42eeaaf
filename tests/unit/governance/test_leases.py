"""SPEC law 2, the fence: after an emergency is acknowledged, nobody can believe in a lease of an older epoch."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from qt_ray.adapters.settings_exchange import RECV_WINDOW_MS_MAX, Exchange
from qt_ray.core.errors import Invalid
from qt_ray.core.limits import CLOCK_ERROR_MS
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS, Held, Lease, Leases

pytestmark = [pytest.mark.unit, pytest.mark.requirement("L2")]

OPEN_MS = 10_000
READY_MS = OPEN_MS + LEASE_MS + TRAVEL_MS
FRESH = Leases(epoch=3, opened_ms=OPEN_MS)


def lease_of(leases: Leases, at_ms: int, holder: str = "gateway/1") -> tuple[Leases, Lease]:
    after, found = leases.taken("main", holder, at_ms)
    assert isinstance(found, Lease)
    return after, found


def test_a_young_store_grants_nothing_until_leases_of_its_earlier_life_have_run_out() -> None:
    _, found = FRESH.taken("main", "gateway/1", READY_MS - 1)
    assert found == Held("a holder of the store's earlier life", READY_MS)
    _, lease = lease_of(FRESH, READY_MS)
    assert (lease.epoch, lease.until_ms) == (3, READY_MS + LEASE_MS)


def test_a_second_holder_waits_for_the_first_even_if_it_bears_the_same_name() -> None:
    leases, first = lease_of(FRESH, READY_MS)
    over_ms = first.until_ms + TRAVEL_MS
    for holder in ("gateway/1", "gateway/2"):
        assert leases.taken("main", holder, over_ms - 1)[1] == Held("gateway/1", over_ms)
    _, second = lease_of(leases, over_ms, "gateway/2")
    assert second.token > first.token


def test_a_lease_given_back_is_free_at_once() -> None:
    leases, first = lease_of(FRESH, READY_MS)
    _, second = lease_of(leases.returned("main", first.token), READY_MS, "gateway/2")
    assert second.token > first.token
    assert leases.returned("main", first.token + 1) is leases


def test_a_renewal_prolongs_and_a_strange_token_gets_nothing() -> None:
    leases, first = lease_of(FRESH, READY_MS)
    leases, longer = leases.renewed("main", first.token, 3, READY_MS + 400)
    assert longer == replace(first, until_ms=READY_MS + 400 + LEASE_MS)
    assert leases.renewed("main", first.token + 1, 3, READY_MS) == (leases, None)
    assert leases.renewed("other", first.token, 3, READY_MS) == (leases, None)


def test_nobody_prolongs_a_lease_whose_holder_has_not_drained() -> None:
    leases, first = lease_of(FRESH, READY_MS)
    leases = leases.turned(4)
    leases, told = leases.renewed("main", first.token, 3, READY_MS + 900)
    assert told is not None
    assert (told.epoch, told.until_ms) == (4, first.until_ms)
    assert leases.acknowledged_ms(READY_MS + 900) == first.until_ms + TRAVEL_MS
    leases, drained = leases.renewed("main", first.token, 4, READY_MS + 950)
    assert drained is not None
    assert drained.until_ms == READY_MS + 950 + LEASE_MS
    assert leases.acknowledged_ms(READY_MS + 950) is None


def test_an_emergency_is_acknowledged_when_what_a_silent_holder_sent_last_is_too_old_to_arrive() -> None:
    leases, first = lease_of(FRESH, READY_MS)
    leases = leases.turned(4)
    over_ms = first.until_ms + TRAVEL_MS
    assert leases.outstanding(over_ms - 1) == (leases.leases["main"],)
    assert leases.acknowledged_ms(over_ms) is None


def test_what_travels_is_never_older_than_a_session_may_let_it_become() -> None:
    assert Exchange().recv_window_ms + CLOCK_ERROR_MS <= RECV_WINDOW_MS_MAX + CLOCK_ERROR_MS <= TRAVEL_MS


def test_a_young_store_acknowledges_no_emergency_before_its_earlier_life_is_over() -> None:
    assert FRESH.acknowledged_ms(OPEN_MS) == READY_MS
    assert FRESH.acknowledged_ms(READY_MS) is None


def test_tokens_of_a_later_epoch_are_above_all_of_an_earlier_one() -> None:
    leases, first = lease_of(FRESH, READY_MS)
    _, reborn = lease_of(Leases(epoch=4, opened_ms=OPEN_MS), READY_MS)
    assert reborn.token > first.token
    _, turned = lease_of(leases.turned(4), first.until_ms + TRAVEL_MS)
    assert turned.token > first.token


@pytest.mark.parametrize(("account", "holder"), [("", "g"), ("a", ""), ("a" * 101, "g"), ("a", "g" * 101)])
def test_an_account_and_a_holder_have_names(account: str, holder: str) -> None:
    with pytest.raises(Invalid, match="names of 1 to 100"):
        FRESH.taken(account, holder, READY_MS)


def test_an_epoch_never_goes_back() -> None:
    with pytest.raises(Invalid, match="never below"):
        FRESH.turned(2)
    assert FRESH.turned(3) is FRESH


@given(st.integers(min_value=0, max_value=1_000))
def test_a_confirmation_of_an_epoch_that_never_was_counts_for_the_one_in_force(ahead: int) -> None:
    leases, first = lease_of(FRESH, READY_MS)
    _, told = leases.renewed("main", first.token, 3 + ahead, READY_MS)
    assert told is not None
    assert told.confirmed == 3


class Fence(RuleBasedStateMachine):
    """Gateways that pause, die and come back, a store that does the same, and a clock that only goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = OPEN_MS
        self.leases = FRESH
        # What each life of a gateway believes: its token, the epoch it sends under, and until when.
        self.beliefs: dict[int, tuple[int, int, int]] = {}
        self.lives = 0

    @rule(ms=st.integers(min_value=1, max_value=3_000))
    def wait(self, ms: int) -> None:
        self.now_ms += ms

    @rule(late_ms=st.integers(min_value=0, max_value=300))
    def take(self, late_ms: int) -> None:
        asked_ms, self.now_ms = self.now_ms, self.now_ms + late_ms
        self.lives += 1
        self.leases, found = self.leases.taken("main", f"gateway/{self.lives}", self.now_ms)
        if isinstance(found, Lease):
            self.beliefs[self.lives] = (found.token, found.epoch, asked_ms + LEASE_MS)

    @rule(
        life=st.integers(min_value=1, max_value=5), late_ms=st.integers(min_value=0, max_value=300), heard=st.booleans()
    )
    def renew(self, life: int, late_ms: int, heard: bool) -> None:
        if life not in self.beliefs:
            return
        token, epoch, until_ms = self.beliefs[life]
        asked_ms, self.now_ms = self.now_ms, self.now_ms + late_ms
        self.leases, found = self.leases.renewed("main", token, epoch, self.now_ms)
        if found is not None and heard:  # what a holder drained for it may renew under; until then its lease stands
            prolonged = asked_ms + LEASE_MS if found.confirmed == found.epoch else until_ms
            self.beliefs[life] = (token, found.epoch, max(until_ms, min(prolonged, found.until_ms)))

    @rule()
    def turn(self) -> None:
        self.leases = self.leases.turned(self.leases.epoch + 1)

    @rule()
    def restart_the_store(self) -> None:
        self.leases = Leases(epoch=self.leases.epoch + 1, opened_ms=self.now_ms)

    @invariant()
    def at_most_one_gateway_may_send(self) -> None:
        assert sum(self.now_ms < until_ms for _, _, until_ms in self.beliefs.values()) <= 1

    @invariant()
    def nothing_arrives_from_two_gateways(self) -> None:
        newest = max(self.beliefs, default=0)
        for life, (_, _, until_ms) in self.beliefs.items():
            assert life == newest or self.now_ms >= until_ms + TRAVEL_MS

    @invariant()
    def nothing_of_an_older_epoch_arrives_once_the_new_one_is_acknowledged(self) -> None:
        if self.leases.acknowledged_ms(self.now_ms) is None:
            for _, epoch, until_ms in self.beliefs.values():
                assert self.now_ms >= until_ms + TRAVEL_MS or epoch == self.leases.epoch


TestFence = Fence.TestCase
TestFence.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
