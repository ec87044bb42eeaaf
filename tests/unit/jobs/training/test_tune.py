"""Tune: the defaults first, then different numbers, the same ones whenever the same is asked."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.jobs.training.learners import learner_plan
from qt_ray.jobs.training.tune import SPACE, drawn, trial, tuned
from tests.unit.jobs.training.tiny import loaded, plan_for, sample, tiny, unheard

pytestmark = pytest.mark.unit


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(sorted(SPACE)), trials=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_the_defaults_come_first_and_no_numbers_twice(kind: str, trials: int, seed: int) -> None:
    tries = drawn(kind, trials, seed)
    there_are = int(np.prod([len(values) for values in SPACE[kind].values()]))
    assert tries[0] == {}
    assert len({tuple(sorted(numbers.items())) for numbers in tries}) == len(tries) <= trials + 1
    assert len(tries) == min(trials, there_are) + 1 or trials > there_are // 2
    assert tries == drawn(kind, trials, seed)
    assert all(str(value) in SPACE[kind][name] for numbers in tries[1:] for name, value in numbers.items())


def test_another_seed_draws_others() -> None:
    assert drawn("xgboost", 5, 1) != drawn("xgboost", 5, 2)


@pytest.mark.parametrize("kind", sorted(SPACE))
def test_every_number_of_the_space_is_one_of_its_learner(kind: str) -> None:
    for numbers in drawn(kind, 40, 7):
        learner_plan(kind, numbers)


def test_a_trial_is_judged_by_what_came_after_it_and_is_the_same_again() -> None:
    past = sample().take(tiny().parts.train)
    plan = plan_for({"train.embargo_bars": "2"})
    few = {"rounds": Decimal(5)}
    loss = trial(plan, "xgboost", few, past)
    assert 0.4 < loss < np.log(2.0)
    assert trial(plan, "xgboost", few, past) == loss


def test_what_was_found_best_is_what_will_be_trained_and_all_else_stays() -> None:
    said: list[str] = []
    asked = loaded({"train.members": "lightgbm"})
    found = tuned(asked, 1, False, unheard, said.append)
    best, before = found.settings.train, asked.settings.train
    assert said[0].startswith("lightgbm: 0.")
    assert {**best.lightgbm} == {**before.lightgbm, **_chosen(said[0])}
    assert best.model_copy(update={"lightgbm": before.lightgbm}) == before
    assert tuned(asked, 1, False, unheard, said.append).settings == found.settings


def _chosen(line: str) -> dict[str, Decimal]:
    shown = line.partition(" with ")[2].partition(" (defaults")[0]
    if shown == "the defaults":
        return {}
    return {name: Decimal(value) for name, value in (part.split() for part in shown.split(", "))}
