"""SPEC law 7: the newest snapshot and what came after it are the same desk as the whole journal, and a copy replays."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qt_ray.adapters.desk_journal import SNAPSHOT_EVERY, DeskJournal, entries_in
from qt_ray.adapters.journal_lines import ARCHIVE, lines_in
from qt_ray.core.errors import Invalid
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Decided, Entry
from qt_ray.engine.desk_replay import retold, why
from tests.integration.shell import qt, refused
from tests.unit.engine.desks import began, story

pytestmark = pytest.mark.unit

TWIN, ENTRIES, BOOK = story(160)
BEGAN = began(TWIN.bars, TWIN.setup)


def written(folder: Path, entries: list[Entry], keep_every: int = SNAPSHOT_EVERY) -> None:
    journal, book = DeskJournal(folder, segment_bytes_max=1 << 16), DeskBook(BEGAN)
    journal.append(BEGAN)
    for at, entry in enumerate(entries, 1):
        journal.append(entry)
        book.take(entry)
        if at % keep_every == 0:
            journal.keep(book)
    journal.close()


def recovered(folder: Path) -> tuple[DeskBook | None, tuple[str, ...]]:
    journal = DeskJournal(folder)
    try:
        return journal.recovered(), journal.words
    finally:
        journal.close()


@pytest.mark.parametrize("keep_every", [10_000, 40])
def test_a_journal_leads_to_the_desk_that_wrote_it(tmp_path: Path, keep_every: int) -> None:
    written(tmp_path, ENTRIES, keep_every)
    book, words = recovered(tmp_path)
    assert book is not None
    assert (book.kept.encoded(), words) == (BOOK.kept.encoded(), ())
    assert (tmp_path / ARCHIVE).exists() is (keep_every == 40)


def test_everything_that_ever_was_is_read_from_a_copy_while_a_desk_holds_the_journal(tmp_path: Path) -> None:
    written(tmp_path / "desk", ENTRIES, 40)
    journal = DeskJournal(tmp_path / "desk")
    shutil.copytree(tmp_path / "desk", tmp_path / "copy")
    assert list(entries_in(tmp_path / "copy")) == [BEGAN, *ENTRIES] == list(entries_in(tmp_path / "desk"))
    journal.close()
    with pytest.raises(Invalid, match="with the segments of a desk's journal"):
        list(entries_in(tmp_path / "nothing"))


def test_lines_are_read_from_any_number_on(tmp_path: Path) -> None:
    written(tmp_path, ENTRIES, 40)
    everything = list(lines_in(tmp_path))
    for after in (0, 1, 41, everything[-1].sequence // 2, everything[-1].sequence):
        assert list(lines_in(tmp_path, after)) == [line for line in everything if line.sequence > after]


def test_a_journal_that_cannot_be_gone_on_from_says_why_and_a_desk_begins_anew(tmp_path: Path) -> None:
    spoiled = [replace(one, digest="0" * 64) if isinstance(one, Decided) else one for one in ENTRIES[:5]]
    journal = DeskJournal(tmp_path)
    journal.append(BEGAN, *spoiled)
    journal.close()
    book, words = recovered(tmp_path)
    assert book is None
    assert "a desk begins anew, a decision made again is the same" in words[0]
    journal = DeskJournal(tmp_path)
    journal.append(BEGAN)
    journal.close()
    again, words = recovered(tmp_path)
    assert again is not None
    assert (again.seen_ms, words) == (-1, ())


def test_a_desk_of_another_setup_is_another_desk() -> None:
    assert BEGAN.is_like(replace(BEGAN, start_ms=1, setup=replace(BEGAN.setup, initial=BEGAN.setup.initial * 2)))
    assert not BEGAN.is_like(replace(BEGAN, interval_ms=60_000))


def test_every_decision_is_made_again_bit_for_bit_with_the_orders_that_followed() -> None:
    found = list(retold([BEGAN, *ENTRIES]))
    assert len(found) == 160
    assert all(again.is_same for again in found)
    placed = {intent.client_id for again in found for intent in again.errands.place}
    assert placed


def test_a_decision_that_comes_out_otherwise_ends_the_replay_and_is_named() -> None:
    decided = [at for at, one in enumerate(ENTRIES) if isinstance(one, Decided)]
    entries = list(ENTRIES)
    entry = entries[decided[100]]
    assert isinstance(entry, Decided)
    entries[decided[100]] = replace(entry, digest="f" * 64)
    found = list(retold([BEGAN, *entries]))
    assert [again.is_same for again in found] == [True] * 100 + [False]


def test_why_is_answered_by_the_code_that_decided() -> None:
    again = next(one for one in retold([BEGAN, *ENTRIES]) if one.decision.rows["bound"].any())
    i = int(again.decision.rows["bound"].nonzero()[0][0])
    symbol = BEGAN.symbols[i]
    answer = why(again, symbol)
    assert again.symbol_of(again.stamp.decision(symbol)) == symbol
    assert again.symbol_of("a" * 20) is None
    assert any(rule.bound for rule in answer.rules)
    assert answer.question["wish"] == int(answer.row["wish"])


def test_people_ask_for_all_decisions_or_for_one(tmp_path: Path) -> None:
    written(tmp_path, ENTRIES, 40)
    told = qt("replay", "--live-all", "--journal", tmp_path, "--json").data
    assert (told["schema"], told["decisions"], told["same"]) == ("qt.replay_live/1", 160, True)
    again = next(one for one in retold([BEGAN, *ENTRIES]) if one.decision.rows["action"].any())
    symbol = BEGAN.symbols[int(again.decision.rows["action"].nonzero()[0][0])]
    name = again.stamp.decision(symbol)
    one = qt("replay", name, "--journal", tmp_path, "--json").data
    assert (one["schema"], one["symbol"], one["same_as_recorded"]) == ("qt.live_decision/1", symbol, True)
    assert "same as recorded" in qt("replay", name, "--journal", tmp_path).out
    refused(qt("replay", "a" * 20, "--journal", tmp_path), 6, "a decision of this journal")
    assert qt("replay").code == 2


def test_a_journal_that_does_not_replay_ends_the_command_with_the_check_failed(tmp_path: Path) -> None:
    spoiled = [replace(one, digest="0" * 64) if isinstance(one, Decided) else one for one in ENTRIES[:5]]
    journal = DeskJournal(tmp_path)
    journal.append(BEGAN, *spoiled)
    journal.close()
    ended = qt("replay", "--live-all", "--journal", tmp_path)
    assert (ended.code, "DIFFER" in ended.out) == (6, True)
