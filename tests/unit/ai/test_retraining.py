"""A model is trained anew for a reason with a number; what is not known is no reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.ai.retraining import DAY_MS, Champion, Form, Patience, found

pytestmark = pytest.mark.unit

FRESH = Champion("ensemble", "v1", 0, 3_600_000, 0.24)
WELL = Form(0.24, 1_000)


def test_a_fresh_model_in_good_form_stays() -> None:
    assert found(FRESH, WELL, DAY_MS).reasons == ()


@pytest.mark.requirement("S5 ContinuousLearning")
@pytest.mark.parametrize(
    ("champion", "form", "days", "reason"),
    [
        (FRESH, WELL, 7, "its data end 7 days ago, limit 7"),
        (replace(FRESH, interval_ms=60_000), WELL, 6.95, "10008 bars have closed since, limit 10000"),
        (FRESH, Form(0.252, 200), 1, "its Brier score is 500 bps worse, limit 500"),
    ],
)
def test_each_limit_is_a_reason_with_its_number(champion: Champion, form: Form, days: float, reason: str) -> None:
    assert found(champion, form, round(days * DAY_MS)).reasons == (reason,)


@pytest.mark.parametrize(
    ("champion", "form"),
    [(FRESH, Form(None, 0)), (FRESH, Form(0.9, 199)), (replace(FRESH, brier=None), Form(0.9, 999))],
)
def test_what_is_not_known_is_no_decay(champion: Champion, form: Form) -> None:
    seen = found(champion, form, DAY_MS)
    assert (seen.decay_bps, seen.reasons) == (None, ())


@given(st.integers(0, 30 * DAY_MS), st.integers(0, 30 * DAY_MS), st.floats(0.01, 1), st.floats(0, 1))
def test_older_and_worse_never_has_fewer_reasons(age_ms: int, more_ms: int, brier: float, worse: float) -> None:
    patience = Patience(outcomes_min=1)
    young = found(FRESH, Form(brier, 9), age_ms, patience)
    old = found(FRESH, Form(min(brier + worse, 1.0), 9), age_ms + more_ms, patience)
    assert len(young.reasons) <= len(old.reasons)
