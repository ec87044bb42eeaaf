from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.splits import HoldoutPlan, Parts, holdout, walk_forward
from qt_ray.core.errors import Invalid, InvalidConfig

pytestmark = pytest.mark.unit

Ints = NDArray[np.int64]


@st.composite
def rows(draw: st.DrawFn) -> tuple[Ints, Ints]:
    """Rows of several symbols at some moments, with outcomes known a while after each."""
    moments = draw(st.lists(st.integers(0, 500), min_size=30, max_size=80))
    waits = draw(st.lists(st.integers(0, 20), min_size=len(moments), max_size=len(moments)))
    ts = np.sort(np.array(moments, dtype=np.int64))
    return ts, ts + np.array(waits, dtype=np.int64)


def split_or_skip(ts: Ints, until: Ints, folds: int, embargo: int) -> tuple[tuple[Ints, Ints], ...]:
    try:
        return walk_forward(ts, until, folds, embargo)
    except Invalid:
        assume(False)
        raise


@pytest.mark.requirement("S5 ContinuousLearning")
@settings(max_examples=80, deadline=None)
@given(rows(), st.integers(1, 5), st.integers(0, 20))
def test_nothing_taught_was_open_an_embargo_before_judging(known: tuple[Ints, Ints], folds: int, embargo: int) -> None:
    ts, until = known
    for train, test in split_or_skip(ts, until, folds, embargo):
        assert until[train].max() <= ts[test].min() - embargo
        assert ts[train].max() <= ts[test].min()
        left = np.setdiff1d(np.arange(test[0]), train)
        assert (until[left] > ts[test].min() - embargo).all()


@settings(max_examples=80, deadline=None)
@given(rows(), st.integers(1, 5))
def test_every_row_after_the_first_part_judges_once_and_moments_stay_whole(
    known: tuple[Ints, Ints], folds: int
) -> None:
    ts, until = known
    made = split_or_skip(ts, until, folds, 0)
    tested = np.concatenate([test for _, test in made])
    assert tested.tolist() == list(range(tested[0], len(ts)))
    assert tested[0] <= len(ts) // (folds + 1)
    for _, test in made:
        assert ts[test[0] - 1] < ts[test[0]]
    assert [len(train) for train, _ in made] == sorted(len(train) for train, _ in made)


@settings(max_examples=80, deadline=None)
@given(rows(), st.integers(300, 450), st.floats(0.2, 0.35), st.floats(0.2, 0.35), st.integers(0, 20))
def test_parts_follow_each_other_and_each_is_known_before_the_next(
    known: tuple[Ints, Ints], start: int, valid: float, calibrate: float, embargo: int
) -> None:
    ts, until = known
    try:
        parts = holdout(ts, until, HoldoutPlan(start, valid, calibrate, embargo))
    except Invalid:
        assume(False)
        raise
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    for one, other in pairwise(parts):
        assert until[one].max() <= ts[other].min() - embargo
        assert one[-1] < other[0]
    assert ts[parts.test].min() >= start
    assert len(parts.test) == (ts >= start).sum()


def test_parts_have_their_shares_and_lose_only_what_was_still_open() -> None:
    ts = np.repeat(np.arange(100, dtype=np.int64), 2)
    parts = holdout(ts, ts + 3, HoldoutPlan(80, 0.25, 0.25, 2))
    assert isinstance(parts, Parts)
    assert [(int(ts[part[0]]), int(ts[part[-1]])) for part in parts] == [(0, 35), (40, 55), (60, 75), (80, 99)]


@pytest.mark.parametrize("folds", [0, 101])
def test_folds_are_a_reasonable_number(folds: int) -> None:
    with pytest.raises(Invalid, match=r"^splits: folds are from 1 to 100, were "):
        walk_forward(np.arange(10), np.arange(10), folds, 0)


def test_too_few_rows_for_a_part_are_refused_and_it_is_named() -> None:
    ts = np.arange(10, dtype=np.int64)
    with pytest.raises(Invalid, match="train of 5 rows kept none"):
        walk_forward(ts, ts + 9, 1, 0)
    with pytest.raises(Invalid, match="every part has a row, train had none"):
        walk_forward(np.zeros(10, np.int64), ts, 2, 0)
    with pytest.raises(Invalid, match="train had none"):
        walk_forward(ts[:0], ts[:0], 2, 0)
    with pytest.raises(Invalid, match="test had none"):
        holdout(ts, ts, HoldoutPlan(10, 0.3, 0.3))
    with pytest.raises(Invalid, match="valid of 2 rows kept none"):
        holdout(ts, np.where(ts < 3, ts, 10), HoldoutPlan(9, 0.3, 0.3))


def test_rows_out_of_order_or_known_before_they_were_are_refused() -> None:
    ts = np.array([1, 3, 2], dtype=np.int64)
    with pytest.raises(Invalid, match="row 2 does not"):
        walk_forward(ts, ts, 1, 0)
    with pytest.raises(Invalid, match="row 1 has it before"):
        holdout(np.arange(3), np.array([0, 0, 2]), HoldoutPlan(2))
    with pytest.raises(Invalid, match="embargo_ms is not negative, was -1"):
        walk_forward(np.arange(3), np.arange(3), 1, -1)


@pytest.mark.parametrize(
    "bad",
    [
        {"valid_share": 0.0},
        {"calibrate_share": -0.1},
        {"valid_share": 0.5, "calibrate_share": 0.5},
        {"embargo_ms": -1},
    ],
)
def test_a_plan_that_leaves_nothing_to_learn_from_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig, match=r"^splits: "):
        HoldoutPlan(0, **bad)  # type: ignore[arg-type] # a plan from outside
