import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.journal_file import JournalFile
from qt_ray.adapters.trading.gateway_loop import NEWS_MAX, GatewayLoop, Mark, unmarked
from qt_ray.adapters.waiting import happened
from qt_ray.core.errors import Invariant, Retryable
from qt_ray.core.orders import Rejected
from qt_ray.execution.gateway.engine import Gateway
from qt_ray.execution.gateway.fence import Fence
from qt_ray.execution.venue.calls import Answer, Call, Done, Place, Unsure
from qt_ray.execution.venue.news import News, StreamUp
from qt_ray.execution.venue.views import UsageView
from qt_ray.governance.leases import TRAVEL_MS
from tests.unit.adapters.failing_disk import FailingDisk, PowerCut
from tests.unit.execution.gateway.stories import RULES, entry, exit_, news, trade, view

pytestmark = pytest.mark.unit

OPEN = Fence(7, 10**15)
QUIET = UsageView(5, None, None, 0)


class Told:
    """A session that answers at once, tells what it is given, and counts."""

    def __init__(self, *news: News, ends: bool = False) -> None:
        self.asked: list[Call] = []
        self.answers: list[Answer[Any]] = []
        self.counted = QUIET
        self.is_over = False
        self._news = news
        self._ends = ends

    async def ask(self, call: Call) -> Answer[Any]:
        self.asked.append(call)
        return self.answer(call)

    def answer(self, call: Call) -> Answer[Any]:
        if isinstance(call, Place) and not call.intent.reduce_only and self.answers:
            return self.answers.pop()
        return Done(view(call.intent) if isinstance(call, Place) else ())

    async def news(self) -> AsyncIterator[News]:
        try:
            for one in self._news:
                yield one
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            self.is_over = True

    async def close(self) -> None:
        """Nothing is open."""

    def usage(self) -> UsageView:
        return self.counted


class Eager(Told):
    """The same, with bytes that leave before anybody waits."""

    def start(self, call: Call) -> Awaitable[Answer[Any]]:
        self.asked.append(call)
        return self._answered(call)

    async def _answered(self, call: Call) -> Answer[Any]:
        return self.answer(call)


class Silent(Told):
    """The same, of a venue that tells and never answers."""

    def answer(self, call: Call) -> Answer[Any]:
        return Unsure("nobody answers")


class Pages:
    """A journal that forces nothing and keeps what was written at once together."""

    def __init__(self) -> None:
        self.pages: list[list[bytes]] = []

    def append_many(self, payloads: Sequence[bytes]) -> int:
        self.pages.append(list(payloads))
        return len(self.pages)


def loop_of(
    folder: Path,
    session: Told,
    disk: FailingDisk | None = None,
    clock: Callable[[], int] = lambda: 1_000,
    mark: Mark = unmarked,
    steady_ms: Callable[[], int] = lambda: 0,
) -> tuple[GatewayLoop, JournalFile]:
    journal = JournalFile(folder, disk=disk)
    return GatewayLoop(Gateway(RULES), journal, session, clock, mark, steady_ms), journal


def placed(session: Told) -> list[str]:
    return [call.intent.client_id for call in session.asked if isinstance(call, Place)]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def ended(task: "asyncio.Task[None]") -> list[str]:
    error = task.exception()
    return [str(one) for one in error.exceptions] if isinstance(error, BaseExceptionGroup) else []


def test_what_is_wanted_before_the_loop_runs_is_sent_once_it_does(tmp_path: Path) -> None:
    async def story() -> None:
        session = Told(StreamUp(0))
        loop, journal = loop_of(tmp_path, session)
        loop.take(partial(loop.engine.fenced, OPEN))
        loop.take(partial(loop.engine.want, entry()))
        assert placed(session) == []
        task = asyncio.create_task(loop.run())
        await settle()
        assert placed(session) == [entry().client_id]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()

    asyncio.run(story())


def test_a_journal_that_fails_ends_the_loop_whoever_asked_and_nothing_leaves(tmp_path: Path) -> None:
    async def story() -> None:
        session, disk = Told(StreamUp(0)), FailingDisk()
        loop, journal = loop_of(tmp_path, session, disk)
        task = asyncio.create_task(loop.run())
        await settle()
        loop.take(partial(loop.engine.fenced, OPEN))
        disk.kind, disk.nth, disk.calls = "sync", 1, []
        with pytest.raises(Retryable, match="an append is durable"):
            loop.take(partial(loop.engine.want, entry()))
        with pytest.raises(Retryable, match="a loop that is over takes nothing in"):
            loop.take(partial(loop.engine.want, entry(1)))
        await settle()
        assert task.done()
        assert any("an append is durable" in said for said in ended(task))
        assert placed(session) == []
        journal.close()

    asyncio.run(story())


def test_whatever_keeps_something_from_being_durable_ends_the_loop_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        disk = FailingDisk()
        loop, journal = loop_of(tmp_path, Told(StreamUp(0)), disk)
        loop.take(partial(loop.engine.fenced, OPEN))
        disk.kind, disk.how, disk.calls = "write", "cut", []
        with pytest.raises(PowerCut):
            loop.take(partial(loop.engine.want, entry()))
        assert not loop.is_whole
        with pytest.raises(Retryable, match="a loop that is over takes nothing in"):
            loop.take(partial(loop.engine.want, entry()))
        journal.close()

    asyncio.run(story())


def test_who_comes_in_while_a_loop_ends_sends_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        session = Told(StreamUp(0))
        loop, journal = loop_of(tmp_path, session)
        loop.take(partial(loop.engine.fenced, OPEN))
        loop.overhear(stumble)
        task = asyncio.create_task(loop.run())
        while not session.is_over:
            await asyncio.sleep(0)
        with pytest.raises(Retryable, match="a loop that is over takes nothing in"):
            loop.take(partial(loop.engine.want, entry()))  # it has stumbled, and not yet ended its other tasks
        await settle()
        assert "on a word" in ended(task)
        assert placed(session) == []
        journal.close()

    def stumble(news: News, at_ms: int) -> None:
        raise Invariant("on a word")

    asyncio.run(story())


@pytest.mark.parametrize("is_prompt", [False, True])
def test_an_entry_whose_lease_ended_while_the_disk_was_slow_does_not_leave(tmp_path: Path, is_prompt: bool) -> None:
    async def story() -> None:
        session = (Eager if is_prompt else Told)(StreamUp(0))
        now_ms = [1_000]
        loop, journal = loop_of(tmp_path, session, clock=lambda: now_ms[0], mark=slow)
        loop.take(partial(loop.engine.fenced, Fence(7, 2_000)))
        task = asyncio.create_task(loop.run())
        await settle()
        waits.append(lambda: now_ms.__setitem__(0, 3_000))
        loop.take(partial(loop.engine.want_all, (entry(), exit_(1))))
        await settle()
        assert placed(session) == [exit_(1).client_id]
        refused = loop.engine.book.orders[entry().client_id].order
        assert isinstance(refused, Rejected)
        assert "needs a living lease" in refused.reason
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()

    waits: list[Callable[[], None]] = []

    def slow(point: str, about: object) -> None:
        while point.startswith("journalled") and waits:
            waits.pop()()

    asyncio.run(story())


@pytest.mark.parametrize("is_prompt", [False, True])
def test_an_entry_is_in_flight_until_it_is_answered_for_or_too_old_by_a_clock_that_nobody_sets(
    tmp_path: Path, is_prompt: bool
) -> None:
    async def story() -> None:
        session = (Eager if is_prompt else Told)(StreamUp(0))
        steady_ms = [0]
        loop, journal = loop_of(tmp_path, session, clock=lambda: wall_ms[0], steady_ms=lambda: steady_ms[0])
        loop.take(partial(loop.engine.fenced, OPEN))
        task = asyncio.create_task(loop.run())
        await settle()
        session.answers.append(Unsure("no answer"))
        loop.take(partial(loop.engine.want_all, (entry(), exit_(1))))
        await settle()
        wall_ms[0] += 3_600_000
        loop.take(loop.engine.ticked)
        steady_ms[0] = TRAVEL_MS - 1
        assert loop.entries_in_flight() == 1
        steady_ms[0] = TRAVEL_MS
        assert loop.entries_in_flight() == 0
        loop.take(partial(loop.engine.want, entry(2, symbol="ETHUSDT")))
        assert loop.entries_in_flight() == 1
        await settle()
        assert loop.entries_in_flight() == 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()

    wall_ms = [1_000]
    asyncio.run(story())


def test_who_comes_in_while_a_loop_is_cancelled_sends_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        session = Told(StreamUp(0))
        loop, journal = loop_of(tmp_path, session)

        async def last_word() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                loop.take(partial(loop.engine.want, exit_(1)))

        async def both() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(loop.run())
                group.create_task(last_word())

        task = asyncio.create_task(both())
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert placed(session) == []
        journal.close()

    asyncio.run(story())


def test_a_loop_is_not_deaf_for_long(tmp_path: Path) -> None:
    async def story() -> None:
        loop, journal = loop_of(tmp_path, Told(StreamUp(0), ends=True))
        task = asyncio.create_task(loop.run())
        await settle()
        assert ended(task) == ["gateway: news ends with the session, and the loop before it"]
        journal.close()

    asyncio.run(story())


def test_what_a_burst_tells_becomes_durable_by_few_syncs_and_none_of_it_is_lost() -> None:
    many = 2 * NEWS_MAX
    trades = (news(entry(quantity=Decimal(many)), "PARTIALLY_FILLED", n, trade(n, 1)) for n in range(1, many + 1))
    session, journal = Silent(StreamUp(0), *trades, ends=True), Pages()

    async def story() -> None:
        loop = GatewayLoop(Gateway(RULES), journal, session, lambda: 1_000)
        loop.take(partial(loop.engine.fenced, OPEN))
        loop.take(partial(loop.engine.want, entry(quantity=Decimal(many))))
        with pytest.raises(ExceptionGroup, match="unhandled errors"):
            await loop.run()
        assert loop.is_whole
        assert loop.engine.book.orders[entry().client_id].order.progress.executed == many

    asyncio.run(story())
    told = [sum(b'"trade_id"' in line for line in page) for page in journal.pages]
    assert [many for many in told if many] == [NEWS_MAX - 1, NEWS_MAX, 1]


def test_a_cancelled_loop_takes_nothing_more(tmp_path: Path) -> None:
    async def story() -> None:
        loop, journal = loop_of(tmp_path, Told(StreamUp(0)))
        task = asyncio.create_task(loop.run())
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        with pytest.raises(Retryable, match="it ended: as asked"):
            loop.take(loop.engine.ticked)
        journal.close()

    asyncio.run(story())


def test_a_count_says_only_what_it_did_not_say_before() -> None:
    assert QUIET.since(None) == QUIET
    assert UsageView(5, 3, None, 9).since(QUIET) == UsageView(None, 3, None, 9)
    assert UsageView(6, 3, 8, 9).since(UsageView(5, 3, 7, 0)) == UsageView(6, None, 8, 9)


def test_what_others_use_up_keeps_our_queries_and_entries_back(tmp_path: Path) -> None:
    async def story() -> None:
        session = Told(StreamUp(0))
        loop, journal = loop_of(tmp_path, session)
        task = asyncio.create_task(loop.run())
        await settle()
        loop.take(partial(loop.engine.fenced, OPEN))
        session.counted = UsageView(2_390, None, None, 1_000)
        loop.take(partial(loop.engine.want, entry()))
        await settle()
        loop.take(partial(loop.engine.want, entry(1, symbol="ETHUSDT")))
        await settle()
        assert placed(session) == [entry().client_id]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()

    asyncio.run(story())


def test_a_cancellation_is_never_taken_for_something_that_happened() -> None:
    async def story() -> None:
        event = asyncio.Event()
        assert not await happened(event, 0)
        waiting = asyncio.create_task(happened(event, 60_000))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        event.set()
        assert await happened(event, 0)

    asyncio.run(story())
