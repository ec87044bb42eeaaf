from dataclasses import replace
from math import inf, nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qt_ray.ai.paired_trial import Answer, Pairs, Plan, Verdict, judged
from qt_ray.ai.spending import bounds
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

Floats = NDArray[np.float64]

PLAN = Plan(looks=8, blocks_max=320, blocks_min=40, decisions_min=400, trades_min=40)
EACH = 10
SEEDS = st.integers(0, 2**32 - 1)


def pairs(gains: Floats, champion: Floats | None = None) -> Pairs:
    """Return pairs of ten decisions in a block, with the gains the challenger has over the champion."""
    before = np.zeros(len(gains)) if champion is None else champion
    block = np.arange(len(gains), dtype=np.int64) // EACH
    return Pairs(before, before + gains, block, np.ones(len(gains), np.bool_))


def noise(seed: int, rows: int = PLAN.blocks_max * EACH, follows: float = 0.0) -> Floats:
    """Return gains of nothing, each of which follows the one before it."""
    fresh = np.random.default_rng(seed).standard_normal(rows)
    weights = follows ** np.arange(60)
    return np.asarray(np.convolve(fresh, weights)[:rows])


def ever_better(many: list[Floats], plan: Plan = PLAN) -> float:
    return sum(judged(plan, pairs(gains)).answer is Answer.BETTER for gains in many) / len(many)


def cut(given: Pairs, blocks: int) -> Pairs:
    rows = blocks * EACH
    return Pairs(given.champion[:rows], given.challenger[:rows], given.block[:rows], given.traded[:rows])


@pytest.mark.parametrize("follows", [0.0, 0.5, 0.8])
def test_of_trials_of_nothing_at_most_alpha_ever_say_better(follows: float) -> None:
    count = 1_500
    share = ever_better([noise(seed, follows=follows) for seed in range(count)])
    assert share <= PLAN.alpha + 3 * sqrt(PLAN.alpha * (1 - PLAN.alpha) / count)


def test_heavy_tails_make_no_false_yes() -> None:
    count, dice = 1_000, np.random.default_rng(3)
    share = ever_better([dice.standard_t(3, PLAN.blocks_max * EACH) for _ in range(count)])
    assert share <= PLAN.alpha + 3 * sqrt(PLAN.alpha * (1 - PLAN.alpha) / count)


def test_rare_large_losses_make_no_false_yes() -> None:
    count, dice, mean = 1_000, np.random.default_rng(5), float(np.exp(0.5))
    share = ever_better([mean - dice.lognormal(size=PLAN.blocks_max * EACH) for _ in range(count)])
    assert share <= PLAN.alpha + 3 * sqrt(PLAN.alpha * (1 - PLAN.alpha) / count)


def test_a_challenger_as_good_as_the_plan_is_made_for_is_found_about_as_often_as_it_says() -> None:
    edge = (0.8416 + 1.6449) / sqrt(PLAN.blocks_max * EACH)
    share = ever_better([edge + noise(seed) for seed in range(400)])
    assert share == pytest.approx(PLAN.power, abs=0.08)


def test_a_clearly_better_challenger_is_found_early_and_a_clearly_worse_one_is_given_up_early() -> None:
    better, worse = (judged(PLAN, pairs(noise(7) + edge)) for edge in (0.12, -0.12))
    assert better.answer is Answer.BETTER
    assert worse.answer is Answer.NOT_BETTER
    assert max(better.looks[-1].blocks, worse.looks[-1].blocks) <= PLAN.blocks_max // 2


@settings(max_examples=25)
@given(SEEDS, st.floats(-0.1, 0.1), st.integers(0, PLAN.blocks_max), st.integers(0, PLAN.blocks_max))
def test_what_was_said_stands_and_asking_in_between_changes_nothing(seed: int, edge: float, one: int, two: int) -> None:
    whole = pairs(noise(seed) + edge)
    before, after = (judged(PLAN, cut(whole, blocks)) for blocks in sorted((one, two)))
    assert after.looks[: len(before.looks)] == before.looks
    if before.answer is not Answer.GOES_ON:
        assert after == before


@settings(max_examples=25)
@given(SEEDS, st.floats(-0.1, 0.2))
def test_an_answer_is_what_its_numbers_say(seed: int, edge: float) -> None:
    found = judged(PLAN, pairs(noise(seed) + edge))
    last, limits = found.looks[-1], bounds(PLAN.alpha, PLAN.fractions)
    assert [look.bound for look in found.looks] == list(limits[: len(found.looks)])
    assert (found.answer is Answer.BETTER) is (last.score >= last.bound)
    assert {look.answer for look in found.looks[:-1]} <= {Answer.GOES_ON}
    assert (found.answer is Answer.GOES_ON) is False


@settings(max_examples=25)
@given(SEEDS, st.floats(0.001, 1e6))
def test_the_scale_of_returns_and_what_both_share_change_no_answer(seed: int, scale: float) -> None:
    gains, shared = noise(seed) + 0.04, noise(seed + 1)
    one, other = judged(PLAN, pairs(gains)), judged(PLAN, pairs(gains * scale, shared * scale))
    assert [look.answer for look in one.looks] == [look.answer for look in other.looks]
    assert [look.score for look in one.looks] == pytest.approx([look.score for look in other.looks], abs=1e-6)


def test_blocks_that_follow_their_neighbours_tell_less() -> None:
    fresh = np.random.default_rng(4).standard_normal(40)
    mixed, sorted_out = (np.repeat(gains, EACH) for gains in (fresh, np.sort(fresh)))
    plan = replace(PLAN, hope_min=0.0)
    one, other = (judged(plan, pairs(gains)).looks[0] for gains in (mixed, sorted_out))
    assert one.gain == pytest.approx(other.gain)
    assert other.error > 1.3 * one.error


@pytest.mark.parametrize(
    "more", [{"decisions_min": 3_201}, {"trades_min": 3_201}, {"blocks_min": 320, "decisions_min": 3_201}]
)
def test_too_little_to_see_is_never_a_yes(more: dict[str, Any]) -> None:
    found = judged(replace(PLAN, **more), pairs(noise(1) + 1.0))
    assert found.answer is Answer.NOT_BETTER
    assert all(look.score >= look.bound for look in found.looks)


def test_the_first_look_that_may_say_yes_says_it() -> None:
    found = judged(replace(PLAN, blocks_min=121), pairs(noise(1) + 1.0))
    assert (found.answer, found.looks[-1].blocks) == (Answer.BETTER, 160)


@pytest.mark.parametrize("gain", [0.0, 0.1, 1.0])
def test_blocks_that_never_differ_prove_nothing(gain: float) -> None:
    assert judged(PLAN, pairs(np.full(3_200, gain))).answer is Answer.NOT_BETTER


def test_before_the_first_look_there_is_nothing_to_say() -> None:
    nothing = pairs(np.empty(0))
    assert judged(PLAN, nothing) == judged(PLAN, pairs(noise(1, 390))) == Verdict(Answer.GOES_ON, ())


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_pair_of_which_one_is_not_known_is_refused(bad: float) -> None:
    gains = noise(1, 100)
    gains[17] = bad
    with pytest.raises(Invalid, match="in row 17 one is not"):
        pairs(gains)


def test_pairs_out_of_order_or_of_different_lengths_are_refused() -> None:
    zeros, traded = np.zeros(3), np.ones(3, np.bool_)
    with pytest.raises(Invalid, match="order of time"):
        Pairs(zeros, zeros, np.array([0, 2, 1]), traded)
    with pytest.raises(Invalid, match="one length"):
        Pairs(zeros, np.zeros(2), np.array([0, 1, 2]), traded)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": nan}, "alpha"),
        ({"power": 0.01}, "alpha < power"),
        ({"hope_min": 0.9}, "hope_min"),
        ({"blocks_min": 5}, "blocks"),
        ({"blocks_max": 39}, "blocks"),
        ({"looks": 0}, "looks"),
        ({"looks": 17}, "looks"),
        ({"trades_min": 0}, "a trade at least"),
    ],
)
def test_a_plan_that_proves_nothing_is_refused(changed: dict[str, Any], rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        replace(PLAN, **changed)
