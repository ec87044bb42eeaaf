import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qt_ray.risk.bands import UNBOUNDED, Band, anything, around, clamp, flat, holding, meet, within

pytestmark = pytest.mark.unit

any_number = st.integers(-(2**63) + 1, 2**63 - 1)
held = st.integers(-UNBOUNDED + 1, UNBOUNDED - 1)
bands = st.builds(Band, st.integers(-UNBOUNDED, 0), st.integers(0, UNBOUNDED))
quick = settings(deadline=None, max_examples=60)


def contains_flat(band: Band) -> bool:
    return band.low <= 0 <= band.high


@pytest.mark.requirement("L4")
@quick
@given(held, any_number)
def test_every_band_contains_flat(position: int, number: int) -> None:
    made = (anything(), flat(), holding(position), within(number, position), around(position, number))
    assert all(contains_flat(band) for band in made)


@quick
@given(held, any_number)
@example(UNBOUNDED - 1, 2**63 - 1)
@example(1 - UNBOUNDED, 2**63 - 1)
def test_every_band_but_flat_contains_what_is_held(position: int, number: int) -> None:
    for band in (anything(), holding(position), within(number, position), around(position, number)):
        assert band.low <= position <= band.high


@quick
@given(bands, bands, bands)
def test_where_bands_meet_neither_order_nor_repetition_matters(one: Band, two: Band, three: Band) -> None:
    assert contains_flat(meet(one, two))
    assert meet(one, two) == meet(two, one)
    assert meet(meet(one, two), three) == meet(one, meet(two, three))
    assert meet(one, one) == one
    assert meet(one, anything()) == one
    assert meet(one, flat()) == flat()


@quick
@given(bands, any_number)
def test_a_clamp_moves_a_wish_toward_flat_and_never_past_it(band: Band, wish: int) -> None:
    granted = clamp(band, wish)
    assert band.low <= granted <= band.high
    assert 0 <= granted <= wish or wish <= granted <= 0
    assert clamp(band, granted) == granted


@quick
@given(bands, any_number)
def test_a_clamp_grants_a_permitted_wish_whole_and_the_nearest_position_otherwise(band: Band, wish: int) -> None:
    granted = clamp(band, wish)
    if band.low <= wish <= band.high:
        assert granted == wish
    else:
        assert granted in band


@pytest.mark.requirement("L4")
@quick
@given(bands, bands, any_number)
def test_one_more_band_never_loosens(one: Band, two: Band, wish: int) -> None:
    assert abs(clamp(meet(one, two), wish)) <= abs(clamp(one, wish))
    assert clamp(meet(one, two), wish) == clamp(two, clamp(one, wish))


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        (holding(7), (0, 7)),
        (holding(-7), (-7, 0)),
        (within(5, 7), (-5, 7)),
        (within(5, -7), (-7, 5)),
        (within(-5, 3), (0, 3)),
        (around(10, 3), (0, 13)),
        (around(10, 15), (-5, 25)),
        (around(-10, 3), (-13, 0)),
        (around(4, -1), (0, 4)),
    ],
)
def test_a_band_is_what_its_name_says(band: Band, expected: tuple[int, int]) -> None:
    assert band == expected
