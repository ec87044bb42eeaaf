"""SPEC chapter 6, EventBuffer, and law 7: what was acknowledged survives an outage, in order, and comes out once."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.event_buffer import CHECKPOINT, RECENT_MAX, EventBuffer
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, encode_event, event
from qt_ray.core.payloads import EquityUpdated, HealthChanged, ModeChanged
from tests.unit.adapters.failing_disk import FailingDisk

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S6 EventBuffer")]


def happened(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number + 1, "ann"), "policy", number)


def drained(buffer: EventBuffer, most: int = 7) -> list[int]:
    found = list[int]()
    while (batch := buffer.next_batch(most)) is not None:
        found += [event.time_ms for event in batch.events]
        buffer.published(batch)
    assert buffer.is_empty
    return found


@pytest.mark.requirement("P0-03", "Sprint5-1")
@pytest.mark.p0_patches
@pytest.mark.sprint5
def test_a_hundred_events_of_an_outage_come_out_once_and_in_order(tmp_path: Path) -> None:
    buffer = EventBuffer(tmp_path)
    assert sum(buffer.keep([happened(number)]) for number in range(100)) == 100
    buffer.close()
    buffer = EventBuffer(tmp_path)
    assert not buffer.is_empty
    assert drained(buffer) == list(range(100))
    assert drained(buffer) == []
    buffer.close()
    assert EventBuffer(tmp_path).next_batch() is None


ACTS = st.lists(st.one_of(st.integers(1, 5), st.just("publish"), st.just("crash"), st.just("lost word")), max_size=30)


@pytest.mark.requirement("P0-03")
@pytest.mark.p0_patches
@given(acts=ACTS, segment=st.integers(min_value=1, max_value=2_000))
@settings(max_examples=60)
def test_any_order_of_writing_publishing_and_crashing_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, acts: list[int | str], segment: int
) -> None:
    folder = tmp_path_factory.mktemp("buffer")
    buffer = EventBuffer(folder, segment)
    written, told = 0, list[int]()
    for act in acts:
        if isinstance(act, int):
            buffer.keep([happened(written + at) for at in range(act)])
            written += act
            continue
        batch = buffer.next_batch(3)
        if act != "crash" and batch is not None:
            told += [event.time_ms for event in batch.events]
        if act == "publish" and batch is not None:
            buffer.published(batch)
        elif act in ("crash", "lost word"):  # the bus had it, but we died before we wrote that down
            buffer.close()
            buffer = EventBuffer(folder, segment)
    told += drained(buffer)
    assert sorted(set(told)) == list(range(written))
    assert list(dict.fromkeys(told)) == list(range(written))
    assert len(list(folder.glob("events-*.jsonl"))) <= 2
    buffer.close()


@given(cut=st.integers(min_value=1, max_value=300))
@settings(max_examples=30)
def test_a_line_that_a_crash_cut_short_was_never_promised(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("buffer")
    buffer = EventBuffer(folder)
    buffer.keep([happened(0)])
    buffer.close()
    path = folder / "events-00000001.jsonl"
    path.write_bytes(path.read_bytes() + encode_event(happened(1))[:cut])
    buffer = EventBuffer(folder)
    buffer.keep([happened(2)])
    assert drained(buffer) == [0, 2]
    buffer.close()


@pytest.mark.parametrize(
    ("kind", "how"), [("write", "ENOSPC"), ("write", "short"), ("sync", "EIO"), ("open", "EMFILE")]
)
def test_what_a_disk_refused_was_not_promised_and_what_follows_is_whole(tmp_path: Path, kind: str, how: str) -> None:
    buffer = EventBuffer(tmp_path, disk=FailingDisk(kind, 1, how))
    with pytest.raises(Retryable, match="an event is durable"):
        buffer.keep([happened(0)])
    buffer.keep([happened(1)])
    assert drained(buffer) == [1]
    buffer.close()


def test_beyond_its_bound_a_buffer_sheds_what_is_not_critical_and_counts_it(tmp_path: Path) -> None:
    buffer = EventBuffer(tmp_path, bytes_max=1_000)
    idle = event("health.changed", HealthChanged("feed", "ok", "slow", ""), "feed", 0)
    money = [event("account.equity.updated", EquityUpdated("main", *[Decimal(1)] * 4), "desk", 0)]
    kept = buffer.keep([*[happened(number) for number in range(10)]])
    assert (kept, buffer.keep([idle, *money]), buffer.keep([happened(10)])) == (10, 0, 1)
    assert dict(buffer.shed) == {"health.changed": 1, "account.equity.updated": 1}
    assert drained(buffer) == list(range(11))
    assert buffer.keep([idle]) == 1
    buffer.close()


def test_only_the_newest_stay_in_memory(tmp_path: Path) -> None:
    buffer = EventBuffer(tmp_path)
    buffer.keep([happened(number) for number in range(RECENT_MAX + 5)])
    assert [buffer.recent[0].time_ms, len(buffer.recent)] == [5, RECENT_MAX]
    buffer.close()


def test_a_damaged_line_and_a_damaged_checkpoint_are_named(tmp_path: Path) -> None:
    buffer = EventBuffer(tmp_path)
    buffer.keep([happened(0), happened(1)])
    with pytest.raises(Invalid, match="one process writes an event buffer"):
        EventBuffer(tmp_path)
    buffer.close()
    path = tmp_path / "events-00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"policy.mode.changed", b"policy.mood.changed", 1))
    buffer = EventBuffer(tmp_path)
    with pytest.raises(Invalid, match=r"^events-00000001.jsonl, byte 0: an event type is in the registry"):
        buffer.next_batch()
    buffer.close()
    (tmp_path / CHECKPOINT).write_bytes(b"{}")
    (tmp_path / CHECKPOINT).write_bytes(b"{")
    with pytest.raises(Invalid, match="canonical bytes"):
        EventBuffer(tmp_path)
