import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.governance.snapshots import Snapshot, Vouched, snapshot_of, vouched, vouched_in, why_not

pytestmark = pytest.mark.unit

TAKEN = Snapshot(7, b"all that was")


@given(st.integers(0, 2**60), st.binary(max_size=50))
def test_what_was_written_is_read_again(sequence: int, state: bytes) -> None:
    taken = Snapshot(sequence, state)
    assert snapshot_of("s", taken.encoded()) == taken
    assert vouched_in(vouched(taken).encoded()) == vouched(taken)


def test_half_of_one_is_refused_wherever_it_ends() -> None:
    whole = TAKEN.encoded()
    for size in range(len(whole)):
        with pytest.raises(Invalid, match=r"^s: a snapshot"):
            snapshot_of("s", whole[:size])


def test_another_record_is_not_taken_for_a_word_about_a_snapshot() -> None:
    assert vouched_in(b'{"kind":"placed"}') is None


@pytest.mark.parametrize(
    ("words", "first", "last", "why"),
    [
        ((vouched(TAKEN),), 1, 9, None),
        ((vouched(TAKEN),), 8, 9, None),
        ((), 1, 9, "vouched for"),
        ((Vouched(12, 7, "0" * 64),), 1, 9, "vouched for"),
        ((vouched(TAKEN),), 9, 12, "goes on from"),
        ((vouched(TAKEN),), 1, 6, "goes on from"),
    ],
)
def test_a_snapshot_counts_only_where_the_journal_goes_on_from_it(
    words: tuple[Vouched, ...], first: int, last: int, why: str | None
) -> None:
    found = why_not("s", TAKEN, frozenset(words), first, last)
    assert found is None if why is None else why in (found or "")
