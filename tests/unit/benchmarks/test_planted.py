import numpy as np
import pytest

from benchmarks.planted import Judged, scored

pytestmark = pytest.mark.unit

COUNT = 40_000


def lesson(said: float) -> Judged:
    """Return a world that gives a fifth away, and a blend that claims the share `said` of it."""
    dice = np.random.default_rng(5)
    side = np.where(dice.random(COUNT) < 0.5, -1.0, 1.0)
    oracle = 0.5 + 0.1 * side
    up = (dice.random(COUNT) < oracle).astype(np.float32)
    ret = np.where(up > 0.5, 1.0, -1.0) * dice.random(COUNT)
    blend = np.where(dice.random(COUNT) < said, oracle, 1.0 - oracle)
    return Judged(up, ret, oracle, blend, {"one": blend, "oracle": oracle}, np.full(COUNT, -0.8), np.full(COUNT, 0.8))


def test_who_says_what_the_oracle_says_has_learned_everything_there_is() -> None:
    world = lesson(said=1.0)
    assert world.share(world.oracle) == 1.0
    assert all(row.holds for row in scored(world))


def test_who_guesses_has_learned_nothing() -> None:
    world = lesson(said=0.5)
    assert abs(world.share(world.blend)) < 0.1
    assert [row.holds for row in scored(world)[:2]] == [False, False]


def test_rows_without_an_opinion_are_judged_by_nobody() -> None:
    world = lesson(said=1.0)
    silent = world.oracle.copy()
    silent[::2] = np.nan
    assert world.share(silent) == 1.0
