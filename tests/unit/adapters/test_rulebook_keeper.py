"""SPEC chapter 2: a second copy of the policy, which can never end a newer emergency."""

from pathlib import Path

import pytest

from qt_ray.adapters.policy_copy import LateCopy, PolicyCopy
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.core.errors import Invalid, Invariant, Retryable
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook import PROPOSAL_LIFE_MS
from qt_ray.governance.rulebook_entries import Author, RulebookEntry
from qt_ray.governance.rulebook_store import Kept, Overtaken
from qt_ray.governance.wishes import Emergency, Pause, Propose, Recover
from tests.conformance.rulebook_memory import MemoryRulebook

pytestmark = pytest.mark.unit

ANN = Author("ann", is_person=True)


def seed() -> Policy:
    return Policy()


def test_a_book_that_was_lost_begins_again_from_its_copy(tmp_path: Path) -> None:
    copy = PolicyCopy(tmp_path / "policy.json")
    first = RulebookKeeper(MemoryRulebook(), copy, seed)
    first.decide(Emergency("fire"), ANN, 1_000)
    second = RulebookKeeper(MemoryRulebook(), copy, seed)
    assert second.policy == first.policy
    assert second.warnings == ["a rulebook was behind its copy, whose version 2 is in force"]
    assert [kept.sequence for kept in second.history(10)] == [1]


@pytest.mark.requirement("S2 PolicyStore")
def test_a_restored_backup_does_not_end_a_newer_emergency(tmp_path: Path) -> None:
    copy, backup, entries = PolicyCopy(tmp_path / "policy.json"), MemoryRulebook(), MemoryRulebook()
    keeper = RulebookKeeper(entries, copy, seed)
    backup.rows = list(entries.rows)
    keeper.decide(Emergency("fire"), ANN, 1_000)
    restored = RulebookKeeper(backup, copy, seed)
    assert restored.policy.emergency_mode
    assert RulebookKeeper(backup, PolicyCopy(tmp_path / "none.json"), seed).policy.emergency_mode


def test_an_older_copy_is_not_believed(tmp_path: Path) -> None:
    copy, entries = PolicyCopy(tmp_path / "policy.json"), MemoryRulebook()
    keeper = RulebookKeeper(entries, copy, seed)
    keeper.decide(Emergency("fire"), ANN, 1_000)
    copy.write(Policy())
    again = RulebookKeeper(entries, copy, seed)
    assert again.policy.emergency_mode
    assert again.warnings == []


@pytest.mark.parametrize("data", [b"", b"[]", b'{"digest":"x"}', b'{"digest":"x","policy":{}}', b"\xff"])
def test_a_damaged_copy_is_told_of_and_is_no_copy(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(data)
    keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(path), seed)
    assert keeper.policy == Policy()
    assert len(keeper.warnings) == 1


def test_a_copy_whose_bytes_were_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    PolicyCopy(path).write(Policy())
    path.write_bytes(path.read_bytes().replace(b'"50000"', b'"90000"'))
    with pytest.raises(Invalid, match=r"^policy.json: a copy of the policy agrees with its digest"):
        PolicyCopy(path).read()


def test_a_copy_that_cannot_be_written_costs_a_warning_and_no_write(tmp_path: Path) -> None:
    (tmp_path / "policy.json").mkdir()
    copy = PolicyCopy(tmp_path / "policy.json")
    with pytest.raises(Retryable, match="is read"):
        copy.read()
    keeper = RulebookKeeper(MemoryRulebook(), copy, seed)
    assert keeper.decide(Pause("lunch"), ANN, 1_000) is None
    assert keeper.policy.new_trades_paused
    assert any("is written" in warning for warning in keeper.warnings)


class LyingRulebook(MemoryRulebook):
    """Keeps an entry and says that it could not."""

    lies = False

    def append(self, entry: RulebookEntry, after: int) -> Kept | Overtaken:
        kept = super().append(entry, after)
        if self.lies:
            raise Retryable("policy.db: a rulebook answers, disk I/O error")
        return kept


@pytest.mark.requirement("L7")
def test_an_emergency_is_not_taken_as_in_force_while_its_end_may_have_been_written(tmp_path: Path) -> None:
    entries, copy = LyingRulebook(), PolicyCopy(tmp_path / "policy.json")
    keeper = RulebookKeeper(entries, copy, seed)
    assert keeper.decide(Emergency("fire"), ANN, 1_000) is None
    assert keeper.decide(Emergency("fire again"), ANN, 1_500) is None
    entries.lies = True
    with pytest.raises(Retryable):
        keeper.decide(Recover(keeper.policy.epoch, "it is out"), ANN, 2_000)
    with pytest.raises(Invariant, match="one keeper"):
        keeper.decide(Emergency("fire once more"), ANN, 3_000)
    assert not RulebookKeeper(entries, copy, seed).policy.emergency_mode


def test_a_proposal_that_nobody_answers_ends_with_the_next_wish(tmp_path: Path) -> None:
    keeper = RulebookKeeper(MemoryRulebook(), PolicyCopy(tmp_path / "policy.json"), seed)
    keeper.decide(Propose({"limits.order_value_max": "90000"}, 1, "bolder"), ANN, 1_000)
    assert keeper.book.proposals
    keeper.decide(Recover(1, "nothing to end"), ANN, 1_000 + PROPOSAL_LIFE_MS)
    assert not keeper.book.proposals


def test_a_copy_that_is_owed_is_that_of_the_last_revision_and_follows_once_there_is_time(tmp_path: Path) -> None:
    copy = LateCopy(tmp_path / "policy.json")
    keeper = RulebookKeeper(MemoryRulebook(), copy, seed)
    keeper.decide(Emergency("a test"), ANN, 1)
    assert copy.read() is None
    copy.settle()
    assert copy.read() == keeper.policy
    (tmp_path / "policy.json").unlink()
    copy.settle()
    assert copy.read() is None


def test_a_copy_that_could_not_be_written_stays_owed(tmp_path: Path) -> None:
    copy = LateCopy(tmp_path / "policy.json")
    (tmp_path / "policy.json").mkdir()
    copy.write(Policy())
    with pytest.raises(Retryable, match=r"^policy.json: a copy of the policy is written"):
        copy.settle()
    (tmp_path / "policy.json").rmdir()
    copy.settle()
    assert copy.read() == Policy()
