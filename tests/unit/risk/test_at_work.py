"""SPEC 3: concurrent approvals never over-commit, whatever fills when, and whenever the guard is born again."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qt_ray.risk.at_work import LOOK_AGE_MAX_MS, AtWork, Entering, Looks
from qt_ray.risk.reservations import HANDED_MS, LEASE_MS, Claim, Reservations, committed

pytestmark = pytest.mark.unit

ROOM = 1_000
OWNERS = ("desk", "person")
WISHES = (-ROOM, ROOM // 3, ROOM, ROOM)
PAUSES_MS = (0, 0, 1, LOOK_AGE_MAX_MS, LEASE_MS)
MOSTLY = st.sampled_from((True, True, True, False))


def claim(amount: int) -> Claim:
    return Claim(0, abs(amount), amount, 0, opens=False)


class Crowd(RuleBasedStateMachine):
    """Several ask for more at once of a guard that sees the gateway now and then; fills come late, in part or never.

    Each has at most one entry under way as far as it has heard, and hands it to the gateway in time or not at all.
    `events` is what the gateway has told: the position after each tiding. Each asker has heard so many of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now, self.events = 0, [0]
        self.heard, self.last = dict.fromkeys(OWNERS, 0), dict.fromkeys(OWNERS, 0)
        self.granted: dict[str, tuple[int, int]] = {}
        self.at_work: dict[str, int] = {}
        self.number = 0
        self.begin(0)

    def begin(self, quiet_ms: int) -> None:
        self.grants, self.looks = Reservations(), Looks(self.now + quiet_ms)

    @rule(
        owner=st.sampled_from(OWNERS),
        wish=st.sampled_from(WISHES),
        looks=MOSTLY,
        hands=st.booleans(),
        pause_ms=st.sampled_from(PAUSES_MS),
        hears=st.booleans(),
    )
    def ask(self, owner: str, wish: int, looks: bool, hands: bool, pause_ms: int = 0, hears: bool = False) -> None:
        """Somebody asks a while later; who knows what became of what he asked for before is the one who may."""
        self.wait(pause_ms)
        if hears:
            self.heard[owner] = max(self.heard[owner], self.last[owner])
        if looks:
            self.look()
        if owner in self.granted or owner in self.at_work or self.heard[owner] < self.last[owner]:
            return
        told = self.heard[owner]
        granted = 0
        if not (self.looks.why_unseen(self.now) or self.looks.why_newer(told, self.now)):
            working = [claim(int(one.left)) for one in self.looks.at_work(told, owner)]
            others = committed([*self.grants.claims(owner, self.now), *working]).net
            held = self.events[told]
            most, least = ROOM - held - others.long, -ROOM - held - others.short
            granted = min(max(wish, min(least, 0)), max(most, 0))
        self.number += 1
        self.grants.reserve(f"d{self.number}", owner, [claim(granted)], self.now)
        if granted:
            self.granted[owner] = (granted, self.now)
        if hands:
            self.hand_over(owner)

    @rule(owner=st.sampled_from(OWNERS))
    def hand_over(self, owner: str) -> None:
        if owner in self.granted:
            self.at_work[owner] = self.granted.pop(owner)[0]

    @rule(owner=st.sampled_from(OWNERS), share=st.sampled_from((1, 1, 2)), looks=st.booleans())
    def fill(self, owner: str, share: int, looks: bool) -> None:
        if looks:
            self.look()
        if owner in self.at_work:
            part = -(-self.at_work[owner] // share)
            self.at_work[owner] -= part
            self.tell(owner, part)
            if not self.at_work[owner]:
                del self.at_work[owner]

    def tell(self, owner: str, part: int) -> None:
        self.events.append(self.events[-1] + part)
        self.last[owner] = len(self.events) - 1

    @rule(owner=st.sampled_from(OWNERS))
    def end(self, owner: str) -> None:
        if self.at_work.pop(owner, None) is not None:
            self.tell(owner, 0)

    @rule(owner=st.sampled_from(OWNERS), data=st.data())
    def hear(self, owner: str, data: Any) -> None:
        self.heard[owner] = data.draw(st.integers(self.heard[owner], len(self.events) - 1))

    @rule()
    def look(self) -> None:
        entries = tuple(Entering(f"{o}{self.number}", o, "BTCUSDT", Decimal(x)) for o, x in self.at_work.items())
        self.looks.saw(AtWork(len(self.events) - 1, entries), self.now)

    @precondition(lambda self: self.number > 0)
    @rule()
    def the_guard_dies(self) -> None:
        self.begin(HANDED_MS)

    @rule(ms=st.sampled_from(PAUSES_MS))
    def wait(self, ms: int) -> None:
        """Time passes; what was not handed over in time will not be."""
        self.now += ms
        self.granted = {o: one for o, one in self.granted.items() if self.now < one[1] + HANDED_MS}

    @invariant()
    def whatever_fills_stays_within_the_room(self) -> None:
        amounts = [*self.at_work.values(), *(amount for amount, _ in self.granted.values())]
        assert self.events[-1] + sum(min(amount, 0) for amount in amounts) >= -ROOM
        assert self.events[-1] + sum(max(amount, 0) for amount in amounts) <= ROOM


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def wants_all(crowd: Crowd, owner: str, looks: bool = True) -> None:
    crowd.ask(owner, ROOM, looks, hands=True)


def granted_then_dead(crowd: Crowd) -> None:
    """What was granted reaches the gateway only after the next guard has looked at it."""
    crowd.ask("desk", ROOM, looks=True, hands=False)
    crowd.the_guard_dies()
    crowd.look()
    crowd.wait(1)
    wants_all(crowd, "person")
    crowd.hand_over("desk")


def filled_unheard(crowd: Crowd) -> None:
    """What has filled is at work no more, and in the asker's books not yet."""
    wants_all(crowd, "desk")
    crowd.look()
    crowd.fill("desk", 1, looks=False)
    crowd.wait(LEASE_MS)
    wants_all(crowd, "person")


def filled_before_birth(crowd: Crowd) -> None:
    """What has filled before the guard was born was never seen at work by it."""
    wants_all(crowd, "desk")
    crowd.fill("desk", 1, looks=False)
    crowd.the_guard_dies()
    crowd.wait(LEASE_MS)
    wants_all(crowd, "person")


def rests_for_long(crowd: Crowd) -> None:
    """What rests at the venue outlives every lease."""
    wants_all(crowd, "desk")
    crowd.wait(LEASE_MS)
    wants_all(crowd, "person")


def filled_between_two_looks(crowd: Crowd) -> None:
    """What came and filled between two looks was seen at work by none."""
    crowd.look()
    wants_all(crowd, "desk")
    crowd.fill("desk", 1, looks=False)
    crowd.wait(LEASE_MS)
    wants_all(crowd, "person")


def asked_twice(crowd: Crowd) -> None:
    """What one was granted before stands beside what he is granted now, for whoever has not heard what became of it."""
    crowd.ask("desk", ROOM // 2, looks=True, hands=True)
    crowd.fill("desk", 1, looks=False)
    crowd.ask("desk", ROOM, looks=False, hands=False, hears=True)
    wants_all(crowd, "person")


STORIES = (
    granted_then_dead,
    filled_unheard,
    filled_before_birth,
    rests_for_long,
    filled_between_two_looks,
    asked_twice,
)


@pytest.mark.parametrize("story", STORIES)
def test_the_room_that_one_has_taken_is_not_given_to_another(story: Callable[[Crowd], None]) -> None:
    crowd = Crowd()
    story(crowd)
    assert "person" not in crowd.at_work
    crowd.whatever_fills_stays_within_the_room()


def test_room_that_was_given_back_is_given_again_once_it_is_known() -> None:
    crowd = Crowd()
    wants_all(crowd, "desk")
    crowd.look()
    crowd.end("desk")
    crowd.wait(LEASE_MS)
    wants_all(crowd, "person")
    assert "person" not in crowd.at_work
    crowd.heard["person"] = 1
    wants_all(crowd, "person")
    assert crowd.at_work == {"person": ROOM}


def test_nothing_is_known_before_a_look_that_was_begun_late_enough_and_not_for_long() -> None:
    looks = Looks(since_ms=100)
    looks.saw(AtWork(5), 99)
    assert "may be under way" in looks.why_unseen(99)
    assert "has told what is at work" in looks.why_unseen(100)
    looks.saw(AtWork(5), 100)
    assert looks.why_unseen(100 + LOOK_AGE_MAX_MS - 1) == ""
    assert "has told what is at work" in looks.why_unseen(100 + LOOK_AGE_MAX_MS)


def entry(left: int) -> Entering:
    return Entering("one", "desk", "BTCUSDT", Decimal(left))


def test_of_each_order_the_most_counts_that_the_books_may_lack() -> None:
    looks = Looks()
    for number, left in ((1, -9), (2, -9), (4, -3)):
        looks.saw(AtWork(number, (entry(left),)), number)
    assert looks.at_work(1, "person") == looks.at_work(3, "person") == (entry(-9),)
    assert looks.at_work(4, "person") == (entry(-3),)
    assert looks.at_work(9, "desk") == ()
    assert looks.why_newer(0, 4) == "books are told up to 1 at least, were up to 0"


def test_a_journal_that_begins_anew_makes_all_earlier_looks_worthless() -> None:
    looks = Looks()
    looks.saw(AtWork(50, (entry(9),)), 1)
    looks.saw(AtWork(3), 2)
    assert looks.at_work(3, "person") == ()
    assert looks.why_newer(3, 2) == ""


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(0, 30))
def test_newer_books_never_leave_more_at_work(lefts: list[int], books: int) -> None:
    looks = Looks()
    for number, left in enumerate(lefts):
        looks.saw(AtWork(number, (entry(left),)), number)
    older, newer = (looks.at_work(told, "person")[0].left for told in (books, books + 1))
    assert newer <= older
