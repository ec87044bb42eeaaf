"""Readers of a market keep their own place in it, and find everything after it, once and in order."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.market.bars import Bars
from qt_ray.market.recent import Recent, joined

pytestmark = pytest.mark.unit


def row(number: int) -> Bars:
    cell = np.array([[float(number)]])
    return Bars(("A",), 60_000, np.array([number * 60_000]), cell, cell, cell, cell, cell, cell, cell)


@given(st.integers(0, 30), st.integers(-1, 40), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_a_reader_finds_what_follows_its_place_within_the_bound(count: int, has: int, most: int) -> None:
    recent = Recent(most)
    for number in range(count):
        recent.append(row(number))
    found = recent.after(has * 60_000)
    wanted = [number for number in range(count)[-most:] if number > has]
    assert ([] if found is None else (found.ts // 60_000).tolist()) == wanted
    assert len(recent) == min(count, most)
    assert (recent.newest is None) is (count == 0)


def test_a_column_that_one_part_lacks_is_lacking_in_all() -> None:
    found = joined([row(0), replace(row(1), mark=None)])
    assert found.mark is None
    assert found.funding is not None
    assert found.close[:, 0].tolist() == [0.0, 1.0]
