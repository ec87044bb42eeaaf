"""SPEC law 4: the effective limit is the minimum over all layers and names its layer; one more layer never loosens."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.core.limits import Mode
from qt_ray.core.loosening import is_looser
from qt_ray.core.policy import Policy
from qt_ray.risk.in_force import limits_in_force
from qt_ray.risk.restraints import (
    FREE,
    LAYERS_MAX,
    OPENING_MS,
    SILENT_MS,
    Latitude,
    Restraint,
    Restraints,
    restrained,
)

pytestmark = pytest.mark.unit

NOW_MS = 1_000_000
LAYERS = ("fund_os.governor", "fund_os.orchestrator", "recovery")

restraints = st.builds(
    Restraint,
    st.sampled_from(LAYERS),
    st.integers(0, 10_000),
    st.integers(1, 125),
    st.integers(0, 10_000),
    st.lists(st.sampled_from(["AUSDT", "BUSDT"])).map(tuple),
    st.sampled_from(["", "a reason"]),
    st.integers(1, 1_000),
)
policies = st.builds(
    Policy,
    st.sampled_from(Mode),
    deny_symbols=st.lists(st.sampled_from(["BUSDT", "CUSDT"])).map(tuple),
)


def numbers(left: Latitude) -> tuple[int, int, int, int, frozenset[str]]:
    return left.size_bps, left.leverage_max, left.positions_max, left.confidence_min_bps, frozenset(left.denied)


def met(found: list[Restraint]) -> Latitude:
    left = FREE
    for one in found:
        left = left.meets(one)
    return left


@pytest.mark.requirement("L4")
@given(st.lists(restraints, max_size=5), restraints, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=80)
def test_one_more_layer_never_loosens_and_their_order_cannot_matter(
    found: list[Restraint], more: Restraint, dice: object
) -> None:
    before, after = met(found), met([*found, more])
    assert after.size_bps <= before.size_bps
    assert after.leverage_max <= before.leverage_max
    assert after.positions_max <= before.positions_max
    assert after.confidence_min_bps >= before.confidence_min_bps
    assert after.denied.keys() >= before.denied.keys()
    assert numbers(after) == numbers(met([more, *reversed(found)]))


@given(st.lists(restraints, min_size=1, max_size=5))
@settings(deadline=None, max_examples=80)
def test_every_bound_names_a_layer_that_set_it(found: list[Restraint]) -> None:
    left = met(found)
    for name, free in (
        ("size_bps", 10_000),
        ("leverage_max", 125),
        ("confidence_min_bps", 0),
        ("positions_max", 1_000),
    ):
        value = getattr(left, name)
        setters = {one.layer for one in found if getattr(one, name) == value}
        assert (name not in left.by) if value == free else left.by[name] in setters
    assert all(symbol in one.deny for symbol, layer in left.denied.items() for one in found if one.layer == layer) or (
        len({one.layer for one in found}) < len(found)
    )


@given(policies, st.lists(restraints, max_size=4))
@settings(deadline=None, max_examples=80)
def test_what_is_left_of_a_policy_is_never_looser_and_free_is_all_of_it(policy: Policy, found: list[Restraint]) -> None:
    left = met(found)
    assert not is_looser(policy, restrained(policy, left))
    assert restrained(policy, FREE) == policy
    assert (limits_in_force(restrained(policy, left)).row == limits_in_force(policy, left).row).all()


def test_the_limits_in_force_name_the_layer() -> None:
    left = met([Restraint("fund_os.governor", leverage_max=2), Restraint("recovery", confidence_min_bps=8_000)])
    force = limits_in_force(Policy(), left)
    assert (force.value("leverage_x100"), force.layers["leverage_x100"]) == (200, "layer fund_os.governor")
    assert (force.value("confidence_min_bps"), force.layers["confidence_min_bps"]) == (8_000, "layer recovery")
    assert restrained(Policy(), left).risk.min_confidence == Decimal("0.8")


def test_who_must_speak_and_has_not_leaves_nothing() -> None:
    found = Restraints(NOW_MS, frozenset(LAYERS[:1]))
    late_ms = NOW_MS + OPENING_MS
    assert found.left(late_ms).why_closed() == f"no entry, {LAYERS[0]} leaves nothing: it has not spoken yet"
    spoken = found.spoken(Restraint(LAYERS[0]), late_ms)
    assert numbers(spoken.left(late_ms)) == numbers(FREE)
    assert spoken.left(late_ms + SILENT_MS - 1).why_closed() is None
    assert f"it was silent for {SILENT_MS} ms" in str(spoken.left(late_ms + SILENT_MS).why_closed())
    assert spoken.left(late_ms - 1).size_bps == 0
    assert spoken.withdrawn(LAYERS[0]).left(late_ms).size_bps == 0


def test_a_layer_that_need_not_speak_leaves_nothing_once_it_has_and_falls_silent_until_it_is_withdrawn() -> None:
    found = Restraints(NOW_MS).spoken(Restraint("recovery", 5_000), NOW_MS)
    assert found.left(NOW_MS).size_bps == 5_000
    assert found.left(NOW_MS + SILENT_MS).size_bps == 0
    assert found.withdrawn("recovery").left(NOW_MS + SILENT_MS) == FREE


def test_a_store_that_was_born_again_waits_for_layers_that_it_has_forgotten() -> None:
    found = Restraints(NOW_MS, frozenset(LAYERS[:1])).spoken(Restraint(LAYERS[0]), NOW_MS)
    assert "waits for every layer" in str(found.left(NOW_MS + OPENING_MS - 1).why_closed())
    assert found.left(NOW_MS + OPENING_MS).why_closed() is None


def test_layers_are_bounded() -> None:
    found = Restraints(NOW_MS)
    for number in range(LAYERS_MAX):
        found = found.spoken(Restraint(f"layer{number}"), NOW_MS)
    assert found.spoken(Restraint("layer0", 1), NOW_MS).left(NOW_MS).size_bps == 1
    with pytest.raises(Invalid, match="at most 32 layers"):
        found.spoken(Restraint("one more"), NOW_MS)


@pytest.mark.parametrize(
    "bad",
    [
        {"layer": " "},
        {"size_bps": -1},
        {"size_bps": 10_001},
        {"leverage_max": 0},
        {"positions_max": 0},
        {"leverage_max": 126},
        {"confidence_min_bps": 10_001},
        {"deny": ("A",) * 5_001},
        {"reason": "x" * 501},
    ],
    ids=lambda bad: next(iter(bad)),
)
def test_a_restraint_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        replace(Restraint("fund_os"), **bad)  # type: ignore[arg-type]
