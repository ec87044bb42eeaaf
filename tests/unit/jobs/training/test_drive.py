"""Drive: what is finished is finished, whatever happens to the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt_ray.adapters.models.learner import Learned, Learner, Progress
from qt_ray.ai.sample import Sample
from qt_ray.jobs.training.drive import train_here
from qt_ray.jobs.training.work import Work
from tests.unit.jobs.training.tiny import sample, unheard

pytestmark = pytest.mark.unit


class Pupil:
    """Learns what it is told to, and remembers being asked."""

    def __init__(self, kind: str, ends: bytes | Exception | None) -> None:
        self.kind, self.ends = kind, ends
        self.asked: list[Path | None] = []

    def learn(self, train: Sample, valid: Sample, seed: int, work: Path | None = None) -> Iterator[Progress | Learned]:
        self.asked.append(work)
        yield Progress(1, 2, 0.7)
        if isinstance(self.ends, Exception):
            raise self.ends
        if self.ends is not None:
            yield Learned(self.ends, {"seed": seed})


def trained(pupils: list[Pupil], work: Work, told: list[str] | None = None) -> dict[str, Learned]:
    heard = [] if told is None else told
    named: dict[str, Learner] = {pupil.kind: pupil for pupil in pupils}
    return train_here(named, sample(), sample(), 7, work, lambda kind, at: heard.append(f"{kind} {at.done}"))


def test_every_member_is_trained_in_order_told_of_and_kept(tmp_path: Path) -> None:
    told: list[str] = []
    work = Work(tmp_path)
    done = trained([Pupil("b", b"2"), Pupil("a", b"1")], work, told)
    assert list(done) == ["b", "a"]
    assert told == ["b 1", "a 1"]
    assert done == {kind: work.finished(kind) for kind in ("b", "a")}


def test_a_member_that_is_finished_is_not_trained_again(tmp_path: Path) -> None:
    first, again = Pupil("a", b"1"), Pupil("a", b"other")
    done = trained([first], Work(tmp_path))
    assert trained([again], Work(tmp_path)) == done
    assert (len(first.asked), again.asked) == (1, [])


def test_a_learner_that_dies_leaves_the_others_work_and_its_own_folder(tmp_path: Path) -> None:
    work, dead = Work(tmp_path), Pupil("b", MemoryError("no room"))
    with pytest.raises(MemoryError, match="no room"):
        trained([Pupil("a", b"1"), dead, Pupil("c", b"3")], work)
    assert [work.finished(kind) is not None for kind in "abc"] == [True, False, False]
    well, kept = Pupil("b", b"2"), Pupil("a", b"never")
    done = trained([kept, well, Pupil("c", b"3")], work)
    assert [done[kind].artefact for kind in "abc"] == [b"1", b"2", b"3"]
    assert kept.asked == []
    assert well.asked == dead.asked == [work.of("b")]


def test_a_training_that_ends_with_nothing_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a: a training ends with what was learned"):
        trained([Pupil("a", None)], Work(tmp_path))


def test_progress_need_not_be_heard(tmp_path: Path) -> None:
    assert train_here({"a": Pupil("a", b"1")}, sample(), sample(), 7, Work(tmp_path), unheard)["a"].artefact == b"1"
