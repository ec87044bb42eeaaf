from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.bounds import Side, bound_of
from qt_ray.core.errors import Invalid
from qt_ray.core.loosening import Direction, compare, is_looser
from qt_ray.core.policy import LiveModel, Policy

pytestmark = pytest.mark.unit

SEED = Policy()


def changed(**paths: Any) -> Policy:
    return SEED.with_changes({path.replace("__", "."): value for path, value in paths.items()}, "bob", 1)


BOUNDED = [
    (part, field.name)
    for part in ("limits", "ess", "volatility")
    for field in fields(getattr(SEED, part))
    if bound_of(type(getattr(SEED, part)), field.name)
]


@pytest.mark.parametrize(("part", "name"), BOUNDED)
@pytest.mark.parametrize("step", [1, -1])
def test_one_step_of_any_limit_is_looser_on_its_declared_side_only(part: str, name: str, step: int) -> None:
    old = getattr(getattr(SEED, part), name)
    amount = step if isinstance(old, int) else Decimal(step) / 1000
    try:
        new = SEED.with_changes({f"{part}.{name}": old + amount}, "bob", 1)
    except Invalid:
        return
    bound = bound_of(type(getattr(SEED, part)), name)
    assert bound is not None
    looser = bound.side is Side.EITHER or (step > 0) is (bound.side is Side.UP)
    assert [change.path for change in compare(SEED, new)] == [f"{part}.{name}"]
    assert is_looser(SEED, new) is looser


@given(st.sampled_from(BOUNDED), st.integers(-3, 3))
def test_going_back_from_a_tightening_is_a_loosening(field: tuple[str, str], step: int) -> None:
    path = ".".join(field)
    try:
        new = SEED.with_changes({path: SEED.get_value(path) + step}, "bob", 1)
    except Invalid:
        return
    if compare(SEED, new):
        assert is_looser(SEED, new) or is_looser(new, SEED)


@pytest.mark.parametrize(
    ("paths", "looser"),
    [
        ({"stage": "PARTIAL"}, True),
        ({"toggles__enable_rl": False}, False),
        ({"ess__enabled": False}, True),
        ({"new_trades_paused": True}, False),
        ({"allow_symbols": ["BTCUSDT"]}, False),
        ({"deny_symbols": ["BTCUSDT"]}, False),
        ({"modes__DEFENSIVE__learning": True}, True),
        ({"modes__DEFENSIVE__max_leverage": "4"}, True),
        ({"modes__NORMAL__min_confidence": "0.55"}, False),
        ({"active_mode": "DEFENSIVE"}, False),
    ],
)
def test_loosening_is_told_from_tightening(paths: dict[str, Any], looser: bool) -> None:
    new = changed(**paths)
    assert is_looser(SEED, new) is looser
    assert is_looser(new, SEED) is not looser


def test_lists_loosen_when_they_let_in_a_symbol() -> None:
    two = changed(allow_symbols=["A", "B"], deny_symbols=["C", "D"])
    assert not is_looser(two, replace(two, allow_symbols=("A",), deny_symbols=("C", "D", "E")))
    assert is_looser(two, replace(two, allow_symbols=("A", "Z")))
    assert is_looser(two, replace(two, allow_symbols=()))
    assert is_looser(two, replace(two, deny_symbols=("C",)))


def test_a_change_of_mode_is_judged_by_the_limits_it_brings() -> None:
    found = {change.path: change.direction for change in compare(SEED, changed(active_mode="AGGRESSIVE"))}
    assert found["active_mode"] is Direction.LOOSER
    assert found["risk.max_leverage"] is Direction.LOOSER
    assert found["risk.max_positions"] is Direction.TIGHTER


def test_the_emergency_itself_only_loosens_when_it_ends() -> None:
    stopped = SEED.with_emergency(True, "x", "ess", 1)
    assert not is_looser(SEED, stopped)
    assert is_looser(stopped, stopped.with_emergency(False, "y", "bob", 2))


def test_a_model_version_lets_nothing_in_by_itself() -> None:
    new = replace(SEED, live_models=(LiveModel("xgboost", "2"),))
    assert [(c.path, c.direction) for c in compare(SEED, new)] == [("live_models", Direction.NEUTRAL)]


def test_a_write_that_changes_nothing_compares_empty() -> None:
    assert compare(SEED, SEED.with_incarnation("bob", 9)) == ()
