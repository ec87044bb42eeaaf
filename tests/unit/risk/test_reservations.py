"""SPEC 3: concurrent approvals never over-commit, and nobody waits for who has forgotten a grant."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from qt_ray.core.errors import Invalid
from qt_ray.risk.hindrance import NOTHING, Committed, Sides
from qt_ray.risk.reservations import GRANTS_MAX, LEASE_MS, Claim, Reservations

pytestmark = pytest.mark.unit

LONG = Claim(cluster=1, gross=100, net=100, maintenance=5, opens=True)
SHORT = Claim(cluster=1, gross=40, net=-40, maintenance=2, opens=False)


@pytest.mark.requirement("S3 RiskGuard")
def test_what_one_was_granted_counts_for_everybody_else_and_not_for_himself() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG, SHORT], 0)
    assert grants.committed("desk", 0, 1) == NOTHING
    assert grants.committed("person", 0, 1) == Committed(140, Sides(100, -40), 7, 1, {"1": Sides(100, -40)})


def test_a_later_grant_takes_the_place_of_an_earlier_one_of_the_same_owner() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG], 0)
    grants.reserve("d2", "desk", [SHORT], 1)
    assert grants.committed("person", 0, 2).gross == 40
    assert len(grants) == 1


def test_a_grant_ends_by_itself() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG], 0)
    assert grants.committed("person", 0, LEASE_MS - 1).gross == 100
    assert grants.committed("person", 0, LEASE_MS) == NOTHING


def test_what_is_settled_counts_until_the_askers_books_hold_it() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG], 0)
    assert grants.settle("d1", books=7, at_ms=10)
    assert grants.committed("person", 6, 11).gross == 100
    assert grants.committed("person", 7, 11) == NOTHING
    grants.reserve("d2", "desk", [SHORT], 20)
    assert grants.committed("person", 6, 21).gross == 140


def test_what_is_released_counts_no_more_and_what_nobody_knows_is_said_so() -> None:
    grants = Reservations()
    grants.reserve("d1", "desk", [LONG], 0)
    assert grants.release("d1")
    assert grants.committed("person", 0, 1) == NOTHING
    assert not grants.release("d1")
    assert not grants.settle("d1", 1, 1)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(Invalid, match="a claim adds"):
        Claim(0, -1, 0, 0, opens=False)
    with pytest.raises(Invalid, match="lasts for some time"):
        Reservations(0)
    grants = Reservations()
    for owner in range(GRANTS_MAX):
        grants.reserve(f"d{owner}", f"owner{owner}", [LONG], 0)
    with pytest.raises(Invalid, match="at most 1000 grants"):
        grants.reserve("more", "another", [LONG], 0)


ROOM = 1_000
OWNERS = ("desk", "person", "other")


class Crowd(RuleBasedStateMachine):
    """Several ask for more at once; each is granted what is left, and fills come late, in part or never."""

    def __init__(self) -> None:
        super().__init__()
        self.grants, self.now, self.books = Reservations(), 0, 1
        self.held = 0
        self.pending: dict[str, tuple[str, int]] = {}
        self.number = 0

    @rule(owner=st.sampled_from(OWNERS), wish=st.integers(-ROOM, ROOM))
    def ask(self, owner: str, wish: int) -> None:
        mine = sum(amount for who, amount in self.pending.values() if who == owner)
        others = self.grants.committed(owner, self.books, self.now)
        most, least = ROOM - self.held - others.net.long, -ROOM - self.held - others.net.short
        granted = min(max(wish, min(least, 0)), max(most, 0))
        self.number += 1
        self.pending = {name: one for name, one in self.pending.items() if one[0] != owner}
        del mine
        claim = Claim(0, abs(granted), granted, 0, opens=False)
        self.grants.reserve(f"d{self.number}", owner, [claim], self.now)
        self.pending[f"d{self.number}"] = (owner, granted)

    @rule(data=st.data())
    def fill(self, data: Any) -> None:
        if self.pending:
            name = data.draw(st.sampled_from(sorted(self.pending)))
            _, amount = self.pending.pop(name)
            self.held += amount
            self.books += 1
            self.grants.settle(name, self.books, self.now)

    @rule(data=st.data())
    def give_up(self, data: Any) -> None:
        if self.pending:
            name = data.draw(st.sampled_from(sorted(self.pending)))
            del self.pending[name]
            self.grants.release(name)

    @rule(ms=st.integers(1, LEASE_MS))
    def wait(self, ms: int) -> None:
        """Time passes; what was not filled when its lease ends was cancelled by then."""
        self.now += ms
        alive = {name for name, grant in self.grants._grants.items() if self.now < grant.until_ms}
        self.pending = {name: one for name, one in self.pending.items() if name in alive}

    @invariant()
    def whatever_fills_stays_within_the_room(self) -> None:
        longs = sum(max(amount, 0) for _, amount in self.pending.values())
        shorts = sum(min(amount, 0) for _, amount in self.pending.values())
        assert self.held + shorts >= -ROOM
        assert self.held + longs <= ROOM


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.tuples(st.sampled_from(OWNERS), st.integers(-9, 9)), max_size=12))
def test_what_all_others_hold_is_the_sum_of_their_newest_grants(story: list[tuple[str, int]]) -> None:
    grants, newest = Reservations(), dict[str, int]()
    for number, (owner, net) in enumerate(story):
        grants.reserve(f"d{number}", owner, [Claim(0, abs(net), net, 0, opens=False)], number)
        newest[owner] = net
    for owner in OWNERS:
        others = [net for who, net in newest.items() if who != owner]
        assert grants.committed(owner, 0, len(story)).net.net == sum(others)
