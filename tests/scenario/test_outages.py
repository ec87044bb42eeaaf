"""Outages: the policy store, the bus and the venue each go away for a while, and what is held stays in order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qt_ray.actors.policy_store import PolicyStore
from qt_ray.adapters.consumer import Consumer
from qt_ray.adapters.event_buffer import EventBuffer
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.publisher import Publisher
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.trading.lease_keeper import LeaseKeeper
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event, decode_event, event
from qt_ray.core.orders import Filled
from qt_ray.core.payloads import BusRecovered, ModeChanged
from qt_ray.core.policy import Policy
from qt_ray.execution.gateway.fence import SHUT, Fence, why_not
from qt_ray.execution.venue.calls import AskOrder, Done, Place, Throttled, Unsure
from qt_ray.governance.leases import LEASE_MS, TRAVEL_MS
from qt_ray.governance.policy_view import LEASE_MS as VIEW_MS
from tests.conformance.bus_memory import MemoryBus
from tests.conformance.rulebook_memory import MemoryRulebook
from tests.integration.gateways import Direct
from tests.unit.execution.gateway.stories import Story, entry, exit_, view

pytestmark = pytest.mark.scenario


class Account:
    """A gateway's door as its lease keeper sees it, with nothing in flight."""

    def __init__(self) -> None:
        self.fence = SHUT

    def fenced(self, fence: Fence) -> None:
        self.fence = fence

    def entries_in_flight(self) -> int:
        return 0


class Fund:
    """A policy store on its book, a reader of its policy and a gateway's lease, all on one clock."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 1_000_000
        self._entries, self._copy = MemoryRulebook(), PolicyCopy(folder / "policy.json")
        self.line = Direct(self.born())
        self.reader, self.account = PolicyReader(self.line, self.clock), Account()
        self.keeper = LeaseKeeper(
            self.line, self.account, "main", "gateway/1", self.clock, lambda: self.now_ms * 1_000_000
        )
        self.passes(LEASE_MS + TRAVEL_MS)

    def clock(self) -> int:
        return self.now_ms

    def born(self) -> PolicyStore:
        """Return a store as it comes to life on the book that is there."""
        return PolicyStore(RulebookKeeper(self._entries, self._copy, Policy), self.clock, steady=self.clock)

    def passes(self, ms: int) -> None:
        self.now_ms += ms

    async def turn(self) -> None:
        """Let reader and keeper hear what there is to hear, which may be that nobody answers."""
        try:
            await self.reader.turn()
        except Retryable:
            assert self.line.is_away
        view = self.reader.view
        assert view is not None
        self.keeper.governed(view.policy.emergency_mode, view.policy.version, view.policy.epoch)
        await self.keeper._turn()

    def why_not(self, *, opens: bool) -> str | None:
        """Return why an order of a decision of now would not leave."""
        policy = self.line.store.get_policy()
        wanted = entry if opens else exit_
        order = wanted(epoch=policy.epoch, policy_version=policy.version)
        return why_not(self.account.fence, order, self.now_ms)


@pytest.mark.requirement("Scenario-4", "L3")
def test_without_a_policy_store_nothing_is_opened_everything_is_closed_and_it_comes_back_by_itself(
    tmp_path: Path,
) -> None:
    """Scenario 4: fail closed, reconnect; what was decided under the store's earlier life opens nothing any more."""

    async def story() -> None:
        fund = Fund(tmp_path)
        await fund.turn()
        assert (fund.reader.why_closed(), fund.why_not(opens=True)) == (None, None)
        before = fund.line.store.get_policy()

        fund.line.is_away = True
        fund.passes(VIEW_MS)
        await fund.turn()
        assert "was not confirmed for" in str(fund.reader.why_closed())
        assert fund.why_not(opens=True) is not None
        assert fund.why_not(opens=False) is None
        assert not fund.keeper.is_held

        fund.line.store, fund.line.is_away = fund.born(), False
        fund.passes(LEASE_MS + TRAVEL_MS)
        await fund.turn()
        await fund.turn()
        after = fund.line.store.get_policy()
        assert (after.epoch, after.modes) == (before.epoch + 1, before.modes)
        assert (fund.reader.why_closed(), fund.why_not(opens=True)) == (None, None)
        late = entry(epoch=before.epoch, policy_version=before.version)
        assert "the epoch in force" in str(why_not(fund.account.fence, late, fund.now_ms))

    asyncio.run(asyncio.wait_for(story(), 20))


class WeakBus(MemoryBus):
    """A bus that is away for a while."""

    is_away = False

    async def publish(self, events: Sequence[Event]) -> int:
        await asyncio.sleep(0)
        if self.is_away:
            raise Retryable("redis: a publication is answered, it was not")
        return await super().publish(events)


class Ledger:
    """What a listener has done about events."""

    def __init__(self) -> None:
        self.done: list[Event] = []

    def knows(self, event: Event) -> bool:
        return event in self.done

    async def commit(self, event: Event) -> None:
        self.done.append(event)


def happened(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number + 1, "ann"), "policy", number)


@asynccontextmanager
async def mouth(bus: WeakBus, folder: Path) -> AsyncIterator[Publisher]:
    """Yield a part's voice for one life of its process."""
    buffer = EventBuffer(folder)
    publisher = Publisher(bus, buffer, "gateway", again_ms=1)
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        buffer.close()


@pytest.mark.requirement("Scenario-8", "Sprint5-1")
@pytest.mark.sprint5
def test_an_outage_of_the_bus_is_heard_of_once_in_order_though_the_speaker_died_in_it(tmp_path: Path) -> None:
    """Scenario 8: a hundred events while Redis is away, told when it is back, and each has one effect."""

    async def story() -> None:
        bus, heard = WeakBus(), Ledger()
        await bus.join("risk")
        bus.is_away = True
        async with mouth(bus, tmp_path) as publisher:
            for number in range(60):
                await publisher.publish(happened(number))
        async with mouth(bus, tmp_path) as publisher:
            for number in range(60, 100):
                await publisher.publish(happened(number))
            assert bus.entries == []
            bus.is_away = False
            while not publisher.is_reaching or len(bus.entries) < 101:
                await asyncio.sleep(0.001)
        consumer = Consumer(bus, "risk", "one", ("policy.mode.changed",), heard)
        while await consumer.turn(0):
            pass
        assert [said.time_ms for said in heard.done] == list(range(100))
        told = [said.payload for body in bus.entries if (said := decode_event(body)).type == "system.redis_recovered"]
        assert [(said.replayed, isinstance(said, BusRecovered)) for said in told] == [(100, True)]

    asyncio.run(asyncio.wait_for(story(), 20))


@pytest.mark.requirement("Scenario-9", "Sprint5-2", "L6")
@pytest.mark.sprint5
def test_a_venue_that_falls_silent_and_then_asks_for_patience_gets_each_order_once() -> None:
    """Scenario 9: an outage is no rejection, a limit is waited for, and what is held can always be closed."""
    story = Story()
    bought = story.want(entry())
    story.answer(bought, Unsure("time-out"), 100)
    story.take(story.gateway.want(entry(1), 150))
    assert story.reasons == ["no entry while an order of BTCUSDT is in doubt"]

    story.sleep(400)
    (asked, _), *_ = [(e.call_id, e.call) for e in story.effects if isinstance(getattr(e, "call", None), AskOrder)]
    story.answer(asked, Done(view(entry(), "FILLED", 10)), 410)
    assert isinstance(story.order(), Filled)

    closing = story.want(exit_(2), 500)
    story.answer(closing, Throttled(-1003, 5_000, banned=True), 510)
    story.take(story.gateway.want(exit_(3, symbol="ETHUSDT"), 600))
    story.sleep(5_509)
    assert len(story.all_sent(Place)) == 2
    story.sleep(5_510)
    sent = [call.intent.client_id for call in story.all_sent(Place)]
    assert sent == [entry().client_id, exit_(2).client_id, exit_(2).client_id, exit_(3).client_id]
