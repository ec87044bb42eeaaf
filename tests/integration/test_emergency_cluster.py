"""Store, gateway and emergency stop as real actors: a trip over Ray is fenced and flat, whoever has just died."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import ray

from qt_ray.actors.line import Line
from qt_ray.actors.lines.emergency_stop import EmergencyStopLine
from qt_ray.actors.lines.gateway import GatewayLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.origin import Origin
from qt_ray.actors.policy_store_actor import BOOK
from qt_ray.actors.topology import EMERGENCY_STOP, GATEWAY, MONITOR, PARTS, POLICY_STORE, begun, namespace_of
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.policy_copy import PolicyCopy
from qt_ray.adapters.rulebook_keeper import RulebookKeeper
from qt_ray.adapters.side_door import knock
from qt_ray.adapters.sqlite_rulebook import SqliteRulebook
from qt_ray.core.errors import Retryable
from qt_ray.core.policy import Policy
from qt_ray.engine.errands import Errands
from qt_ray.governance.rulebook_entries import Author
from qt_ray.governance.wishes import Recover
from qt_ray.monitoring.health import Condition
from qt_ray.risk.ess import Cause
from tests.integration.gateways import BTC, Reader, market_entry
from tests.integration.venue_process import SYMBOLS, opened

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]


class Record:
    """A monitor that has nothing against entries."""

    async def why_silent(self) -> str | None:
        return None


async def until(ask: Callable[[], Awaitable[Condition]], holds: Callable[[Condition], bool]) -> Condition:
    """Return the condition of a part once it holds; a part that is not there is asked again."""
    async with asyncio.timeout(60):
        while True:
            try:
                if holds(found := await ask()):
                    return found
            except Retryable:
                pass
            await asyncio.sleep(0.05)


@pytest.mark.requirement("L2", "P0-02")
@pytest.mark.p0_patches
def test_a_trip_over_ray_is_fenced_and_flat_though_the_stop_was_killed_just_before(
    tmp_path: Path, namespace: str
) -> None:
    account = namespace[:20]

    async def at_door(deed: str) -> Any:
        return await asyncio.to_thread(knock, origin.places.door, {"do": deed}, 5.0)

    async def story() -> None:
        store = PolicyStoreLine(Line(POLICY_STORE, space))
        gateway = GatewayLine(Line(GATEWAY, space))
        stop = EmergencyStopLine(Line(EMERGENCY_STOP, space))
        await until(gateway.condition, lambda found: found.facts.get("lets_entries", False))
        armed = await until(stop.condition, lambda found: found.is_ready)
        reader, policy = Reader(), await store.policy()
        reader.apply(await gateway.tidings(0, 1_000))
        bought, stamp = market_entry(1, policy, account=account)
        await gateway.errands(Errands(place=(bought,)), stamp)
        while not reader.held.get(BTC):
            reader.apply(await gateway.tidings(reader.cursor, 1_000))
        assert (await at_door("status"))["ess"]["state"] == "ARMED"
        assert armed.pid is not None
        os.kill(armed.pid, signal.SIGKILL)
        reborn = await until(stop.condition, lambda found: found.pid != armed.pid and found.is_ready)
        assert reborn.was_reconstructed
        await stop.trip(Cause.MANUAL, "fire", "ann")
        await until(stop.condition, lambda found: found.facts["state"] == "COOLING_DOWN")
        assert (await store.policy()).emergency_mode
        assert (await at_door("status"))["ess"]["emergency"]["reason"] == "fire"
        assert (await at_door("trip"))["acted"] == "emergency_stop"
        late, stamp = market_entry(2, policy, account=account)
        await gateway.errands(Errands(place=(late,)), stamp)
        while late.client_id not in reader.ended():
            reader.apply(await gateway.tidings(reader.cursor, 1_000))
        assert reader.held[BTC] == 0

    with opened("--symbols", SYMBOLS) as venue:
        flags = {"fund.state": str(tmp_path), "fund.account": account, "market.symbols": SYMBOLS}
        flags |= {"exchange.rest_url": venue.said["rest"], "exchange.ws_url": venue.said["streams"]}
        origin = Origin("paper", flags, life="one")
        space, parts = namespace_of(origin.settings), {part.name: part for part in PARTS}
        handles = [ray.remote(Record).options(name=MONITOR, namespace=space, num_cpus=0).remote()]
        handles += [begun(parts[name], origin, space) for name in (POLICY_STORE, GATEWAY, EMERGENCY_STOP)]
        try:
            asyncio.run(asyncio.wait_for(story(), 110))
        finally:
            for handle in handles:
                ray.kill(handle)


@pytest.mark.requirement("L1", "L7")
def test_a_store_whose_book_ends_otherwise_dies_when_asked_and_its_next_life_keeps_the_emergency(
    tmp_path: Path, namespace: str
) -> None:
    origin = Origin("paper", {"fund.state": str(tmp_path)})

    async def story() -> None:
        store = PolicyStoreLine(Line(POLICY_STORE, namespace))
        first = await until(store.condition, lambda found: found.is_ready)
        assert await store.begin_emergency("fire")
        ended_elsewhere(origin.places.policy)
        while True:
            try:
                await store.begin_emergency("fire again")
                break
            except Retryable:
                await asyncio.sleep(0.05)
        assert (await store.policy()).emergency_reason == "fire again"
        assert (await store.condition()).pid != first.pid

    begun(next(part for part in PARTS if part.name == POLICY_STORE), origin, namespace)
    asyncio.run(asyncio.wait_for(story(), 60))


def ended_elsewhere(folder: Path) -> None:
    """Let the end of an emergency be in the book, though the store was never told that it is."""
    book = SqliteRulebook(folder / BOOK)
    try:
        keeper = RulebookKeeper(book, PolicyCopy(folder / "other.json"), Policy)
        ann = Author("ann", is_person=True)
        assert keeper.decide(Recover(keeper.policy.epoch, "it is out"), ann, now_ms()) is None
    finally:
        book.close()
