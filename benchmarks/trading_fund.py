"""Trading fund: all twelve parts of a fund as real actors, its bus, and a venue in a process that outlives them.

It trades while it is hurt. What is killed is a part's process, by the number that the part itself has told, and nothing
else; a part is ready again when it answers out of another process that it is.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final, TypeVar

from qt_ray.actors.births import Births
from qt_ray.actors.house import House, Wanted, opened
from qt_ray.actors.launch import Launch
from qt_ray.actors.line import Line
from qt_ray.actors.lines.emergency_stop import EmergencyStopLine
from qt_ray.actors.lines.policy_store import PolicyStoreLine
from qt_ray.actors.topology import EMERGENCY_STOP, PARTS, POLICY_STORE
from qt_ray.adapters.children import Watch, paper_exchange
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.jobs.drill import Doors
from qt_ray.monitoring.health import Condition

NAMES: Final = tuple(part.name for part in PARTS)
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT")
BALANCE: Final = 100_000
SEED: Final = 7
TRADE_LOG: Final = "venue.jsonl"
# What the market does to a position is not what is tried here, nor a machine on which others work: no limit on stops,
# on silence or on the age of a price may keep the fund from trading. How long a part was silent is a row of its own.
POLICY: Final = """
modes: {NORMAL: {min_confidence: "0", max_positions: 30, position_cap_usd: "5000"}}
limits: {stop_hits_max: 1000, repeat_entries_max: 1000, slippage_pause_bps: 2000, order_value_max: "50000",
  book_age_max_ms: 30000, mark_age_max_ms: 30000}
ess: {stop_hits_max: 1000, execution_errors_max: 1000, cooldown_ms: 0, heartbeat_age_max_ms: 120000,
  feed_age_max_ms: 120000}
"""
FLAGS: Final = {
    "market.symbols": ",".join(SYMBOLS),
    "predictor.kind": "ema_cross",
    "predictor.fast_bars": "1",
    "predictor.slow_bars": "2",
    "desk.deadline_ms": "20000",
}
READY_MS: Final = 600_000
PATIENCE_S: Final = 180.0
LOOK_S: Final = 0.02
BUS_LOOK_S: Final = 0.5
PERSON: Final = "drill"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rebirth:
    """What became of parts that were killed together: when each was ready again, and when the whole fund was.

    Seconds are counted from the kill; a part that was not ready in time has all the time there was.
    """

    victims: tuple[str, ...]
    ready_s: Mapping[str, float]
    whole_s: float

    @property
    def is_whole(self) -> bool:
        """Return whether the whole fund was ready again in time."""
        return self.whole_s < PATIENCE_S


class LivingFund:
    """A fund whose parts may be killed; `is_bus_held` while nobody is to start its bus again."""

    def __init__(self, house: House, doors: Doors, folder: Path) -> None:
        self.house, self.doors, self.folder = house, doors, folder
        self.store = PolicyStoreLine(Line(POLICY_STORE, house.namespace))
        self.stop = EmergencyStopLine(Line(EMERGENCY_STOP, house.namespace))
        self.is_bus_held = False
        self._births = Births(house.origin, house.namespace)
        self._launch = Launch(self._births, PARTS, told)

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Let the fund live, its parts and its bus looked after as `qt up` does, and lay it to rest afterwards."""
        works: list[asyncio.Task[None]] = []
        try:
            await self._launch.begin(READY_MS)
            works = [asyncio.create_task(work) for work in (self._launch.watch(), self._keep_bus())]
            yield
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            await self._launch.rest()

    async def condition(self, name: str) -> Condition:
        """Return what a part says of itself, however long it takes until it answers."""
        return await patiently(partial(self._births.condition, name))

    async def killed(self, victims: Sequence[str]) -> Rebirth:
        """Kill these parts at one moment, and wait until they and all others are ready."""
        found = [await self.condition(name) for name in victims]
        began = perf_counter()
        for condition in found:
            if condition.pid is not None:
                os.kill(condition.pid, signal.SIGKILL)
        ready = await asyncio.gather(*(self._ready_s(one.part, one.pid, began) for one in found))
        return Rebirth(tuple(victims), dict(zip(victims, ready, strict=True)), await self.whole_s(began))

    async def whole_s(self, began: float) -> float:
        """Return how long after a moment every part is ready."""
        return max(await asyncio.gather(*(self._ready_s(name, None, began) for name in NAMES)))

    async def calmed(self) -> str:
        """Have a person clear an emergency, and return why there was one, or nothing."""
        first = now = (await patiently(self.stop.status)).emergency
        async with asyncio.timeout(PATIENCE_S):
            while now.state.is_latched:
                for cause in now.causes:
                    with suppress(Invalid, Retryable):
                        await self.stop.clear(cause, PERSON, "a part had been killed")
                await asyncio.sleep(BUS_LOOK_S)
                now = (await patiently(self.stop.status)).emergency
        return first.reason if first.state.is_latched else ""

    async def _ready_s(self, name: str, dead: int | None, began: float) -> float:
        """Return how long after `began` a part is ready, in a process other than the one that is dead."""
        while (took_s := perf_counter() - began) < PATIENCE_S:
            with suppress(Retryable):
                found = await self._births.condition(name)
                if found.is_ready and found.pid != dead:
                    return perf_counter() - began
            await asyncio.sleep(LOOK_S)
        return max(took_s, PATIENCE_S)

    async def _keep_bus(self) -> None:
        watch = Watch(None, self.house.bus, told)
        while True:
            if not self.is_bus_held:
                await asyncio.to_thread(watch.look)
            await asyncio.sleep(BUS_LOOK_S)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to a question that somebody who is being born again may leave unanswered for a while."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(Retryable):
                return await ask()
            await asyncio.sleep(LOOK_S)


@contextmanager
def venue_for(folder: Path) -> Iterator[Doors]:
    """Open a venue that writes down every order and trade, and close it afterwards."""
    words = ["--symbols", ",".join(SYMBOLS), "--balance", str(BALANCE), "--seed", str(SEED)]
    words += ["--trade-log", str(folder / TRADE_LOG)]
    with paper_exchange(words, folder / "venue.log") as exchange:
        found = exchange.doors
        yield Doors(found["rest"], found["streams"], found["control"])


def flags_for(folder: Path, doors: Doors) -> dict[str, str]:
    """Return the settings of a fund in `folder` that trades at a venue."""
    seed = folder / "policy.yaml"
    seed.write_text(POLICY)
    places = {"fund.state": str(folder), "policy.seed": str(seed)}
    return {**FLAGS, **places, "exchange.rest_url": doors.rest, "exchange.ws_url": doors.streams}


@contextmanager
def fund_in(folder: Path) -> Iterator[LivingFund]:
    """Open a venue and a house for a fund that does not live yet, and close both afterwards."""
    with venue_for(folder) as doors:
        wanted = Wanted("paper", flags_for(folder, doors), dashboard=False)
        with opened(wanted) as house:
            yield LivingFund(house, doors, folder)


def told(line: str) -> None:
    """Say on the other stream what a person may want to see."""
    print(line, file=sys.stderr)
