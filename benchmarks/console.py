"""Console: how long the stop takes beside ten people who read 200 times a second together, and pages that watch.

A console on a Ray of its own, in front of a real policy store and an emergency stop that begins at once; the clients
are one process beside it, so what it costs to ask is in the numbers. Reads are offered by the clock, whatever becomes
of them. The same stop is begun at the emergency stop's own door too, which needs no Serve. At the end the process that
all of it goes through, Serve's proxy, is killed, and the console asked until it answers again.
"""

import asyncio
import os
import signal
import tempfile
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.form import Row, Sample, at_least, at_most, main
from qt_ray.adapters.api_keys import KeyRing
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.side_door import knock
from qt_ray.governance.access import Scope
from tests.integration.consoles import Deployed, deployed, head

READS_PER_S: Final = 200
READERS: Final = 10
WATCHERS: Final = 5
SECONDS, SECONDS_QUICK = 20.0, 4.0
STOP_EVERY_S: Final = 0.1
WARM: Final = 20
DEPLOY_MS_MAX: Final = 10_000.0
STOP_P50_MS_MAX, STOP_P99_MS_MAX = 25.0, 250.0
DOOR_P50_MS_MAX, DOOR_P99_MS_MAX = 25.0, 250.0
PATIENCE_S: Final = 10.0
SERVED_MIN: Final = 0.5
AWAY_S_MAX: Final = 10.0
LOOK_S: Final = 0.05


@dataclass(slots=True)
class Seen:
    """What became of what was asked."""

    stops_ms: list[float] = field(default_factory=list)
    at_door_ms: list[float] = field(default_factory=list)
    reads_ms: list[float] = field(default_factory=list)
    refused: int = 0


async def read(session: aiohttp.ClientSession, token: str, seen: Seen) -> None:
    """Read the policy once, as the person who has the token."""
    began_ns = monotonic_ns()
    async with session.get("/api/policy", headers={"Authorization": f"Bearer {token}"}) as answer:
        await answer.read()
        seen.refused += answer.status in (429, 503)
    seen.reads_ms.append((monotonic_ns() - began_ns) / 1e6)


async def stop(session: aiohttp.ClientSession) -> float:
    """Trip the emergency stop once, and return how long the answer took."""
    began_ns = monotonic_ns()
    async with session.post("/api/emergency/trigger", json={"reason": "a measurement"}) as answer:
        told = await answer.json()
    if told.get("acted") != "emergency_stop":
        raise RuntimeError(f"a stop is begun by the emergency stop, was {told}")
    return (monotonic_ns() - began_ns) / 1e6


async def stop_at_door(door: Path) -> float:
    """Trip the emergency stop at its own door, and return how long the answer took."""
    began_ns = monotonic_ns()
    told = await asyncio.to_thread(knock, door, {"do": "trip", "reason": "a measurement"}, PATIENCE_S)
    if told.get("acted") != "emergency_stop":
        raise RuntimeError(f"a stop is begun by the emergency stop, was {told}")
    return (monotonic_ns() - began_ns) / 1e6


async def crowd(session: aiohttp.ClientSession, tokens: list[str], seen: Seen, seconds: float) -> None:
    """Offer reads by the clock, each by the next person."""
    began_ns, under_way = monotonic_ns(), list[asyncio.Task[None]]()
    for number in range(int(seconds * READS_PER_S)):
        late_s = (monotonic_ns() - began_ns) / 1e9 - number / READS_PER_S
        await asyncio.sleep(max(-late_s, 0))
        under_way.append(asyncio.create_task(read(session, tokens[number % len(tokens)], seen)))
    await asyncio.gather(*under_way)


async def beside(console: Deployed, seconds: float) -> tuple[list[float], Seen]:
    """Return how long stops took alone, and what was seen beside the crowd."""
    seen, known = Seen(), {"Authorization": f"Bearer {console.token}"}
    everybody, ring = aiohttp.TCPConnector(limit=0), KeyRing(console.origin.places.folder)
    tokens = [ring.issue(f"reader {number}", (Scope.READ,)) for number in range(READERS)]
    async with (
        aiohttp.ClientSession(console.url, headers=known, connector=everybody) as readers,
        aiohttp.ClientSession(console.url, headers=known) as person,
    ):
        watchers = [await readers.ws_connect("/stream") for _ in range(WATCHERS)]
        for _ in range(WARM):
            await stop(person)
        alone = [await stop(person) for _ in range(5 * WARM)]
        reading = asyncio.create_task(crowd(readers, tokens, seen, seconds))
        for _ in range(int(seconds / STOP_EVERY_S)):
            seen.stops_ms.append(await stop(person))
            seen.at_door_ms.append(await stop_at_door(console.origin.places.door))
            await asyncio.sleep(STOP_EVERY_S)
        await reading
        for watcher in watchers:
            await watcher.close()
    return alone, seen


async def away_s(console: Deployed) -> float:
    """Kill Serve's proxy, and return after how many seconds the console answers again."""
    import ray
    from ray.util import list_named_actors

    proxies = [one for one in list_named_actors(all_namespaces=True) if "PROXY" in one["name"]]
    for proxy in proxies:
        handle = ray.get_actor(proxy["name"], proxy["namespace"])
        os.kill(await handle.__ray_call__.remote(lambda _: os.getpid()), signal.SIGKILL)
    began_ns = monotonic_ns()
    known = {"Authorization": f"Bearer {console.token}"}
    async with aiohttp.ClientSession(console.url, headers=known, timeout=aiohttp.ClientTimeout(PATIENCE_S)) as person:
        while not await answers(person):
            await asyncio.sleep(LOOK_S)
    return (monotonic_ns() - began_ns) / 1e9


async def answers(session: aiohttp.ClientSession) -> bool:
    """Return whether the console shows its policy."""
    try:
        async with session.get("/api/policy") as answer:
            return answer.status == HTTPStatus.OK
    except (aiohttp.ClientError, TimeoutError):
        return False


def at(values: list[float], share: float) -> Sample:
    """Return the value below which a share of all values lies, and the extremes."""
    ordered = sorted(values)
    return Sample(ordered[min(int(len(ordered) * share), len(ordered) - 1)], len(ordered), (ordered[0], ordered[-1]))


def measure(quick: bool) -> list[Row]:
    """Return what the stop took alone and beside the crowd, and how much of the crowd was served."""
    with tempfile.TemporaryDirectory() as folder, head() as address, deployed(Path(folder), address) as console:
        took = Sample(console.took_ms, 1, (console.took_ms, console.took_ms))
        alone, seen = asyncio.run(beside(console, SECONDS_QUICK if quick else SECONDS))
        away = [asyncio.run(away_s(console)) for _ in range(1 if quick else 3)]
    part = 1 - seen.refused / len(seen.reads_ms)
    served = Sample(part, len(seen.reads_ms), (part, part))
    crowded = f"stop beside {READS_PER_S} reads/s and {WATCHERS} watchers"
    return [
        at_most("console deployed", "ms", took, DEPLOY_MS_MAX),
        at_most("stop alone, p50", "ms", at(alone, 0.5), STOP_P50_MS_MAX),
        at_most(f"{crowded}, p50", "ms", at(seen.stops_ms, 0.5), STOP_P99_MS_MAX),
        at_most(f"{crowded}, p99", "ms", at(seen.stops_ms, 0.99), 2 * STOP_P99_MS_MAX),
        at_most(f"{crowded}, at its own door, p50", "ms", at(seen.at_door_ms, 0.5), DOOR_P50_MS_MAX),
        at_most(f"{crowded}, at its own door, p99", "ms", at(seen.at_door_ms, 0.99), DOOR_P99_MS_MAX),
        at_least("reads of the crowd that were served", "share", served, SERVED_MIN),
        at_most("console away after its proxy was killed, max", "s", at(away, 1), AWAY_S_MAX),
    ]


if __name__ == "__main__":
    main(measure)
