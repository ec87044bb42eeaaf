"""Work: what lies there is a whole member, or it is nothing."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.models.learner import Learned
from qt_ray.jobs.training.work import ARTEFACT, FACTS, Work

pytestmark = pytest.mark.unit

MEMBER = Learned(b"trees", {"best": 3, "library": "xgboost 3"})
Damage = Callable[[Path], object]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    made = Work(tmp_path / "work")
    made.finish("xgboost", MEMBER)
    return made


def test_a_finished_member_comes_back_as_it_was(work: Work) -> None:
    assert work.finished("xgboost") == MEMBER
    assert work.finished("lightgbm") is None


def test_an_artefact_without_facts_is_not_finished(tmp_path: Path) -> None:
    work = Work(tmp_path)
    (work.of("nhits") / ARTEFACT).write_bytes(b"half")
    assert work.finished("nhits") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / ARTEFACT).write_bytes(b"treez"),
        lambda folder: (folder / ARTEFACT).unlink(),
        lambda folder: (folder / FACTS).write_bytes(b""),
        lambda folder: (folder / FACTS).write_bytes(b"[1, 2]"),
        lambda folder: (folder / FACTS).write_bytes(b"{}"),
        lambda folder: (folder / FACTS).write_bytes((folder / FACTS).read_bytes()[:-5]),
        lambda folder: (folder / FACTS).unlink(),
    ],
)
def test_a_damaged_member_is_trained_again(work: Work, damage: Damage) -> None:
    damage(work.folder / "xgboost")
    assert work.finished("xgboost") is None


@settings(max_examples=30, deadline=None)
@given(at=st.integers(0, 4), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    work = Work(tmp_path_factory.mktemp("work"))
    work.finish("xgboost", MEMBER)
    bytes_ = bytearray(MEMBER.artefact)
    bytes_[at] ^= 1 << bit
    (work.folder / "xgboost" / ARTEFACT).write_bytes(bytes_)
    assert work.finished("xgboost") is None


def test_the_facts_on_disk_name_the_bytes_beside_them(work: Work) -> None:
    facts = orjson.loads((work.folder / "xgboost" / FACTS).read_bytes())
    assert facts["best"] == 3
    assert len(facts["sha256"]) == 64
    assert "sha256" not in MEMBER.facts


def test_a_cleared_folder_is_gone_and_only_that_one(work: Work) -> None:
    (work.of("xgboost") / "checkpoints").mkdir()
    (work.of("xgboost") / "checkpoints" / "1").write_bytes(b"x")
    (work.folder.parent / "other").mkdir()
    work.clear()
    assert [path.name for path in work.folder.parent.iterdir()] == ["other"]
    work.clear()
