"""Votes: rows of a ballot stay with the bar and the symbol they are about."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.records import dtype

pytestmark = pytest.mark.unit

quick = settings(max_examples=30, deadline=None)


@st.composite
def ballots(draw: st.DrawFn) -> Ballot:
    """Return ballots of any bytes at all."""
    bars, symbols, members = draw(st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(1, 3)))
    return Ballot(_any(draw, VoteRow, (bars, symbols, members)), _any(draw, OutlookRow, (bars, symbols)))


def _any(draw: st.DrawFn, row: type, shape: tuple[int, ...]) -> np.ndarray:
    size = dtype(row).itemsize
    raw = draw(arrays.arrays(np.uint8, (*shape, size)))
    return np.ascontiguousarray(raw).reshape(-1).view(dtype(row)).reshape(shape)


def bits(ballot: Ballot) -> tuple[bytes, bytes]:
    return ballot.votes.tobytes(), ballot.outlook.tobytes()


@quick
@given(ballots(), st.data())
def test_a_ballot_cut_anywhere_and_joined_is_the_ballot(ballot: Ballot, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(ballot.outlook)))
    parts = [ballot.bars(slice(at)), ballot.bars(slice(at, None))]
    assert bits(Ballot.joined(parts)) == bits(ballot)


@quick
@given(ballots(), st.data())
def test_symbols_dealt_out_and_put_back_are_the_ballot(ballot: Ballot, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(ballot.outlook.shape[1]))))
    cut = data.draw(st.integers(0, len(order)))
    parts = [ballot.symbols(order[:cut]), ballot.symbols(order[cut:])]
    assert bits(Ballot.joined(parts, axis=1).symbols(np.argsort(order))) == bits(ballot)


def test_bars_are_views_and_symbols_are_columns_of_their_own() -> None:
    ballot = Ballot(np.zeros((4, 2, 3), dtype(VoteRow)), np.zeros((4, 2), dtype(OutlookRow)))
    assert np.shares_memory(ballot.bars(slice(1, 3)).votes, ballot.votes)
    apart = ballot.symbols(np.array([1]))
    assert apart.votes.shape == (4, 1, 3)
    assert apart.votes.flags.c_contiguous
    assert not np.shares_memory(apart.outlook, ballot.outlook)
