import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.venue_clock import DRIFT_PPM, ClockView, Sample, VenueClock, Verdict

pytestmark = pytest.mark.unit

MS = 1_000_000
WALL = 1_700_000_000_000


def heard(*samples: Sample) -> VenueClock:
    clock = VenueClock()
    for sample in samples:
        clock.hear(sample)
    return clock


def test_before_the_venue_was_heard_the_wall_clock_is_a_guess() -> None:
    clock = VenueClock()
    assert not clock.is_set
    assert clock.venue_ms(WALL, 5) == WALL
    assert clock.view(WALL, 5) == ClockView(0, 0, Verdict.WARN)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=12),
    st.integers(0, 60_000),
    st.integers(-10_000, 10_000),
)
def test_the_venues_time_is_known_within_half_of_the_best_way_there_and_back(
    ways: list[tuple[int, int]], later_ms: int, ahead: int
) -> None:
    clock, now, venue = VenueClock(), 0, WALL
    for there, back in ways:
        clock.hear(Sample(venue + there, now, now + (there + back) * MS))
        now, venue = now + (there + back) * MS, venue + there + back
    now, venue = now + later_ms * MS, venue + later_ms
    view = clock.view(venue + ahead, now)
    assert abs(clock.venue_ms(0, now) - venue) <= view.error_ms + 1
    assert abs(view.ahead_ms - ahead) <= view.error_ms + 1
    best = min(there + back for there, back in ways[-8:])
    assert view.error_ms <= best // 2 + (later_ms + 800 * 8) * DRIFT_PPM // 1_000_000 + 1


def test_a_step_of_the_wall_clock_moves_no_timestamp() -> None:
    clock = heard(Sample(WALL, 0, 20 * MS))
    assert clock.venue_ms(WALL, 1_010 * MS) == clock.venue_ms(WALL - 60_000, 1_010 * MS) == WALL + 1_000


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (0, Verdict.GOOD),
        (260, Verdict.GOOD),
        (270, Verdict.WARN),
        (-270, Verdict.WARN),
        (1_010, Verdict.WARN),
        (1_020, Verdict.STOP),
        (-1_020, Verdict.STOP),
    ],
)
def test_what_may_be_the_ways_doing_is_not_held_against_the_clock(ahead: int, verdict: Verdict) -> None:
    view = heard(Sample(WALL, 0, 20 * MS)).view(WALL + 10 + ahead, 20 * MS)
    assert (view.ahead_ms, view.error_ms, view.verdict) == (ahead, 10, verdict)


def test_when_the_venues_clock_is_set_its_old_word_counts_no_more() -> None:
    sure, set_back = Sample(WALL, 0, 2 * MS), Sample(WALL - 5_000, 1_000 * MS, 1_100 * MS)
    assert heard(sure, set_back).venue_ms(0, 1_050 * MS) == WALL - 5_000
    agreeing = Sample(WALL + 1_000, 1_000 * MS, 1_100 * MS)
    assert heard(sure, agreeing).venue_ms(0, 1_051 * MS) == WALL + 1_050
