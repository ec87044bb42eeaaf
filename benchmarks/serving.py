"""Serving: what a forecast costs in this process and over HTTP, and what a swap and a killed replica cost: nothing.

The shipped champion answers about one symbol from as many bars as its slowest feature needs, or from a row of features.
Beside it stands the least that the same proxy can do, to greet. Behind Serve's own proxy,
on one machine with the clients, so what it costs to ask is in the numbers. A request that fails is counted, never tried
again.
"""

import asyncio
import os
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from benchmarks.form import Row, Sample, at_most, less_is_better, main
from qt_ray.adapters.clock import monotonic_ns
from qt_ray.adapters.models.model_set import ModelSet, load
from qt_ray.adapters.models.outlook import thoughts
from qt_ray.adapters.models.recipe import ENSEMBLE, Recipe
from qt_ray.adapters.models.registry import find_registry
from qt_ray.market.bars import Bars
from qt_ray.market.synthetic import synthetic
from tests.integration.inference_funds import Serving, replicas_of, serving

SYMBOLS: Final = ("BTCUSDT",)
HOUR_MS: Final = 3_600_000
ASKS, ASKS_QUICK = 400, 40
CROWD: Final = 8
SWAPS, SWAPS_QUICK = 6, 2
P50_MS_MAX: Final = 8.0
BESIDE_MAX: Final = 3.0
GREETING: Final = "/greeting"
NS_PER_MS: Final = 1e6
COLUMNS: Final = ("open", "high", "low", "close", "volume")


@dataclass(slots=True)
class Seen:
    """What became of requests: how long each took, by which version it was answered, and how many failed."""

    took_ms: list[float] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    failed: int = 0


def champion() -> ModelSet:
    """Return the shipped models."""
    registry = find_registry()
    return load(Recipe(ENSEMBLE, {"version": registry.resolve("champion")}, registry.root))


def market(models: ModelSet) -> Bars:
    """Return as many bars as every member needs, and one more."""
    return synthetic(SYMBOLS, HOUR_MS, 3).bars(models.warmup + 1)


def question(bars: Bars) -> bytes:
    """Return the request about them."""
    candles = {"ts": bars.ts.tolist(), **{name: getattr(bars, name)[:, 0].tolist() for name in COLUMNS}}
    return orjson.dumps({"interval": "1h", "bars": {SYMBOLS[0]: candles}})


def inside(models: ModelSet, bars: Bars, asks: int) -> list[float]:
    """Return how long forecasts take in this process."""
    took = []
    for _ in range(asks):
        began_ns = monotonic_ns()
        thoughts(bars, models, SYMBOLS)
        took.append((monotonic_ns() - began_ns) / NS_PER_MS)
    return took[asks // 4 :]


def row_of(models: ModelSet) -> bytes:
    """Return a request about a row of features made elsewhere."""
    if models.schema is None:
        raise SystemExit("a champion reads features, was one that reads bars alone")
    rows = {SYMBOLS[0]: [0.0] * len(models.schema)}
    return orjson.dumps({"features": {"schema": models.schema.hash, "ts": HOUR_MS, "rows": rows}})


def greet(prefix: str) -> None:
    """Let the same Serve greet below a path."""
    from ray import serve

    class Greeting:
        async def __call__(self, request: object) -> str:
            return "good day"

    shell: Any = serve.deployment(Greeting, name="greeting", ray_actor_options={"num_cpus": 0})
    serve.run(shell.bind(), name="greeting", route_prefix=prefix)


async def greeted(url: str, asks: int) -> list[float]:
    """Return how long a client waits who is greeted."""
    took = []
    async with aiohttp.ClientSession() as session:
        for _ in range(asks):
            began_ns = monotonic_ns()
            async with session.get(url) as answer:
                await answer.read()
            took.append((monotonic_ns() - began_ns) / NS_PER_MS)
    return took[asks // 4 :]


async def ask(session: aiohttp.ClientSession, url: str, body: bytes, seen: Seen) -> None:
    """Ask once."""
    began_ns = monotonic_ns()
    try:
        async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            told = orjson.loads(await answer.read())
            seen.failed += answer.status != 200
            seen.versions[told.get("model", {}).get("version", "")] += 1
    except aiohttp.ClientError:
        seen.failed += 1
    seen.took_ms.append((monotonic_ns() - began_ns) / NS_PER_MS)


async def clients(models: Serving, body: bytes, count: int, done: asyncio.Event | None, asks: int) -> Seen:
    """Return what `count` clients see who ask without a pause, so often or until it is done."""
    seen, url = Seen(), f"{models.url}/predict"

    async def client(session: aiohttp.ClientSession) -> None:
        number = 0
        while number < asks if done is None else not done.is_set():
            number += 1
            await ask(session, url, body, seen)

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {models.token}"}) as session:
        await asyncio.gather(*(client(session) for _ in range(count)))
    return seen


async def swapped(models: Serving, body: bytes, swaps: int) -> Seen:
    """Return what two clients see while versions are swapped."""
    done = asyncio.Event()
    asking = asyncio.create_task(clients(models, body, 2, done, 0))
    for number in range(swaps):
        await models.promote(models.versions[(number + 1) % 2])
    done.set()
    return await asking


async def killed(models: Serving, body: bytes, asks: int) -> Seen:
    """Return what a client sees while one of two replicas is killed."""
    first = await clients(models, body, 1, None, asks // 4)
    os.kill(replicas_of()[0], signal.SIGKILL)
    after = await clients(models, body, 1, None, asks)
    return Seen([*first.took_ms, *after.took_ms], first.versions + after.versions, first.failed + after.failed)


def at(values: list[float], share: float) -> Sample:
    """Return the value below which a share of all values lies, and the extremes."""
    ordered = sorted(values)
    return Sample(ordered[min(int(len(ordered) * share), len(ordered) - 1)], len(ordered), (ordered[0], ordered[-1]))


def lost(name: str, seen: Seen) -> Row:
    """Return how many requests failed of all that were made."""
    return at_most(f"{name}: failed requests", "requests", Sample(seen.failed, len(seen.took_ms), (0, seen.failed)), 0)


def measure(quick: bool) -> list[Row]:
    """Return what forecasts cost, and how many were lost to swaps and a kill."""
    asks, swaps = (ASKS_QUICK, SWAPS_QUICK) if quick else (ASKS, SWAPS)
    models = champion()
    bars = market(models)
    alone, body = inside(models, bars, asks), question(bars)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), replicas=2) as served:
        greet(GREETING)
        address = served.url.removesuffix("/v1") + GREETING

        async def story() -> tuple[list[float], Seen, Seen, Seen, Seen, Seen]:
            await clients(served, body, 2, None, asks // 4)
            plain, row = await greeted(address, asks), await clients(served, row_of(models), 1, None, asks)
            one = await clients(served, body, 1, None, asks)
            crowd = await clients(served, body, CROWD, None, asks // CROWD)
            return plain, row, one, crowd, await swapped(served, body, swaps), await killed(served, body, asks)

        plain, row, one, crowd, swaps_seen, kill_seen = asyncio.run(story())
    return [
        at_most("forecast of one symbol in process, p50", "ms", at(alone, 0.5), P50_MS_MAX),
        less_is_better("forecast beside a greeting, p50", "ms", at(one.took_ms, 0.5), at(plain, 0.5).value, BESIDE_MAX),
        at_most("forecast from a row of features over HTTP, 1 client, p50", "ms", at(row.took_ms, 0.5), P50_MS_MAX),
        at_most("forecast over HTTP, 1 client, p50", "ms", at(one.took_ms, 0.5), P50_MS_MAX),
        at_most("forecast over HTTP, 1 client, p99", "ms", at(one.took_ms, 0.99), 5 * P50_MS_MAX),
        at_most(f"forecast over HTTP, {CROWD} clients, p50", "ms", at(crowd.took_ms, 0.5), CROWD * P50_MS_MAX),
        lost("two clients", one),
        lost("one client with rows of features", row),
        lost(f"{swaps} swaps between {len(swaps_seen.versions)} versions", swaps_seen),
        lost("one of two replicas killed", kill_seen),
    ]


if __name__ == "__main__":
    main(measure)
