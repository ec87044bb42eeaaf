"""A column that lies elsewhere is far away; a sample of what was learned, a hole or the order of rows is not."""

from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.drift_shape import BLOCKS, EDGES_MAX, Reference, ShapeWatch, learned
from qt_ray.ai.members.member import Floats
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

WINDOW = 320
cells = st.one_of(st.floats(-5, 5), st.sampled_from([0.0, 1.0, nan, inf, -inf]))


def normal(seed: int, bars: int = 1_000, shift: float = 0.0) -> Floats:
    return np.random.default_rng(seed).normal(shift, 1.0, (bars, 1))


def watched(reference: Reference, values: Floats, persistence: int = 1) -> ShapeWatch:
    watch = ShapeWatch({"x": reference}, WINDOW, persistence)
    for row in values:
        watch.see(row[:, None])
    return watch


@settings(deadline=None)
@given(st.lists(cells, min_size=1, max_size=60))
def test_a_reference_counts_every_value_once_and_what_is_missing_apart(found: list[float]) -> None:
    reference = learned(np.array(found))
    assert sum(reference.counts) == len(found)
    assert reference.counts[-1] == int((~np.isfinite(found)).sum())
    assert len(reference.edges) <= EDGES_MAX


@settings(deadline=None, max_examples=50)
@given(st.lists(cells, min_size=1, max_size=40), st.lists(cells, min_size=1, max_size=40))
def test_a_distance_is_never_below_zero_and_blind_to_order(known: list[float], seen: list[float]) -> None:
    reference = learned(np.array(known))
    there = watched(reference, np.array(seen)[:, None]).distances(4.0, 0.25)["x"]
    back = watched(reference, np.array(seen[::-1])[:, None]).distances(4.0, 0.25)["x"]
    assert there == back
    assert there.psi >= -1e-12
    assert there.missing == pytest.approx(np.mean(~np.isfinite(seen)))


def test_a_distance_is_the_population_stability_index() -> None:
    reference = Reference((0.0,), (5_000, 5_000, 0), 10_000.0)
    found = watched(reference, np.array([[-1.0]] * 64 + [[1.0]] * 256)).distances(4.0, 0.25)["x"]
    assert found.psi == pytest.approx((0.8 - 0.5) * log(0.8 / 0.5) + (0.2 - 0.5) * log(0.2 / 0.5), rel=0.02)
    assert found.limit == 0.25


def test_samples_of_what_was_learned_stay_within_their_limit() -> None:
    alarmed = 0
    for seed in range(40):
        found = watched(learned(normal(seed)), normal(1_000 + seed, WINDOW)).distances(4.0, 0.01)["x"]
        alarmed += found.psi > found.limit
    assert alarmed <= 1


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_a_shift_by_a_deviation_is_beyond_the_limit(shift: float) -> None:
    found = watched(learned(normal(1)), normal(2, WINDOW, shift)).distances(4.0, 0.25)["x"]
    assert found.psi > 2 * found.limit


def test_bars_that_are_felt_for_long_are_worth_fewer_observations() -> None:
    limits = [
        watched(learned(normal(1), bars), normal(2, WINDOW), bars).distances(4.0, 0.01)["x"].limit for bars in (1, 8)
    ]
    assert limits[1] == pytest.approx(8 * limits[0])


def test_a_hole_says_nothing_and_a_share_of_holes_does() -> None:
    reference, values = learned(normal(1)), normal(2, WINDOW)
    values[7] = nan
    one = watched(reference, values).distances(4.0, 0.25)["x"]
    values[::2] = nan
    half = watched(reference, values).distances(4.0, 0.25)["x"]
    assert one.psi < one.limit
    assert half.psi > half.limit
    assert half.missing == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("other", [2.9, 3.1, nan])
def test_a_column_that_never_varied_has_moved_when_it_does_to_either_side(other: float) -> None:
    reference = learned(np.full(1_000, 3.0))
    assert watched(reference, np.full((WINDOW, 1), 3.0)).distances(4.0, 0.25)["x"].psi == pytest.approx(0.0, abs=0.01)
    moved = watched(reference, np.full((WINDOW, 1), other)).distances(4.0, 0.25)["x"]
    assert moved.psi > moved.limit


def test_a_window_forgets_its_oldest_bars_and_never_holds_more_than_its_size() -> None:
    watch = watched(learned(normal(1)), normal(2, 3 * WINDOW, 3.0))
    assert WINDOW * (BLOCKS - 1) // BLOCKS < watch.bars <= WINDOW
    for row in normal(3, WINDOW):
        watch.see(row[:, None])
    found = watch.distances(4.0, 0.25)["x"]
    assert found.psi < found.limit


def test_columns_are_judged_each_by_its_own_reference() -> None:
    references = {"still": learned(normal(1)), "moved": learned(np.array([0.0, 1.0] * 500)), "odd": learned(normal(4))}
    together = ShapeWatch(references, WINDOW)
    values = np.hstack([normal(2, WINDOW), np.full((WINDOW, 1), 1.0), normal(3, WINDOW)])
    for row in values:
        together.see(row[None])
    for at, (name, reference) in enumerate(references.items()):
        alone = watched(reference, values[:, [at]]).distances(4.0, 0.25)["x"]
        assert together.distances(4.0, 0.25)[name] == alone


def test_a_bar_without_symbols_is_no_bar() -> None:
    watch = ShapeWatch({"x": learned(normal(1))}, WINDOW)
    watch.see(np.empty((0, 1)))
    assert watch.bars == 0
    assert watch.distances(4.0, 0.25)["x"].psi == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("edges", "counts", "observations", "rule"),
    [
        ((1.0, 1.0), (1, 1, 1, 1), 1.0, "ascending"),
        ((nan,), (1, 1, 1), 1.0, "finite"),
        ((1.0,), (1, 1), 1.0, "one per bin"),
        ((1.0,), (0, 0, 0), 1.0, "not all zero"),
        ((1.0,), (1, 1, 1), 4.0, "at most 3"),
    ],
)
def test_a_reference_that_is_none_is_refused(
    edges: tuple[float, ...], counts: tuple[int, ...], observations: float, rule: str
) -> None:
    with pytest.raises(Invalid, match=rule):
        Reference(edges, counts, observations)


def test_what_cannot_be_watched_is_refused() -> None:
    reference = learned(normal(1))
    with pytest.raises(Invalid, match="columns"):
        ShapeWatch({}, WINDOW)
    with pytest.raises(Invalid, match="window_bars"):
        ShapeWatch({"x": reference}, BLOCKS - 1)
    with pytest.raises(Invalid, match="persistence_bars"):
        ShapeWatch({"x": reference}, WINDOW, 0)
    with pytest.raises(Invalid, match="a bar has 1 columns"):
        ShapeWatch({"x": reference}, WINDOW).see(np.zeros((2, 2)))
    with pytest.raises(Invalid, match="a reference: values"):
        learned(np.empty(0))
