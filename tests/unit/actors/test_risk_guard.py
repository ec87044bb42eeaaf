"""SPEC laws 3 and 4: the guard refuses what it does not know, and a switch that a person pulled stays pulled."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qt_ray.actors.living import Living
from qt_ray.actors.risk_guard import RiskGuard
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.core.errors import Invalid
from qt_ray.core.policy import Policy
from qt_ray.engine.pipeline import Decision, Guard, Sized
from qt_ray.engine.world import copied
from qt_ray.governance.policy_view import LEASE_MS, PolicyView
from qt_ray.monitoring.health import Condition
from qt_ray.risk.reservations import LEASE_MS as GRANT_MS
from tests.unit.actors.voices import HeardVoice
from tests.unit.engine.test_burden import ALONE, SIZED

pytestmark = pytest.mark.unit


class Stage:
    """A guard, its policy and its clock."""

    def __init__(self, folder: Path, policy: Policy | None, was_reconstructed: bool = False) -> None:
        self.now_ms, self.voice = 1_000_000, HeardVoice()
        self.reader = PolicyReader(None, lambda: self.now_ms)  # type: ignore[arg-type]  # nobody follows a store here
        if policy is not None:
            self.reader.view = PolicyView(policy, self.now_ms, self.now_ms)
        living = Living("RiskGuard", lambda: self.now_ms, was_reconstructed=was_reconstructed)
        switch = Latch(folder / "kill.json")
        self.guard = RiskGuard("main", switch, self.reader, living, self.voice.tell, lambda: self.now_ms)

    def review(self, sized: Sized = SIZED, **given: str) -> Decision:
        return asyncio.run(self.guard.review(sized, **given))

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


def test_a_guard_that_is_born_again_waits_until_earlier_grants_are_over(tmp_path: Path) -> None:
    one = stage(tmp_path, was_reconstructed=True)
    assert refused(one.review()) == "what an earlier life has granted may be under way"
    one.now_ms += GRANT_MS
    one.reader.view = PolicyView(policy(), one.now_ms, one.now_ms)
    assert one.review().hindrance.is_free


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


def test_what_comes_to_nothing_is_given_back(tmp_path: Path) -> None:
    one = stage(tmp_path)
    one.review(owner="person")
    (name,) = one.guard._reservations._grants
    assert asyncio.run(one.guard.release(name))
    assert not asyncio.run(one.guard.settle(name, 1))
    assert one.review().hindrance.is_free


def test_the_orders_of_ten_seconds_are_bounded_whoever_asks(tmp_path: Path) -> None:
    one = stage(tmp_path)
    for _ in range(policy().limits.orders_per_10s_account_max):
        decision = one.review()
        if decision.hindrance.closed:
            break
    assert refused(decision).startswith("order_rate")
    one.now_ms += 10_000
    one.reader.view = PolicyView(policy(), one.now_ms, one.now_ms)
    assert one.review().hindrance.is_free


@pytest.mark.requirement("S3 RiskGuard")
def test_every_denial_is_told_and_counted_by_reason_and_symbol(tmp_path: Path) -> None:
    one = stage(tmp_path)
    one.review(closed="the asker's own view is stale")
    told = one.voice.of("risk.block")
    wished = int(np.count_nonzero(SIZED.wishes))
    assert len(told) == wished == sum(one.guard.denials.values())
    assert {event.payload.reason for event in told} == {"new_positions_disabled"}
    assert all(event.payload.granted == 0 != event.payload.wish for event in told)
    assert one.condition().facts["denials"]
