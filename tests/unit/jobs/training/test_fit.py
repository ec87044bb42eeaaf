"""Fit: votes that mean what they say, made of rows that came after everything the members have seen."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.ensemble.ensemble import Conduct
from qt_ray.ai.ensemble.spec import BASE_WEIGHTS
from qt_ray.ai.members.member import Silence
from qt_ray.ai.scores import ece, log_loss
from qt_ray.jobs.training.fit import fit, panels_of, pool, sizes
from tests.unit.jobs.training.tiny import plan_for, sample, tiny

pytestmark = pytest.mark.unit

KINDS = ("xgboost", "lightgbm", "patchtst", "nhits")
COIN = float(np.log(2.0))


def test_the_members_speak_after_they_were_calibrated_on_rows_that_taught_them_nothing() -> None:
    made = tiny()
    held = made.sample.take(made.parts.calibrate)
    for seat in made.fitted.spec.seats:
        assert seat.trained_to_ms == held.until.max()
        assert made.sample.until[made.parts.train].max() < held.ts[0]
        assert seat.trained_to_ms < made.sample.ts[made.parts.test].min()
        assert seat.weight == BASE_WEIGHTS[seat.kind]
        assert seat.version == sha256(made.learned[seat.kind].artefact).hexdigest()


def test_an_ensemble_that_learned_something_is_better_than_a_coin_and_means_what_it_says() -> None:
    made = tiny()
    test = made.sample.take(made.parts.test)
    up = made.fitted.ensemble(made.bars.symbols).weigh(test.evidence, test.regime, test.ts).outlook["up"]
    assert np.isfinite(up).mean() > 0.7
    assert log_loss(up.astype(np.float64), test.up) < COIN - 0.05
    assert ece(up.astype(np.float64), test.up) < 0.1


def test_the_interval_holds_about_as_often_as_it_promises() -> None:
    made = tiny()
    test = made.sample.take(made.parts.test)
    outlook = made.fitted.ensemble(made.bars.symbols).weigh(test.evidence, test.regime, test.ts).outlook
    known = np.isfinite(outlook["low"])
    held = ((test.ret >= outlook["low"]) & (test.ret <= outlook["high"]))[known].mean()
    assert abs(held - made.fitted.spec.panels["all"].coverage) < 0.1


def test_a_member_keeps_silent_far_outside_what_it_learned_from() -> None:
    made = tiny()
    few = made.sample.take(made.parts.test).take(slice(0, 50)).evidence
    strange = replace(few, features=few.features + np.float32(1e6))
    for kind, member in made.fitted.members.items():
        assert (member.opine(strange).silence == Silence.OUT_OF_DISTRIBUTION).all()
        assert not made.fitted.envelopes[kind].outside(made.sample.take(made.parts.train).evidence.features).all()


def test_a_network_has_bounds_of_its_windows_and_a_panel_of_trees_beside_it() -> None:
    made = tiny("lightgbm,nhits")
    rows, parts, fitted = made.sample, made.parts, made.fitted
    assert {name: panel.kinds for name, panel in fitted.spec.panels.items()} == {
        "all": ("lightgbm", "nhits"),
        "trees": ("lightgbm",),
    }
    said = fitted.members["nhits"].opine(rows.take(parts.train).evidence)
    assert (said.silence == Silence.SPOKE).mean() > 0.9
    assert len(fitted.ensemble(tiny().bars.symbols, Conduct(panel="trees")).seats) == 1


def test_fitting_again_is_fitting_the_same() -> None:
    made = tiny()
    assert fit(made.plan, made.sample, made.parts, made.learned).spec == made.fitted.spec


@given(st.lists(st.sampled_from(KINDS), min_size=1, unique=True))
def test_trees_are_a_panel_of_their_own_where_somebody_else_is_there(kinds: list[str]) -> None:
    panels = panels_of(tuple(kinds))
    assert panels["all"] == tuple(kinds)
    assert ("trees" in panels) is (0 < len(set(kinds) & {"xgboost", "lightgbm"}) < len(kinds))
    assert set(panels.get("trees", ())) <= {"xgboost", "lightgbm"}


votes = st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 10.0), st.booleans()), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(votes)
def test_a_pool_lies_between_the_votes_that_were_given(given_votes: list[tuple[float, float, bool]]) -> None:
    said = np.array([[p if spoke else np.nan for p, _, spoke in given_votes]])
    pooled = pool(said, np.array([[weight for _, weight, _ in given_votes]]))[0]
    if np.isfinite(said).any():
        assert np.nanmin(said) - 1e-12 <= pooled <= np.nanmax(said) + 1e-12
    else:
        assert np.isnan(pooled)


def test_a_silent_member_weighs_nothing() -> None:
    pooled = pool(np.array([[0.6, np.nan], [0.6, 0.2], [np.nan, np.nan]]), np.array([[1.0, 9.0], [1.0, 3.0], [1, 1]]))
    assert np.allclose(pooled, [0.6, 0.3, np.nan], equal_nan=True)


def test_a_size_grows_with_the_root_of_the_horizon() -> None:
    rows = sample().take(slice(0, 10))
    near, far = sizes(plan_for(), rows), sizes(plan_for({"train.horizon_bars": "4"}), rows)
    assert np.allclose(far, 2.0 * near)
    assert (near > 0.0).all()
