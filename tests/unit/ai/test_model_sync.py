"""Model sync: nobody serves what another living user could not, nobody goes back, and all come to agree."""

from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.model_sync import LEASE_MS, USERS_MAX, Duty, Live, ModelSync, Orders, Report, duty
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

ONE, TWO, THREE = Live("v1", 1), Live("v2", 2), Live("v3", 3)
BAD = "bad"


def has(user: str, *ready: str, serving: Live | None = None, **more: object) -> Report:
    return replace(Report(user, serving, frozenset(ready)), **more)  # type: ignore[arg-type]


def served(*users: str) -> ModelSync:
    """Return a board on which `users` serve the first version."""
    state = ModelSync(0).naming(ONE)
    for user in users:
        state = state.heard(has(user, "v1", serving=ONE), LEASE_MS)
    return state


@pytest.mark.requirement("P0-06")
@pytest.mark.p0_patches
def test_a_version_serves_once_everybody_has_it_ready() -> None:
    state = served("ann", "bob").naming(TWO)
    assert state.orders == Orders(ONE, TWO)
    state = state.heard(has("ann", "v1", "v2", serving=ONE), LEASE_MS)
    assert state.orders == Orders(ONE, TWO)
    state = state.heard(has("bob", "v1", "v2", serving=ONE), LEASE_MS)
    assert state.orders == Orders(TWO)
    assert state.mixed
    for user in ("ann", "bob"):
        state = state.heard(has(user, "v2", serving=TWO), LEASE_MS)
    assert not state.mixed


def test_what_one_user_refuses_serves_nobody_and_the_old_one_stays() -> None:
    state = served("ann", "bob").naming(TWO)
    state = state.heard(has("bob", "v1", serving=ONE, refused={"v2": "weights are whole, were not"}), LEASE_MS)
    assert state.orders == Orders(ONE)
    assert state.withheld == "bob: weights are whole, were not"
    assert not state.mixed
    assert state.naming(THREE).orders == Orders(ONE, THREE)
    assert state.naming(THREE).withheld == ""


def test_who_is_silent_for_a_lease_is_not_waited_for() -> None:
    state = served("ann", "bob").naming(TWO).heard(has("ann", "v1", "v2", serving=ONE), LEASE_MS + 1)
    assert state.elapsed(2 * LEASE_MS - 1).orders == Orders(ONE, TWO)
    assert state.elapsed(2 * LEASE_MS).orders == Orders(TWO)


def test_a_new_board_listens_for_a_lease_before_it_lets_anything_begin() -> None:
    state = ModelSync(0).naming(TWO).heard(has("ann", "v2"), LEASE_MS - 1)
    assert state.orders == Orders(None, TWO)
    assert state.heard(has("ann", "v2"), LEASE_MS).orders == Orders(TWO)
    known = state.heard(has("bob", "v1", serving=ONE), LEASE_MS - 1)
    assert known.orders == Orders(ONE, TWO)
    assert known.heard(has("ann", "v2"), 10 * LEASE_MS).orders.serve == ONE


def test_a_version_of_an_older_epoch_or_named_already_is_no_news() -> None:
    state = served("ann").naming(TWO)
    assert state.naming(ONE) is state
    assert state.naming(replace(TWO, epoch=9)) is state


def test_users_have_a_number() -> None:
    state = ModelSync(0)
    for number in range(USERS_MAX):
        state = state.heard(has(f"user {number}"), 0)
    assert state.heard(has("user 0"), 0)
    with pytest.raises(Invalid, match=f"at most {USERS_MAX} users"):
        state.heard(has("one more"), 0)


lives = st.sampled_from((None, ONE, TWO, THREE))
versions = st.frozensets(st.sampled_from(("v1", "v2", "v3")))


@settings(deadline=None, max_examples=300)
@given(lives, lives, lives, versions, versions)
def test_a_duty_is_something_that_can_be_done_and_never_a_step_back(
    serve: Live | None, coming: Live | None, serving: Live | None, ready: frozenset[str], refused: frozenset[str]
) -> None:
    told = Report("ann", serving, ready, "", dict.fromkeys(refused, "no"))
    due = duty(Orders(serve, coming), told)
    assert not due.load or due.load not in ready | refused
    assert due.serve is None or due.serve.version in ready
    assert due.serve is None or serving is None or due.serve.epoch > serving.epoch
    assert duty(Orders(serve, coming), replace(told, loading="v1")).load == ""


@dataclass
class User:
    """A user of models in a simulation: it loads for a while, and may die."""

    name: str
    told: Report
    until_ms: int = 0
    begun: list[Live] = field(default_factory=list)

    def work(self, orders: Orders, at_ms: int, pace_ms: int) -> None:
        """Do what is due."""
        if self.told.loading and at_ms >= self.until_ms:
            version = self.told.loading
            if version.startswith(BAD):
                self.told = replace(self.told, loading="", refused={**self.told.refused, version: "not whole"})
            else:
                self.told = replace(self.told, loading="", ready=self.told.ready | {version})
        due = duty(orders, self.told)
        if due.load:
            self.told, self.until_ms = replace(self.told, loading=due.load), at_ms + pace_ms
        if due.serve:
            self.told = replace(self.told, serving=due.serve)
            self.begun.append(due.serve)


class Fund:
    """A board and its users, in virtual time; every step is drawn from one seed."""

    STEP_MS = 500

    def __init__(self, seed: int) -> None:
        self.chance, self.at_ms, self.epoch = Random(seed), 0, 1
        self.named = Live("v1", 1)
        self.board = ModelSync(0).naming(self.named)
        self.users = [User(name, Report(name)) for name in ("predictor", "replica 1", "replica 2")]
        self.asked = self.answered = 0
        self.run(3 * LEASE_MS)

    def run(self, ms: int, troubled: bool = False) -> None:
        """Let time pass, with or without trouble."""
        until_ms = self.at_ms + ms
        while self.at_ms < until_ms:
            self.at_ms += self.STEP_MS
            if troubled:
                self.trouble()
            for user in self.users:
                self.turn(user)
            self.ask()

    def turn(self, user: User) -> None:
        self.board = self.board.elapsed(self.at_ms).heard(user.told, self.at_ms)
        before = user.told.serving
        user.work(self.board.orders, self.at_ms, self.chance.randrange(0, 2_000))
        if user.told.serving != before:
            version = user.told.serving.version if user.told.serving else ""
            served_before = [one for one in self.users if one is not user and one.told.serving is not None]
            assert all(version in one.told.ready for one in served_before), "somebody would be left behind"

    def trouble(self) -> None:
        draw = self.chance.random()
        if draw < 0.08:
            self.epoch += 1
            prefix = BAD if self.chance.random() < 0.2 else "v"
            self.named = Live(f"{prefix}{self.epoch}", self.epoch)
            self.board = self.board.naming(self.named)
        elif draw < 0.13:
            at = self.chance.randrange(len(self.users))
            if sum(one.told.serving is not None for one in self.users) > 1:
                self.users[at] = User(self.users[at].name, Report(self.users[at].name))
        elif draw < 0.15:
            self.board = ModelSync(self.at_ms).naming(self.named)

    def ask(self) -> None:
        """Ask whoever serves: an answer is by one version, and by one that it has."""
        serving = [one for one in self.users if one.told.serving is not None]
        self.asked += 1
        if serving:
            asked = self.chance.choice(serving).told
            self.answered += asked.serving is not None and asked.serving.version in asked.ready


@pytest.mark.requirement("P0-06")
@pytest.mark.p0_patches
def test_a_thousand_schedules_of_swaps_and_crashes_lose_no_request_and_end_in_agreement() -> None:
    for seed in range(1_000):
        fund = Fund(seed)
        first, fund.asked, fund.answered = fund.named, 0, 0
        fund.run(15_000, troubled=True)
        for user in fund.users:
            epochs = [live.epoch for live in user.begun]
            assert epochs == sorted(set(epochs)), f"seed {seed}: {user.name} went back"
            assert not any(live.version.startswith(BAD) for live in user.begun)
        assert fund.answered == fund.asked, f"seed {seed}: {fund.asked - fund.answered} requests lost"
        fund.run(5 * LEASE_MS)
        assert not fund.board.mixed, f"seed {seed}"
        assert len({user.told.serving for user in fund.users}) == 1
        assert fund.users[0].told.serving is not None
        if not fund.named.version.startswith(BAD):
            assert fund.users[0].told.serving.version == fund.named.version
        assert fund.users[0].told.serving.epoch >= first.epoch
        assert duty(fund.board.orders, fund.users[0].told) == Duty()
