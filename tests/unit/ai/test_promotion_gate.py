from dataclasses import fields, replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.paired_trial import Answer
from qt_ray.ai.promotion_gate import (
    CONDITIONS,
    MORE_MAX,
    Bounds,
    Condition,
    Evidence,
    Refusal,
    Schemas,
    Sense,
    Versus,
    judged,
)
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

DAY_MS = 86_400_000
ASKED = Bounds()
GOOD = Evidence(
    trial=Answer.BETTER,
    calibration_error=Versus(0.02, 0.02),
    deflated_sharpe=0.97,
    overfitting=0.1,
    drawdown_bps=Versus(400.0, 430.0),
    tail_loss_bps=Versus(60.0, 50.0),
    turnover_bps=Versus(9_000.0, 9_000.0),
    shadow_decisions=1_500,
    shadow_ms=3 * DAY_MS,
    emergency=False,
    quiet_ms=60_000,
    since_change_ms=3 * DAY_MS,
    features=Schemas("f1", "f1"),
    actions=Schemas("a1", "a1"),
)

numbers = st.one_of(st.none(), st.floats(), st.floats(0.0, 2.0), st.floats(0.0, 1_000.0))
counts = st.one_of(st.none(), st.integers(0, 10 * DAY_MS), st.just(nan))
hashes = st.builds(Schemas, st.sampled_from([None, "", "f1"]), st.sampled_from([None, "", "f1", "f2"]))
pairs = st.builds(Versus, numbers, numbers)
BY_NAME = {
    "trial": st.one_of(st.none(), st.sampled_from(Answer)),
    "deflated_sharpe": numbers,
    "overfitting": numbers,
    "emergency": st.one_of(st.none(), st.booleans()),
    **dict.fromkeys(("calibration_error", "drawdown_bps", "tail_loss_bps", "turnover_bps"), pairs),
    **dict.fromkeys(("shadow_decisions", "shadow_ms", "quiet_ms", "since_change_ms"), counts),
    **dict.fromkeys(("features", "actions"), hashes),
}
evidence = st.fixed_dictionaries({}, optional=BY_NAME).map(lambda changed: replace(GOOD, **changed))
conditions = st.builds(
    lambda refusal, sense, found, bound: Condition(refusal, sense, lambda *_: found, lambda *_: bound),
    st.sampled_from(Refusal),
    st.sampled_from(Sense),
    st.one_of(numbers, st.text(max_size=2)),
    st.one_of(numbers, st.text(max_size=2)),
)


def leaves(name: str) -> list[Any]:
    """Return the evidence in which one thing of what stands under a name is missing or is no number."""
    value = getattr(GOOD, name)
    if isinstance(value, Schemas):
        return [replace(GOOD, **{name: replace(value, **{who: None})}) for who in ("champion", "challenger")]
    if isinstance(value, Versus):
        unknown = [(who, bad) for who in ("champion", "challenger") for bad in (None, nan, inf, -1.0)]
        return [replace(GOOD, **{name: replace(value, **{who: bad})}) for who, bad in unknown]
    return [replace(GOOD, **{name: bad}) for bad in (None, nan)]


def test_a_challenger_with_nothing_against_it_passes_and_every_condition_is_told() -> None:
    found = judged(GOOD, ASKED)
    assert found.passes
    assert found.refusals == ()
    assert [finding.refusal for finding in found.findings] == list(Refusal)


@given(evidence, st.lists(conditions, max_size=4).map(tuple), conditions)
def test_one_more_condition_never_lets_more_pass(
    known: Evidence, more: tuple[Condition, ...], another: Condition
) -> None:
    before, after = judged(known, ASKED, more), judged(known, ASKED, (*more, another))
    assert before.passes or not after.passes
    assert after.findings[: len(before.findings)] == before.findings or not before.passes


@given(evidence, st.sampled_from([field.name for field in fields(Evidence)]))
def test_knowing_less_never_lets_more_pass(known: Evidence, name: str) -> None:
    less = replace(known, **{name: getattr(Evidence(), name)})
    assert not judged(less, ASKED).passes


@pytest.mark.parametrize("name", [field.name for field in fields(Evidence)])
def test_what_is_missing_or_no_number_refuses_by_its_own_condition_alone(name: str) -> None:
    for less in leaves(name):
        assert len(judged(less, ASKED).refusals) == 1, less


def test_of_whom_nothing_is_known_everything_is_refused() -> None:
    assert judged(Evidence(), ASKED).refusals == tuple(Refusal)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"trial": Answer.GOES_ON}, Refusal.NOT_PROVEN_BETTER),
        ({"trial": Answer.NOT_BETTER}, Refusal.NOT_PROVEN_BETTER),
        ({"calibration_error": Versus(0.02, 0.0301)}, Refusal.CALIBRATION_WORSE),
        ({"deflated_sharpe": 0.949}, Refusal.DEFLATED_SHARPE),
        ({"overfitting": 0.201}, Refusal.OVERFITTING),
        ({"drawdown_bps": Versus(400.0, 441.0)}, Refusal.DRAWDOWN_WORSE),
        ({"drawdown_bps": Versus(0.0, 50.1)}, Refusal.DRAWDOWN_WORSE),
        ({"tail_loss_bps": Versus(60.0, 66.1)}, Refusal.TAIL_LOSS_WORSE),
        ({"turnover_bps": Versus(9_000.0, 9_901.0)}, Refusal.TURNOVER_WORSE),
        ({"shadow_decisions": 999, "shadow_ms": 7 * DAY_MS - 1}, Refusal.SHADOW_TOO_SHORT),
        ({"emergency": True}, Refusal.EMERGENCY),
        ({"quiet_ms": 59_999}, Refusal.ORDERS_IN_FLIGHT),
        ({"since_change_ms": 3 * DAY_MS - 1}, Refusal.COOL_DOWN),
        ({"features": Schemas("f1", "f2")}, Refusal.FEATURE_SCHEMA),
        ({"actions": Schemas("", "")}, Refusal.ACTION_SCHEMA),
    ],
)
def test_each_condition_refuses_alone(changed: dict[str, Any], refusal: Refusal) -> None:
    assert judged(replace(GOOD, **changed), ASKED).refusals == (refusal,)


@pytest.mark.parametrize(
    "changed",
    [
        {"calibration_error": Versus(0.02, 0.03)},
        {"drawdown_bps": Versus(0.0, 50.0)},
        {"shadow_decisions": 1_000, "shadow_ms": 0},
        {"shadow_decisions": 0, "shadow_ms": 7 * DAY_MS},
    ],
)
def test_what_just_reaches_its_bound_passes(changed: dict[str, Any]) -> None:
    assert judged(replace(GOOD, **changed), ASKED).passes


def test_a_refusal_can_be_read() -> None:
    found = judged(replace(GOOD, drawdown_bps=Versus(400.0, 500.0)), ASKED)
    said = next(finding for finding in found.findings if not finding.holds)
    assert (said.refusal.label, said.sense.name) == ("drawdown_worse", "AT_MOST")
    assert (said.found, said.bound) == (500.0, pytest.approx(440.0))


def test_every_refusal_has_one_condition_in_the_order_of_its_number() -> None:
    assert [condition.refusal for condition in CONDITIONS] == sorted(Refusal)


def test_a_bound_that_nobody_knows_is_refused() -> None:
    for field in fields(Bounds):
        for bad in (nan, inf, -1):
            with pytest.raises(Invalid, match=field.name):
                replace(ASKED, **{field.name: bad})
    with pytest.raises(Invalid, match="shadow"):
        replace(ASKED, shadow_decisions_min=0)
    with pytest.raises(Invalid, match=f"at most {MORE_MAX}"):
        judged(GOOD, ASKED, CONDITIONS * (MORE_MAX // len(CONDITIONS) + 1))
