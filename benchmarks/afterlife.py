"""Afterlife: what a fund that was killed again and again has left behind once it rests: its record, journals and bus.

Nothing here asks the fund. Journals are folded from copies, once from their snapshots and once from their first line;
every decision on record is made again; and what the bus holds is held against what the journals say was done.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from benchmarks.trading_fund import SYMBOLS
from qt_ray.adapters.audit_verdict import verdict_on
from qt_ray.adapters.desk_journal import DeskJournal, entries_in, folded
from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.adapters.trading.memory import Memory
from qt_ray.adapters.trading.places import Places
from qt_ray.core.errors import Invalid
from qt_ray.core.events import Event
from qt_ray.core.payloads import DecisionMade, TradeExecuted
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Began, Decided, Entry, Watched
from qt_ray.engine.desk_replay import Retold, retold
from qt_ray.execution.gateway.book import Book
from qt_ray.governance.bus import BATCH_MAX, EventBus
from tests.crash.checker import Story

QUOTES: Final = dict.fromkeys(SYMBOLS, "USDT")


@dataclass(frozen=True, slots=True)
class Remains:
    """How many bars were decided on, how many lines the record has, and all that is not as it must be."""

    decisions: int
    lines: int
    broken: tuple[str, ...]


async def remains_of(places: Places, bus: EventBus, venue: Story) -> Remains:
    """Return what is left of a fund that rests."""
    verdict = verdict_on(places.audit, places.anchors)
    broken = [f"V8 {verdict.broken}"] if verdict.broken else []
    with TemporaryDirectory() as name:
        copies = Path(name)
        shutil.copytree(places.desk, copies / "desk")
        shutil.copytree(places.journal, copies / "journal")
        shutil.copytree(places.buffer, copies / "buffer")
        entries = list(entries_in(copies / "desk"))
        again = list(retold(entries))
        broken += [*strayed(again), *desk_differs(copies / "desk", entries), *books_differ(copies / "journal")]
        kept = list(kept_back(copies / "buffer"))
    told = await all_told(bus)
    broken += [*bars_differ(entries), *repeated(told), *untold([*told, *kept], again, venue)]
    return Remains(len(again), verdict.lines, tuple(broken))


def strayed(again: Iterable[Retold]) -> Iterator[str]:
    """V12: every decision on record comes out the same when it is made again."""
    for one in again:
        if not one.is_same:
            yield f"V12 the decision of {one.entry.at_ms} was {one.entry.digest[:16]}, is {one.decision.digest()[:16]}"


def desk_differs(folder: Path, entries: Iterable[Entry]) -> Iterator[str]:
    """V12: the desk that its newest snapshot leads to is the one that its whole journal leads to."""
    journal = DeskJournal(folder)
    try:
        short, whole = journal.recovered(), folded(list(enumerate(entries)))
    finally:
        journal.close()
    if _state(short) != _state(whole):
        yield "V12 the desk's snapshot and its whole journal lead to two desks"


def books_differ(folder: Path) -> Iterator[str]:
    """V12: the same of the gateway's order book and account books, digest by digest."""
    short = digests(folder)
    shutil.rmtree(folder / "snapshots", ignore_errors=True)
    for path in (folder / "archive").glob("*"):
        shutil.move(path, folder)
    for name, digest in digests(folder).items():
        if digest != short[name]:
            yield f"V12 {name}: the whole journal leads to {digest}, was {short[name]}"


def digests(folder: Path) -> dict[str, str]:
    """Return the digests of what a gateway's journal leads to."""
    memory = Memory(folder, Book())
    try:
        return {"books": memory.books(QUOTES).digest(), "book": memory.book.digest}
    finally:
        memory.close()


def bars_differ(entries: Iterable[Entry]) -> Iterator[str]:
    """V4 of bars: each is decided on once at most, none is left out, and the desk that began is the one that ends."""
    seen, decided, beginnings, interval_ms = list[int](), Counter[int](), 0, 0
    for entry in entries:
        if isinstance(entry, Began):
            beginnings, interval_ms = beginnings + 1, entry.interval_ms
        elif isinstance(entry, Watched):
            seen += entry.rows.ts
        elif isinstance(entry, Decided):
            seen += entry.row.ts
            decided.update(entry.row.ts)
    yield from (f"bar {ts} was decided on {times} times" for ts, times in decided.items() if times > 1)
    holes = [late - interval_ms for early, late in pairwise(seen) if late != early + interval_ms]
    yield from (f"bar {ts} was not seen in its place" for ts in holes)
    if beginnings != 1:
        yield f"desk began {beginnings} times"


async def all_told(bus: EventBus) -> list[Event]:
    """Return every event that a bus holds, the oldest first; one that cannot be read is an error."""
    found, position = list[Event](), ""
    while deliveries := await bus.read(position, BATCH_MAX, 0):
        position = deliveries[-1].position
        for delivery in deliveries:
            if delivery.event is None:
                raise Invalid(f"bus: an event can be read, {delivery.fault}")
            found.append(delivery.event)
    return found


def kept_back(buffers: Path) -> Iterator[Event]:
    """Yield what parts have on their disks for a bus that they did not reach any more; the copy is used up by it."""
    for folder in sorted(buffers.glob("*/")):
        buffer = EventBuffer(folder)
        try:
            while (batch := buffer.next_batch()) is not None:
                yield from batch.events
                buffer.published(batch)
        finally:
            buffer.close()


def repeated(told: Iterable[Event]) -> Iterator[str]:
    """V7: nothing is on the bus twice."""
    times = Counter(event.id for event in told)
    yield from (f"V7 event {name} is on the bus {count} times" for name, count in times.items() if count > 1)


def untold(told: Iterable[Event], again: Iterable[Retold], venue: Story) -> Iterator[str]:
    """V7: what was decided with an opinion, and every trade of the venue's, was told or waits to be."""
    cycles, trades = set[int](), set[tuple[str, int]]()
    for event in told:
        if isinstance(event.payload, DecisionMade):
            cycles.add(event.payload.cycle_ms)
        elif isinstance(event.payload, TradeExecuted):
            trades.add((event.payload.symbol, event.payload.trade_id))
    for one in again:
        if one.stamp.cycle_ms not in cycles and bool(np.isfinite(one.decision.rows["score"]).any()):
            yield f"untold decision of {one.stamp.cycle_ms}"
    for line in venue.of("trade"):
        if (line["symbol"], line["trade_id"]) not in trades:
            yield f"untold trade {line['trade_id']} of {line['symbol']}, {line['client_id']}"


def _state(book: DeskBook | None) -> bytes:
    return b"" if book is None else book.kept.encoded()
