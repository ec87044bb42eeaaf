"""SPEC chapter 6 and V7: one effect for each event and group, acknowledged after it; nothing fails for ever unseen."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from qt_ray.adapters.consumer import Consumer
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.events import Event, event
from qt_ray.core.payloads import HealthChanged, ModeChanged
from qt_ray.governance.bus import DELIVERIES_MAX
from tests.conformance.bus_memory import MemoryBus

pytestmark = [pytest.mark.unit, pytest.mark.requirement("S6 EventBus")]

KINDS = ("policy.mode.changed",)


def happened(number: int) -> Event:
    return event("policy.mode.changed", ModeChanged("NORMAL", "DEFENSIVE", number + 1, "ann"), "policy", number)


class Ledger:
    """Effects that are remembered, and that fail as often as the story says."""

    def __init__(self, failures: int = 0, fault: type[Exception] = Retryable) -> None:
        self.done: list[str] = []
        self.failures, self.fault = failures, fault

    def knows(self, event: Event) -> bool:
        return event.id in self.done

    async def commit(self, event: Event) -> None:
        if self.failures:
            self.failures -= 1
            raise self.fault("disk: a write is durable, it was not")
        self.done.append(event.id)


class Dying(Ledger):
    """Effects whose process dies between the effect and the acknowledgement."""

    async def commit(self, event: Event) -> None:
        await super().commit(event)
        raise KeyboardInterrupt


def run(story: Callable[[MemoryBus], Awaitable[None]]) -> None:
    async def life() -> None:
        bus = MemoryBus()
        await bus.join("risk")
        await story(bus)

    asyncio.run(asyncio.wait_for(life(), 20))


def consumer(bus: MemoryBus, effects: Ledger) -> Consumer:
    return Consumer(bus, "risk", "one", KINDS, effects, idle_ms=0)


def test_each_event_has_one_effect() -> None:
    async def story(bus: MemoryBus) -> None:
        ledger = Ledger()
        await bus.publish([happened(0), happened(1)])
        await bus.poison(bus.entries[0])  # the same event a second time, as after a trimmed mark
        one = consumer(bus, ledger)
        assert await one.turn(1) == 3
        assert ledger.done == [happened(0).id, happened(1).id]
        assert dict(one.counts) == {"done": 2, "known": 1}

    run(story)


def test_a_death_between_effect_and_acknowledgement_costs_no_second_effect() -> None:
    async def story(bus: MemoryBus) -> None:
        ledger = Dying()
        await bus.publish([happened(0)])
        with pytest.raises(KeyboardInterrupt):
            await consumer(bus, ledger).turn(1)
        successor = consumer(bus, ledger)
        assert await successor.turn(1) == 1
        assert (ledger.done, dict(successor.counts)) == ([happened(0).id], {"known": 1})

    run(story)


def test_what_may_succeed_later_is_tried_again_and_not_for_ever() -> None:
    async def story(bus: MemoryBus) -> None:
        for failures, buried in ((DELIVERIES_MAX - 1, 0), (DELIVERIES_MAX, 1)):
            ledger = Ledger(failures)
            await bus.publish([happened(failures)])
            one = consumer(bus, ledger)
            for _ in range(DELIVERIES_MAX):
                assert await one.turn(1) == 1
            assert await one.turn(1) == 0
            assert (len(ledger.done), one.counts["buried"]) == (1 - buried, buried)
        ((group, reason, _),) = bus.dead
        assert (group, reason) == ("risk", "5 deliveries, the last: disk: a write is durable, it was not")

    run(story)


def test_what_can_never_succeed_is_put_aside_at_once() -> None:
    async def story(bus: MemoryBus) -> None:
        await bus.publish([happened(0), happened(1)])
        await bus.poison(b"nonsense")
        ledger = Ledger(1, Invalid)
        one = consumer(bus, ledger)
        await one.turn(1)
        assert dict(one.counts) == {"buried": 2, "done": 1}
        assert ledger.done == [happened(1).id]

    run(story)


def test_kinds_that_nobody_wants_are_passed_by() -> None:
    async def story(bus: MemoryBus) -> None:
        health = [event("health.changed", HealthChanged("feed", "ok", "slow", ""), "feed", at) for at in range(3)]
        await bus.publish([health[0], happened(0), *health[1:]])
        one = consumer(bus, Ledger())
        await one.turn(1)
        assert dict(one.counts) == {"of no use": 3, "done": 1}
        assert await bus.claim("risk", "two", 9, idle_ms=0) == ()
        assert bus.finishes == 2  # what nobody wants is passed by in one step

    run(story)
