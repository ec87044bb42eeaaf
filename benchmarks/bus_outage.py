"""Bus outage: the Redis of a fund that trades is killed and kept away, and events are told all the while.

The fund goes on without it, and what was told is on the disk. When Redis is back the disk's events are on the bus in
the order in which they were told, each once. The teller is a publisher like every part's, in a folder of its own.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.trading_fund import PATIENCE_S, LivingFund
from qt_ray.actors.topology import DESK, GATEWAY
from qt_ray.actors.voice import address_of, bus_of, voice
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.publisher import Publisher
from qt_ray.adapters.redis.link import linked
from qt_ray.core.errors import Retryable
from qt_ray.core.events import decode_event, event
from qt_ray.core.payloads import RiskAlert
from qt_ray.governance.bus import BATCH_MAX, EventBus

TOLD: Final = 100
TELLER: Final = "Drill"
LOOK_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Outage:
    """What an outage came to: how the fund went on, and what became of the events that were told meanwhile.

    `strayed` counts what is on the bus twice, or not in its place; `replay_s` is from the first answer of the new
    server to the last of the events, `whole_s` to the moment at which every part was ready.
    """

    decisions: int
    tidings: int
    kept: int
    replayed: int
    strayed: int
    replay_s: float
    whole_s: float


async def outage(fund: LivingFund, away_s: float) -> Outage:
    """Kill the fund's Redis, tell a hundred events while it is away, and wait until it has them all."""
    publisher, bus = voice(fund.house.origin, TELLER), bus_of(fund.house.origin)
    carrying = asyncio.create_task(publisher.run())
    try:
        position, before = await bus.position(now_ms()), await _done(fund)
        fund.is_bus_held = True
        await _kill(fund)
        told = await _told(publisher, away_s)
        decisions, tidings = (now - then for now, then in zip(await _done(fund), before, strict=True))
        kept = sum(name in told for name in names_in(fund.house.places.buffer / TELLER))
        fund.is_bus_held = False
        heard, replay_s, back = await _heard(bus, position, told)
        strayed = strays(told, heard)
        whole_s = await fund.whole_s(back)
        return Outage(decisions, tidings, kept, len(set(heard)), strayed, replay_s, whole_s)
    finally:
        fund.is_bus_held = False
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        publisher.close()


def strays(told: Sequence[str], heard: Sequence[str]) -> int:
    """Return how many of those heard are not in the place in which they were told, or are there twice."""
    return sum(one != other for one, other in zip(told, heard, strict=False)) + max(len(heard) - len(told), 0)


def names_in(buffer: Path) -> list[str]:
    """Return the names of all events that a buffer's files hold."""
    lines = (line for path in sorted(buffer.glob("events-*.jsonl")) for line in path.read_bytes().splitlines())
    return [decode_event(line).id for line in lines]


async def _done(fund: LivingFund) -> tuple[int, int]:
    """Return how much was decided, and how much the books have told."""
    desk, gateway = await fund.condition(DESK), await fund.condition(GATEWAY)
    return int(desk.facts["decisions"]), int(gateway.facts["last_tiding"])


async def _kill(fund: LivingFund) -> None:
    """Kill the server by the number that it tells itself."""
    async with linked(address_of(str(fund.house.origin.redis))) as link:
        os.kill(int((await link.info("server"))["process_id"]), signal.SIGKILL)


async def _told(publisher: Publisher, away_s: float) -> list[str]:
    """Tell events, evenly over the time that the bus is away, and return their names."""
    events = [event("risk.alert", RiskAlert("info", "a drill", f"event {n}"), TELLER, now_ms()) for n in range(TOLD)]
    for one in events:
        await asyncio.sleep(away_s / TOLD)
        publisher.tell(one)
    await asyncio.sleep(away_s / TOLD)
    return [one.id for one in events]


async def _heard(bus: EventBus, position: str, told: Sequence[str]) -> tuple[list[str], float, float]:
    """Return what of the told is on the bus once all is, how long that took, and when the bus was back."""
    heard, ours, back, until = list[str](), set(told), 0.0, perf_counter() + PATIENCE_S
    while len(heard) < len(told) and perf_counter() < until:
        with suppress(Retryable):
            for delivery in await bus.read(position, BATCH_MAX, 0):
                position = delivery.position
                heard += [delivery.event.id] if delivery.event is not None and delivery.event.id in ours else []
            back = back or perf_counter()
        await asyncio.sleep(LOOK_S)
    done = perf_counter()
    return heard, done - (back or done), back or done
