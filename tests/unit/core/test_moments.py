from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.moments import milliseconds, rfc3339

pytestmark = pytest.mark.unit

moments = st.integers(-(10**12), 4_102_444_800_000)


@given(moments)
def test_a_moment_crosses_text_to_the_millisecond(at_ms: int) -> None:
    assert milliseconds(rfc3339(at_ms)) == at_ms
    found = datetime.fromisoformat(rfc3339(at_ms))
    assert found.utcoffset() == timedelta(0)
    assert (found - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == at_ms


@given(moments, moments)
def test_text_sorts_as_time_does(one: int, other: int) -> None:
    assert (rfc3339(one) <= rfc3339(other)) is (one <= other)


@pytest.mark.parametrize(
    "said", ["2026-01-01T00:00:00.250Z", "2026-01-01T01:00:00.250+01:00", "2026-01-01 00:00:00.25"]
)
def test_any_zone_is_the_same_moment_and_none_is_utc(said: str) -> None:
    assert rfc3339(milliseconds(said)) == "2026-01-01T00:00:00.250Z"
