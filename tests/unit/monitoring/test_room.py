"""A machine that is nearly full opens nothing new, says so before, and is not blamed for what it does not say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.monitoring.room import (
    DISK_BYTES_LOW,
    DISK_BYTES_MIN,
    MEMORY_BYTES_LOW,
    MEMORY_BYTES_MIN,
    why_cramped,
    why_tight,
)

pytestmark = pytest.mark.unit

ROOMY = {"disk_free_bytes": DISK_BYTES_LOW, "memory_free_bytes": MEMORY_BYTES_LOW}


def test_each_limit_is_named_with_what_is_left() -> None:
    assert (why_cramped(ROOMY), why_tight(ROOMY)) == (None, None)
    full = ROOMY | {"disk_free_bytes": DISK_BYTES_MIN - (1 << 20)}
    assert why_cramped(full) == "no entry on a full disk, 499 MiB of 500 are left"
    starved = ROOMY | {"memory_free_bytes": MEMORY_BYTES_MIN - 1}
    assert why_cramped(starved) == "no entry without memory to spare, 255 MiB of 256 are left"


def test_what_a_machine_does_not_say_is_not_held_against_it() -> None:
    assert (why_cramped({}), why_tight({"disk_free_bytes": None})) == (None, None)


@given(st.integers(0, 4 << 30), st.integers(0, 4 << 30))
def test_it_is_said_before_it_stops_anything(disk: int, memory: int) -> None:
    machine = {"disk_free_bytes": disk, "memory_free_bytes": memory}
    assert why_cramped(machine) is None or why_tight(machine) is not None
