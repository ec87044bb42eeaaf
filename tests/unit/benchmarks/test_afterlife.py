import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.afterlife import all_told, bars_differ, desk_differs, kept_back, repeated, strayed, untold
from benchmarks.part_kills import BROKEN
from qt_ray.adapters.desk_journal import DeskJournal, entries_in
from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import RiskAlert
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Decided, Entry
from qt_ray.engine.desk_events import told_of
from qt_ray.engine.desk_replay import retold
from tests.conformance.bus_memory import MemoryBus
from tests.crash.checker import Story
from tests.unit.engine.desks import began, story

pytestmark = pytest.mark.unit

TWIN, LATER, _ = story(80)
BEGAN = began(TWIN.bars, TWIN.setup)
ENTRIES: list[Entry] = [BEGAN, *LATER]


def alerts(count: int) -> list[Event]:
    return [event("risk.alert", RiskAlert("info", "a rule", f"{n}"), "Desk", n) for n in range(count)]


def tally(said: list[str]) -> list[str]:
    words = [line.split(" ", 1)[0] for line in said]
    assert set(words) <= BROKEN.keys()
    return words


def told() -> list[Event]:
    book, found = DeskBook(BEGAN), list[Event]()
    for entry in LATER:
        at_ms = entry.at_ms if isinstance(entry, Decided) else 0
        found += [event(kind, what, "Desk", at_ms) for kind, what in told_of(book.take(entry), BEGAN)]
    return found


def test_a_desk_that_saw_each_bar_once_has_nothing_to_be_said_of_it() -> None:
    assert not tally(list(bars_differ(ENTRIES)))


def test_a_bar_that_is_decided_on_twice_or_left_out_and_a_second_beginning_are_found() -> None:
    decided = [at for at, entry in enumerate(ENTRIES) if isinstance(entry, Decided)]
    again = [*ENTRIES, ENTRIES[decided[-1]]]
    assert "bar" in tally(list(bars_differ(again)))
    gone = [entry for at, entry in enumerate(ENTRIES) if at != decided[5]]
    assert tally(list(bars_differ(gone))) == ["bar"]
    assert tally(list(bars_differ([BEGAN, *ENTRIES]))) == ["desk"]


def test_a_decision_that_comes_out_otherwise_is_found() -> None:
    assert not list(strayed(retold(ENTRIES)))
    at = next(at for at, entry in enumerate(ENTRIES) if isinstance(entry, Decided))
    found: Entry = ENTRIES[at]
    assert isinstance(found, Decided)
    spoiled = [*ENTRIES[:at], replace(found, digest="0" * 64), *ENTRIES[at + 1 :]]
    assert tally(list(strayed(retold(spoiled)))) == ["V12"]


def test_the_snapshot_of_a_desk_is_held_against_its_whole_journal(tmp_path: Path) -> None:
    journal, book = DeskJournal(tmp_path / "desk"), DeskBook(BEGAN)
    journal.append(BEGAN)
    for entry in LATER:
        journal.append(entry)
        book.take(entry)
    journal.keep(book)
    journal.close()
    shutil.copytree(tmp_path / "desk", tmp_path / "copy")
    assert not list(desk_differs(tmp_path / "desk", entries_in(tmp_path / "copy")))
    assert tally(list(desk_differs(tmp_path / "desk", ENTRIES[:-1]))) == ["V12"]


def test_an_event_is_on_the_bus_once() -> None:
    async def heard() -> list[Event]:
        bus = MemoryBus()
        await bus.publish(alerts(3))
        return await all_told(bus)

    found = asyncio.run(heard())
    assert not list(repeated(found))
    assert tally(list(repeated([*found, found[0]]))) == ["V7"]


def test_what_was_decided_and_traded_is_told_or_waits_on_a_disk(tmp_path: Path) -> None:
    again, events = list(retold(ENTRIES)), told()
    assert not list(untold(events, again, Story()))
    assert tally(list(untold([], again, Story()))).count("untold") > 0
    trade = {"symbol": "BTCUSDT", "trade_id": 7, "client_id": "qt-desk-0123456789abcdefghjk-0"}
    assert tally(list(untold(events, again, Story({"trade": [trade]})))) == ["untold"]

    buffer = EventBuffer(tmp_path / "Desk")
    buffer.keep(events)
    buffer.close()
    assert list(kept_back(tmp_path)) == events
    assert not list(kept_back(tmp_path))
