"""SPEC laws 3 and 4: the guard refuses what it does not know, and a switch that a person pulled stays pulled."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qt_ray.actors.living import Living
from qt_ray.actors.risk_guard import RiskGuard
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import Policy
from qt_ray.engine.pipeline import Decision, Guard, Sized
from qt_ray.engine.world import copied
from qt_ray.governance.policy_view import LEASE_MS, PolicyView
from qt_ray.monitoring.health import Condition
from qt_ray.risk.at_work import LOOK_AGE_MAX_MS, AtWork, Entering
from qt_ray.risk.hindrance import FREE
from qt_ray.risk.reservations import HANDED_MS
from tests.unit.actors.voices import HeardVoice
from tests.unit.engine.test_burden import ALONE, SIZED

pytestmark = pytest.mark.unit


class Books:
    """A gateway that tells what is at work."""

    def __init__(self) -> None:
        self.is_away, self.shown = False, AtWork(0)

    async def at_work(self) -> AtWork:
        if self.is_away:
            raise Retryable("Gateway.at_work: somebody is there, was not")
        return self.shown


class Stage:
    """A guard, its policy, its gateway and its clock."""

    def __init__(self, folder: Path, policy: Policy | None, was_reconstructed: bool = False) -> None:
        self.now_ms, self.voice, self.books = 1_000_000, HeardVoice(), Books()
        self.reader = PolicyReader(None, lambda: self.now_ms)  # type: ignore[arg-type]  # nobody follows a store here
        if policy is not None:
            self.reader.view = PolicyView(policy, self.now_ms, self.now_ms)
        living = Living("RiskGuard", lambda: self.now_ms, was_reconstructed=was_reconstructed)
        switch = Latch(folder / "kill.json")
        self.guard = RiskGuard("main", switch, self.reader, living, self.voice.tell, lambda: self.now_ms)

    def review(self, sized: Sized = SIZED, **given: str) -> Decision:
        async def looked() -> Decision:
            with suppress(Retryable):
                await self.guard.look(self.books)
            return await self.guard.review(sized, **given)

        return asyncio.run(looked())

    def waits(self, ms: int) -> None:
        """Let time pass, in which the policy is confirmed."""
        self.now_ms += ms
        self.reader.view = PolicyView(policy(), self.now_ms, self.now_ms)

    def condition(self) -> Condition:
        return asyncio.run(self.guard.condition())


def policy() -> Policy:
    account: Any = SIZED.world.account[0]
    return replace(Policy(), version=int(account["policy_version"]), epoch=int(account["policy_epoch"]))


def stage(folder: Path, **given: bool) -> Stage:
    return Stage(folder, policy(), **given)


def refused(decision: Decision) -> str:
    assert not decision.rows["granted"].any()
    return decision.hindrance.closed


def test_a_guard_that_knows_the_policy_grants_what_the_rules_grant(tmp_path: Path) -> None:
    decision = stage(tmp_path).review()
    assert decision.hindrance.is_free
    assert decision.digest() == ALONE.digest() == Guard().review(SIZED).digest()


@pytest.mark.requirement("L3")
def test_without_a_policy_nothing_grows(tmp_path: Path) -> None:
    assert refused(Stage(tmp_path, None).review()) == "no entry before the policy is known"


@pytest.mark.requirement("L3")
def test_a_policy_that_was_not_confirmed_lets_nothing_grow(tmp_path: Path) -> None:
    one = stage(tmp_path)
    one.now_ms += LEASE_MS
    assert "was not confirmed" in refused(one.review())
    assert "was not confirmed" in one.condition().reasons[0]


@pytest.mark.requirement("L1")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"epoch": 7}, "a decision is made in epoch 7"),
        ({"version": 9}, "a decision is made under policy 9"),
        ({"new_trades_paused": True}, "no entry while new trades are paused"),
    ],
    ids=["epoch", "version", "paused"],
)
def test_a_decision_under_another_policy_is_refused(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    assert why in refused(Stage(tmp_path, replace(policy(), **changes)).review())


def test_limits_that_are_not_the_policys_are_refused(tmp_path: Path) -> None:
    world = copied(SIZED.world)
    limits = world.limits.copy()  # type: ignore[attr-defined]
    limits["gross_bps"] *= 2
    sized = Sized(SIZED.opinion, world._replace(limits=limits))
    assert "a fund's limits are those of policy" in refused(stage(tmp_path).review(sized))


@pytest.mark.requirement("S3 RiskGuard")
def test_a_switch_that_was_pulled_stays_pulled_until_a_person_says_otherwise(tmp_path: Path) -> None:
    one = stage(tmp_path)
    asyncio.run(one.guard.kill("a strange market", "ann"))
    assert "the switch was pulled by ann: a strange market" in refused(one.review())
    later = stage(tmp_path)
    assert later.review().hindrance.killed
    with pytest.raises(Invalid, match="by a person with a reason"):
        asyncio.run(later.guard.unkill("ann", " "))
    asyncio.run(later.guard.unkill("bob", "looked at, all is well"))
    assert later.review().hindrance.is_free
    (told,) = one.voice.of("risk.kill.changed")
    assert (told.payload.is_killed, told.payload.by) == (True, "ann")


def test_what_cannot_be_read_of_the_switch_is_a_switch_that_was_pulled(tmp_path: Path) -> None:
    (tmp_path / "kill.json").write_bytes(b"{")
    assert stage(tmp_path).review().hindrance.killed


def test_a_guard_that_is_born_again_waits_until_earlier_grants_are_at_the_gateway_and_told_from_there(
    tmp_path: Path,
) -> None:
    first = stage(tmp_path)
    granted = first.review(owner="person").rows["granted"]
    later = stage(tmp_path, was_reconstructed=True)
    assert refused(later.review()) == "what an earlier life has granted may be under way"
    later.books.is_away = True
    later.waits(HANDED_MS)
    assert refused(later.review()) == "no entry before the gateway has told what is at work"
    symbols, steps = SIZED.opinion.snapshot.bars.symbols, SIZED.world.steps_per
    later.books.is_away, later.books.shown = False, AtWork(0, working("person", granted, symbols, steps))
    known, before = later.review().hindrance, first.review().hindrance
    assert known.closed == ""
    assert known.committed == before.committed != FREE.committed


def working(owner: str, granted: Any, symbols: tuple[str, ...], steps: Any) -> tuple[Entering, ...]:
    """Return the orders at the gateway that bring a flat fund to what it was granted."""
    amounts = (Decimal(int(amount)) / Decimal(float(steps[i])) for i, amount in enumerate(granted))
    return tuple(Entering(f"{owner}{i}", owner, symbols[i], left) for i, left in enumerate(amounts) if left)


def test_a_guard_is_ready_once_it_is_warm_knows_the_policy_and_has_looked(tmp_path: Path) -> None:
    one = stage(tmp_path)
    assert not one.condition().is_ready
    one.review()
    assert one.condition().is_ready
    one.guard.is_warm = False
    assert not one.condition().is_ready


def test_what_was_not_looked_at_of_late_is_not_known_and_exits_pass_all_the_same(tmp_path: Path) -> None:
    one = stage(tmp_path)
    assert one.review().hindrance.is_free
    one.books.is_away = True
    one.waits(LOOK_AGE_MAX_MS)
    why = "no entry before the gateway has told what is at work"
    assert refused(one.review()) == why
    assert (one.condition().is_ready, one.condition().reasons) == (True, (why,))


def test_books_that_lack_what_the_gateway_has_told_since_let_nothing_grow(tmp_path: Path) -> None:
    one = stage(tmp_path)
    one.books.shown = AtWork(SIZED.opinion.snapshot.told + 1)
    assert refused(one.review()).startswith("books are told up to")


def test_what_is_at_work_where_the_asker_does_not_look_lets_nothing_grow(tmp_path: Path) -> None:
    one = stage(tmp_path)
    one.books.shown = AtWork(0, (Entering("n", "person", "DOGEUSDT", Decimal(5)),))
    assert refused(one.review()) == "another's entries are at work in DOGEUSDT, which the asker does not see"
    assert one.review(owner="person").hindrance.is_free


def test_what_one_asker_was_granted_another_is_not_granted_again(tmp_path: Path) -> None:
    """Both want the same; together they stay within every limit that one alone is held to."""
    one = stage(tmp_path)
    first = one.review()
    second = one.review(owner="person")
    assert second.hindrance.committed.gross > 0
    account, other, limits = (rows[0] for rows in (first.world.account, second.world.account, first.world.limits))
    gross = int(account["gross"]) + int(other["gross"])  # type: ignore[index]
    assert gross <= int(account["equity"]) * int(limits["gross_bps"]) // 10_000  # type: ignore[index]
    assert one.review().digest() == first.digest()


def test_the_orders_of_ten_seconds_are_bounded_whoever_asks(tmp_path: Path) -> None:
    one = stage(tmp_path)
    for _ in range(policy().limits.orders_per_10s_account_max):
        decision = one.review()
        if decision.hindrance.closed:
            break
    assert refused(decision).startswith("order_rate")
    one.waits(10_000)
    assert one.review().hindrance.is_free


@pytest.mark.requirement("S3 RiskGuard")
def test_every_denial_is_told_and_counted_by_reason_and_symbol(tmp_path: Path) -> None:
    one = stage(tmp_path)
    one.review(closed="the asker's own view is stale")
    assert one.condition().facts["denials"]
    told = one.voice.of("risk.block")
    wished = int(np.count_nonzero(SIZED.wishes))
    assert len(told) == wished == sum(one.guard.denials.values())
    assert {event.payload.reason for event in told} == {"new_positions_disabled"}
    assert all(event.payload.granted == 0 != event.payload.wish for event in told)
