"""Cluster drill: an emergency with all parts of a fund at work as real actors, from the trip to a flat account.

50 positions with the stops that the gateway places and 100 resting orders, on a paper venue in a process of its own.
One fund meets its emergencies in fair weather first, and then with every core of the machine kept busy by somebody else
from a moment before the trip. The times are the emergency stop's own: from the trip until the policy store had
acknowledged the fence, and until the venue showed nothing. A run ends when the trader's session sees the same, and a
person has reset. The fund opens nothing by itself meanwhile and decides on symbols that the drill leaves alone, and
the venue counts no calls. It has a processor right after the emergency stop, as a real venue has its own; what it
needs of ours is in the times all the same.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.drill import ORDERS, POSITIONS, spinning
from benchmarks.emergency import TARGET_MS
from benchmarks.form import Row, Sample, at_most, main
from qt_ray.actors.births import Births
from qt_ray.actors.house import House, Wanted, opened
from qt_ray.actors.launch import Launch
from qt_ray.actors.line import Line
from qt_ray.actors.lines.emergency_stop import EmergencyStopLine
from qt_ray.actors.lines.gateway import GatewayLine
from qt_ray.actors.topology import EMERGENCY_STOP, GATEWAY, PARTS, SENDS
from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.jobs.drill import Doors, Scene, Stage, venue_process
from qt_ray.monitoring.health import Condition
from qt_ray.risk.ess import Cause

Weather = Callable[[], AbstractContextManager[None]]
Times = list[tuple[float, float]]

RUNS, RUNS_QUICK = 10, 1
FLAT_MS = 1_000
WEATHERS: dict[str, Weather] = {"calm": nullcontext, "every core busy": spinning}
QUIET_POLICY = "new_trades_paused: true\ness:\n  cooldown_ms: 0\n"
OWN = ("TRXUSDT", "XRPUSDT")
PATIENCE_S = 90
LOOK_S = 0.02


async def until(ask: Callable[[], Awaitable[Condition]], holds: Callable[[Mapping[str, object]], bool]) -> None:
    """Wait until a part says something of itself, but not for ever; what it said last is told then."""
    said: Condition | Retryable | None = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    said = await ask()
                    if holds(said.facts):
                        return
                except Retryable as error:
                    said = error
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        raise AssertionError(f"a part comes to it within {PATIENCE_S} s, said: {said}") from error


async def once(stage: Stage, stop: EmergencyStopLine, gateway: GatewayLine, weather: Weather) -> tuple[float, float]:
    """Return the milliseconds from one trip to its fence, and to flat; the weather comes once the scene is set."""
    await stage.open(Scene(POSITIONS, 0, stops=False))
    await until(gateway.condition, lambda facts: facts["positions"] == facts["orders_open"] == POSITIONS)
    await stage.open(Scene(0, ORDERS))
    await until(stop.condition, lambda facts: facts["positions"] == POSITIONS)
    with weather():
        emergency = await stop.trip(Cause.MANUAL, "a drill", "drill")
        await until(stop.condition, lambda facts: facts["state"] == "COOLING_DOWN" and facts["fenced_ms"] is not None)
        await stage.prove_flat()
    report, fenced = (await stop.status()).outcome, (await stop.condition()).facts["fenced_ms"]
    if report is None or report.flat_ms is None or emergency.tripped_at_ms is None:
        raise AssertionError("an emergency that cools down was flat")
    await until(gateway.condition, lambda facts: facts["is_reconciled"] is True and facts["positions"] == 0)
    async with asyncio.timeout(PATIENCE_S):
        while not await cleared(stop):
            await asyncio.sleep(LOOK_S)
    return float(fenced), float(report.flat_ms - emergency.tripped_at_ms)


async def cleared(stop: EmergencyStopLine) -> bool:
    """Clear every cause as a person does, who asks again where the stop has not yet heard that the books agree."""
    try:
        for cause in (await stop.status()).emergency.causes:
            await stop.clear(cause, "drill", "it was one")
    except Invalid:
        return False
    return True


async def drilled(house: House, doors: Doors, runs: int, folder: Path) -> list[Times]:
    """Return the times of so many emergencies of one fund, in each weather."""
    endpoints = Endpoints(doors.rest, doors.streams, doors.rest)
    trader = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET))
    launch = Launch(Births(house.origin, house.namespace), PARTS, lambda line: print(line, file=sys.stderr))
    stop = EmergencyStopLine(Line(EMERGENCY_STOP, house.namespace))
    gateway = GatewayLine(Line(GATEWAY, house.namespace))
    try:
        await launch.begin()
        stage = Stage(doors, trader, folder)
        return [[await once(stage, stop, gateway, weather) for _ in range(runs)] for weather in WEATHERS.values()]
    finally:
        await launch.rest()
        await trader.close()


async def fund_of(folder: Path, runs: int) -> list[Times]:
    """Open a venue and a house for one fund, and drill it."""
    seed = folder / "policy.yaml"
    seed.write_text(QUIET_POLICY)
    async with venue_process(POSITIONS + len(OWN), 7, niceness=SENDS) as doors:
        flags = {"exchange.rest_url": doors.rest, "exchange.ws_url": doors.streams}
        flags |= {"market.symbols": ",".join(OWN), "fund.state": str(folder), "policy.seed": str(seed)}
        with opened(Wanted("paper", flags, dashboard=False)) as house:
            return await drilled(house, doors, runs, folder)


def spread(name: str, times: list[float], most: float) -> Iterator[Row]:
    """Yield median, 99th percentile and maximum, each promised to be at most so much."""
    times = sorted(times)
    tail = times[-(-99 * len(times) // 100) - 1]
    for label, value in (("p50", times[len(times) // 2]), ("p99", tail), ("max", times[-1])):
        yield at_most(f"{name}: {label}", "ms", Sample(value, len(times), (times[0], times[-1])), most)


def measure(quick: bool) -> list[Row]:
    """Stop the fund many times in each weather."""
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        found = asyncio.run(fund_of(Path(folder), RUNS_QUICK if quick else RUNS))
    for name, times in zip(WEATHERS, found, strict=True):
        rows += spread(f"{name}, from the trip to the acknowledged fence", [fenced for fenced, _ in times], TARGET_MS)
        rows += spread(f"{name}, from the trip to flat", [flat for _, flat in times], FLAT_MS)
    return rows


if __name__ == "__main__":
    main(measure)
