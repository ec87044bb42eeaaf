"""Law 7 and V8: what was told is in the record once, whoever dies, and nothing is written behind a broken proof."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qt_ray.adapters.audit_anchors import AuditAnchors
from qt_ray.adapters.audit_files import AuditFiles, files_in, verified
from qt_ray.adapters.audit_keeper import WAITING_MAX, AuditKeeper, known_events
from qt_ray.adapters.audit_logger import AuditLogger
from qt_ray.adapters.audit_verdict import verdict_on
from qt_ray.adapters.disk import RealDisk
from qt_ray.adapters.scribe import Archive, Scribe
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.governance.audit_events import event_of
from tests.conformance.bus_memory import MemoryBus
from tests.unit.monitoring import happenings as told

pytestmark = pytest.mark.unit

Story = Callable[[], Awaitable[None]]
EVENTS = [told.decided(at_ms, f"d{at_ms}") for at_ms in range(1, 9)]


class FlakyDisk(RealDisk):
    """Fails the writes and syncs whose numbers are given."""

    def __init__(self, failures: set[int]) -> None:
        self._failures, self._calls = failures, 0

    def write(self, handle: int, data: bytes) -> int:
        self._fail()
        return super().write(handle, data)

    def sync(self, handle: int) -> None:
        self._fail()
        super().sync(handle)

    def _fail(self) -> None:
        self._calls += 1
        if self._calls in self._failures:
            raise OSError(5, "the disk refuses")


def archive_in(folder: Path) -> Archive:
    return Archive(folder / "audit", folder / "anchors", folder / "key")


def in_log(archive: Archive) -> list[str]:
    records = [line.record for line in verified(archive.log)]
    return [name for record in records if record is not None and (name := event_of(record)) is not None]


def run(story: Story) -> None:
    async def life() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(life())


async def begun(archive: Archive, bus: MemoryBus) -> Scribe:
    scribe = Scribe(archive, bus)
    assert scribe.why_silent() == "no entry before the audit log is verified"
    await scribe.begin()
    return scribe


def test_what_is_told_is_written_down_in_order_and_anchored(tmp_path: Path) -> None:
    async def story() -> None:
        bus, archive = MemoryBus(), archive_in(tmp_path)
        scribe = await begun(archive, bus)
        await bus.publish([*EVENTS, told.worth(9, 1), told.working(9)])
        await scribe.turn(1)
        assert scribe.why_silent() is None
        assert in_log(archive) == [happened.id for happened in EVENTS]
        await scribe.rest()
        assert verdict_on(archive.log, archive.anchors).loose == 0

    run(story)


@pytest.mark.requirement("L7")
def test_a_scribe_that_was_killed_before_it_acknowledged_writes_nothing_twice(tmp_path: Path) -> None:
    async def story() -> None:
        bus, archive = MemoryBus(), archive_in(tmp_path)
        await bus.join("audit", from_start=True)
        await bus.publish(EVENTS[:4])
        logger = AuditLogger(AuditFiles(archive.log), AuditAnchors(archive.anchors, archive.key))
        keeper = AuditKeeper(logger)
        for delivery in (await bus.hear("audit", "audit", 9, 1))[:3]:
            assert delivery.event is not None
            await keeper.commit(delivery.event)
        logger.close()
        scribe = Scribe(archive, bus, claim_ms=0)
        await scribe.begin()
        await bus.publish(EVENTS[4:])
        await scribe.turn(1)
        await scribe.rest()
        assert in_log(archive) == [happened.id for happened in EVENTS]

    run(story)


def test_nothing_is_written_behind_a_log_that_is_not_what_was_written(tmp_path: Path) -> None:
    async def story() -> None:
        bus, archive = MemoryBus(), archive_in(tmp_path)
        scribe = await begun(archive, bus)
        await bus.publish(EVENTS)
        await scribe.turn(1)
        await scribe.rest()
        path = files_in(archive.log)[0]
        path.write_bytes(path.read_bytes().replace(b"Desk", b"Dusk", 1))
        before, second = path.read_bytes(), Scribe(archive, bus)
        await second.run()
        assert "is not what was written" in (second.why_silent() or "")
        with pytest.raises(Retryable, match="once it is verified"):
            await second.turn(1)
        await second.rest()
        assert path.read_bytes() == before

    run(story)


def test_a_bus_that_is_away_is_waited_for_and_loses_nothing(tmp_path: Path) -> None:
    class WeakBus(MemoryBus):
        is_away = True

        async def join(self, group: str, from_start: bool = False) -> None:
            if self.is_away:
                raise Retryable("redis: a group is answered, it was not")
            await super().join(group, from_start)

    async def story() -> None:
        bus, archive = WeakBus(), archive_in(tmp_path)
        await bus.publish(EVENTS)
        scribe = Scribe(archive, bus)
        running = asyncio.create_task(scribe.run())
        while not scribe.fault:
            await asyncio.sleep(0)
        bus.is_away = False
        while scribe.written < len(EVENTS):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
        await scribe.rest()
        assert in_log(archive) == [happened.id for happened in EVENTS]

    run(story)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 9), max_size=30), st.sets(st.integers(0, 40), max_size=6))
def test_a_disk_that_refuses_now_and_then_costs_no_record_and_doubles_none(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], failures: set[int]
) -> None:
    archive, now_ms = archive_in(tmp_path_factory.mktemp("log")), [0]
    disk = FlakyDisk(failures)
    logger = AuditLogger(AuditFiles(archive.log, disk), AuditAnchors(archive.anchors, archive.key), lambda: now_ms[0])
    keeper, events = AuditKeeper(logger), [told.decided(at_ms, f"d{at_ms}") for at_ms in range(10)]
    unfinished: list[Event] = [events[number] for number in dict.fromkeys(order)]
    wanted = [happened.id for happened in unfinished]

    async def deliver() -> None:
        while unfinished:
            for happened in list(unfinished):
                if not keeper.knows(happened):
                    try:
                        await keeper.commit(happened)
                    except Retryable:
                        continue
                unfinished.remove(happened)

    asyncio.run(deliver())
    assert not keeper.is_waiting
    logger.close()
    assert in_log(archive) == wanted
    assert list(known_events(archive.log)) == wanted
    assert list(known_events(archive.log, 2)) == wanted[-2:]


def test_what_waits_for_the_disk_is_bounded(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    disk = FlakyDisk(set(range(10 * WAITING_MAX)))
    logger = AuditLogger(AuditFiles(archive.log, disk), AuditAnchors(archive.anchors, archive.key), lambda: 0)
    keeper = AuditKeeper(logger)

    async def deliver() -> None:
        for number in range(WAITING_MAX + 1):
            with pytest.raises(Retryable):
                await keeper.commit(told.decided(number, f"d{number}"))
        with pytest.raises(Retryable, match=f"at most {WAITING_MAX}"):
            await keeper.commit(told.decided(0, "other"))

    asyncio.run(deliver())
