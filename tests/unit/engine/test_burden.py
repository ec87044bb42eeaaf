"""SPEC law 4: what a guard knows beside a fund only makes the answer smaller, and leaves no trace in the fund."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.baselines import EmaCross
from qt_ray.engine.burden import claims_of, overcommits
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.pipeline import DISAGREED, Forecaster, Guard, Sized, Sizer
from qt_ray.engine.world import World
from qt_ray.risk.hindrance import FREE, Committed, Hindrance, Sides
from qt_ray.risk.reasons import Reason, reasons_in
from tests.unit.engine.desks import Twin, began, ruled

pytestmark = pytest.mark.unit


def wishful() -> Sized:
    """Return a fund at a bar where it wishes to open something."""
    twin = Twin(200)
    book, predictor = DeskBook(began(twin.bars, twin.setup)), Forecaster(EmaCross(3))
    book.take(ruled(twin.setup))
    for at in range(len(twin.bars)):
        bars = twin.bars.window(at, at + 1)
        sized = Sizer().size(predictor.predict(book.snapshot(bars, np.zeros((1, 3, 0)))))
        if len(claims_of(Guard().review(sized).world)) > 1:
            return sized
        book.fund.observed(bars)
    raise AssertionError("a fund wishes something once")


SIZED = wishful()
ALONE = Guard().review(SIZED)


def total(world: World, name: str) -> int:
    account: Any = world.account[0]
    return int(account[name])


def limit(name: str) -> int:
    limits: Any = SIZED.world.limits[0]
    return total(SIZED.world, "equity") * int(limits[name]) // 10_000


def granted(hindrance: Hindrance) -> Any:
    return Guard().review(SIZED, hindrance).rows["granted"]


def test_nothing_beside_the_fund_changes_nothing() -> None:
    again = Guard().review(SIZED, FREE)
    assert again.digest() == ALONE.digest()


@pytest.mark.parametrize(
    ("hindrance", "reason"),
    [
        (Hindrance(killed=True), Reason.KILL_SWITCH),
        (Hindrance(closed="the policy is stale"), Reason.NEW_POSITIONS_DISABLED),
    ],
    ids=["killed", "closed"],
)
def test_a_switch_lets_nothing_grow_and_says_why(hindrance: Hindrance, reason: Reason) -> None:
    decision = Guard().review(SIZED, hindrance)
    assert not decision.rows["granted"].any()
    wished = decision.rows[decision.rows["wish"] != 0]
    assert all(reason in reasons_in(int(row["bound"])) for row in wished)
    account: Any = decision.world.account[0]
    assert (account["killed"], account["allow_new"]) == (0, 1)


def test_what_others_hold_of_a_limit_is_not_granted_again() -> None:
    room = limit("gross_bps")
    assert not granted(Hindrance(committed=Committed(gross=room))).any()
    held = Hindrance(committed=Committed(gross=room - total(ALONE.world, "gross") // 2))
    some = Guard().review(SIZED, held)
    assert 0 < total(some.world, "gross") <= room - held.committed.gross


def test_the_number_of_positions_counts_what_others_open() -> None:
    limits: Any = SIZED.world.limits[0]
    decision = Guard().review(SIZED, Hindrance(committed=Committed(positions=int(limits["positions_max"]))))
    assert not decision.rows["granted"].any()


def test_where_only_one_side_may_fill_nothing_is_let_past_a_limit() -> None:
    """Others hold as much long as short: together it is nothing, but half of it may never trade."""
    room = limit("net_bps")
    both = Hindrance(committed=Committed(net=Sides(room, -room)))
    decision = Guard().review(SIZED, both)
    assert not decision.rows["granted"].any()
    assert decision.hindrance.closed == DISAGREED


def test_what_was_laid_on_is_lifted_again() -> None:
    decision = Guard().review(SIZED, Hindrance(committed=Committed(100, Sides(70, -30), 5, 1, {"0": Sides(70, -30)})))
    for name in ("killed", "allow_new", "margin_bps"):
        assert total(decision.world, name) == total(SIZED.world, name), name
    if np.array_equal(decision.rows["granted"], ALONE.rows["granted"]):
        assert decision.digest() == ALONE.digest()
        assert total(decision.world, "gross") == total(ALONE.world, "gross")
        assert total(decision.world, "net") == total(ALONE.world, "net")


AMOUNTS = st.integers(0, 40_000 * 10**8)


@settings(max_examples=60, deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS, st.integers(0, 30))
def test_others_never_make_a_grant_larger_and_no_limit_is_passed_whichever_side_fills(
    gross: int, long: int, short: int, positions: int
) -> None:
    committed = Committed(gross, Sides(long, -short), 0, positions, {"0": Sides(long, -short)})
    decision = Guard().review(SIZED, Hindrance(committed=committed))
    rows, alone = decision.rows, ALONE.rows
    assert (np.abs(rows["granted"]) <= np.abs(alone["granted"])).all()
    assert not overcommits(SIZED.world, decision.world, committed)
    if rows["granted"].any():
        assert total(decision.world, "gross") + gross <= max(limit("gross_bps"), gross)
