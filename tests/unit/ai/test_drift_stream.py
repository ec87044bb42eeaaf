"""A mean that changed is found and dated; one that stayed is left alone, and memory stays small."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.ai.drift_stream import BUCKETS_MAX, ROWS_MAX, Adwin, Bucket, Change, PageHinkley
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

USUAL, DEVIATION, BEGIN = 0.25, 0.05, 600
Watch = Adwin | PageHinkley
WATCHES = pytest.mark.parametrize("kind", [Adwin, PageHinkley])
values = st.lists(st.floats(0, 1), min_size=2, max_size=40)


def losses(seed: int, before: int, after: int = 0, rise: float = 0.0) -> list[float]:
    dice = np.random.default_rng(seed)
    found = np.concatenate([dice.normal(USUAL, DEVIATION, before), dice.normal(USUAL + rise, DEVIATION, after)])
    return [float(one) for one in np.clip(found, 0.0, 1.0)]


def changes(watch: Watch, stream: list[float]) -> list[tuple[int, Change]]:
    return [(at, found) for at, value in enumerate(stream) if (found := watch.see(at, value)) is not None]


def bucket(found: list[float]) -> Bucket:
    return Bucket(len(found), float(np.mean(found)), float(np.var(found) * len(found)), 0)


@given(values, values)
def test_buckets_join_and_part_as_their_values_do(one: list[float], other: list[float]) -> None:
    both = bucket(one).joined(bucket(other))
    assert both == pytest.approx(bucket(one + other))
    assert both.without(bucket(one))[:3] == pytest.approx(bucket(other)[:3], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=300))
def test_a_window_holds_what_it_was_shown_since_the_last_cut(stream: list[float]) -> None:
    adwin = Adwin()
    found = changes(adwin, stream)
    kept = stream[found[-1][1].since_ms :] if found else stream
    assert adwin.count == len(kept)
    if kept:
        total = sum(one.size * one.mean for one in adwin.buckets)
        assert total == pytest.approx(sum(kept), abs=1e-6)


def test_memory_grows_with_the_logarithm_of_what_was_seen() -> None:
    adwin = Adwin()
    changes(adwin, losses(1, 8_000))
    assert adwin.count == 8_000
    assert len(adwin.buckets) <= BUCKETS_MAX * 12 <= BUCKETS_MAX * ROWS_MAX


@WATCHES
def test_a_stream_that_stays_as_it_is_raises_no_alarm(kind: type[Watch]) -> None:
    alarmed = sum(bool(changes(kind(), losses(seed, 2_000))) for seed in range(25))
    assert alarmed <= 1


@pytest.mark.parametrize(("kind", "bars_max"), [(Adwin, 400), (PageHinkley, 80)])
def test_a_rise_of_one_deviation_is_found_in_time_and_dated(kind: type[Watch], bars_max: int) -> None:
    for seed in range(15):
        at, found = changes(kind(), losses(seed, BEGIN, bars_max, DEVIATION))[0]
        assert BEGIN <= at < BEGIN + bars_max
        assert abs(found.since_ms - BEGIN) <= 40
        assert (found.before, found.after) == pytest.approx((USUAL, USUAL + DEVIATION), abs=0.03)


def test_only_adwin_tells_of_a_fall() -> None:
    stream = losses(2, BEGIN, 600, -2 * DEVIATION)
    assert changes(PageHinkley(), stream) == []
    [(_, found), *_] = changes(Adwin(), stream)
    assert found.after < found.before


@WATCHES
@pytest.mark.parametrize("unknown", [nan, inf, -inf])
def test_what_is_not_known_is_not_taken_in(kind: type[Watch], unknown: float) -> None:
    stream = losses(3, BEGIN, 300, 2 * DEVIATION)
    bare, holed = kind(), kind()
    alone = [bare.see(at, value) for at, value in enumerate(stream)]
    beside = []
    for at, value in enumerate(stream):
        assert holed.see(at, unknown) is None
        beside.append(holed.see(at, value))
    assert alone == beside
    assert any(alone)


@WATCHES
@pytest.mark.parametrize("level", [0.0, 0.1, 0.7])
def test_what_never_varies_never_alarms_and_a_step_from_it_does(kind: type[Watch], level: float) -> None:
    watch = kind()
    assert changes(watch, [level] * 500) == []
    assert changes(watch, [level + 0.2] * 200)


@pytest.mark.parametrize("arguments", [(1.0, 0.0), (0.0, inf), (0.0, 1.0, 0.0), (0.0, 1.0, 1.0)])
def test_a_window_has_a_range_and_a_doubt(arguments: tuple[float, ...]) -> None:
    with pytest.raises(Invalid):
        Adwin(*arguments)


@pytest.mark.parametrize("arguments", [(0.0, 1.0), (2.0, 1.0), (1.0, inf)])
def test_a_tolerance_lies_below_the_threshold(arguments: tuple[float, float]) -> None:
    with pytest.raises(Invalid, match="below the threshold"):
        PageHinkley(*arguments)
