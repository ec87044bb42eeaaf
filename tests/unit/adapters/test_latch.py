from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.latch import NEVER, Latch, LatchState
from qt_ray.core.errors import Invalid, Retryable

pytestmark = pytest.mark.unit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "latch.json"


def test_before_the_first_emergency_it_is_open(path: Path) -> None:
    assert Latch(path).state() == NEVER


def test_what_was_closed_is_closed_after_a_restart(path: Path) -> None:
    closed = Latch(path).close(7, "drawdown", "machine", 5)
    assert Latch(path).state() == closed == LatchState(True, 7, "drawdown", "machine", 5)


@pytest.mark.requirement("L3")
def test_mistake_3_a_file_that_cannot_be_read_is_a_closed_latch(path: Path) -> None:
    Latch(path).close(7, "drawdown", "machine", 5)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert Latch(path).state().closed
    path.unlink()
    path.mkdir()
    assert Latch(path).state().closed


def test_a_latch_that_could_not_be_read_is_mended_by_a_person_under_epoch_nought(path: Path) -> None:
    Latch(path).close(7, "drawdown", "machine", 5)
    path.write_bytes(b"{")
    assert "qt latch open --epoch 0" in Latch(path).state().reason
    assert (
        Latch(path).open(0, "looked at", "ann", 9) == Latch(path).state() == LatchState(False, 0, "looked at", "ann", 9)
    )


def test_mistake_3_a_disk_that_refuses_leaves_the_latch_closed_for_this_process_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"a file where a folder should be")
    latch = Latch(tmp_path / "state" / "latch.json")
    with pytest.raises(Retryable, match=r"^latch.json: a latch is written, "):
        latch.close(7, "drawdown", "machine", 5)
    assert latch.state() == LatchState(True, 7, "drawdown", "machine", 5)
    (tmp_path / "state").unlink()
    assert latch.close(7, "drawdown", "machine", 6).closed
    assert Latch(tmp_path / "state" / "latch.json").state().closed


def test_closing_again_keeps_the_first_reason(path: Path) -> None:
    first = Latch(path).close(7, "drawdown", "machine", 5)
    assert Latch(path).close(7, "another", "machine", 6) == first
    assert Latch(path).close(8, "newer", "machine", 7).epoch == 8


def test_only_a_person_with_a_reason_and_the_newest_epoch_opens_it(path: Path) -> None:
    latch = Latch(path)
    latch.close(7, "drawdown", "machine", 5)
    for epoch, reason, by, rule in ((7, "", "ann", "person"), (7, "fine", " ", "person"), (6, "fine", "ann", "epoch")):
        with pytest.raises(Invalid, match=rule):
            latch.open(epoch, reason, by, 9)
        assert latch.state().closed
    assert not latch.open(7, "fine", "ann", 9).closed
    assert Latch(path).state() == LatchState(False, 7, "fine", "ann", 9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=12))
def test_the_epoch_only_grows(tmp_path_factory: pytest.TempPathFactory, story: list[tuple[bool, int]]) -> None:
    path, last = tmp_path_factory.mktemp("latch") / "latch.json", 0
    for closes, epoch in story:
        latch = Latch(path)
        if closes:
            latch.close(epoch, "why", "machine", 0)
            assert latch.state().closed
        elif epoch >= last:
            latch.open(epoch, "why", "ann", 0)
        assert latch.state().epoch >= last
        last = latch.state().epoch
