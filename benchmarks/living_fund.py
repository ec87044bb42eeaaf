"""Living fund: what `qt up --profile paper` costs on one machine, from its first process to Ctrl-C.

It is begun as a person would begin it, with Ray's dashboard and the console. How long until it decides, and until it
holds what it bought behind a stop that the venue has; then, between two bars when nothing is decided, how much memory
and how much of a processor all its processes take, and which take it; and that nothing is left after Ctrl-C.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.form import Row, Sample, at_most, main
from benchmarks.fund_process import PATIENCE_S, End, Screen, begun, interrupted
from benchmarks.household import (
    DAEMONS,
    DASHBOARD,
    DRIVER,
    IDLE,
    PART_NAMES,
    REDIS,
    SERVE,
    VENUE,
    Member,
    held,
    household,
    spent,
)
from qt_ray.actors.topology import PARTS, POLICY_STORE
from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.redis.bus import RedisBus
from qt_ray.adapters.redis.link import linked
from qt_ray.adapters.session_file import Session, read_session
from qt_ray.adapters.trading.opening import told
from qt_ray.core.errors import Retryable
from qt_ray.execution.venue.calls import AskOpenOrders, AskPositions
from qt_ray.execution.venue.views import OrderView, PositionView

BUS: Final = "paper-main"
STORE_S, READY_S, DECIDED_S, PROTECTED_S, ENDED_S = 20.0, 60.0, 60.0, 180.0, 30.0
MEMORY_GIB, CPU_PERCENT, PART_PERCENT = 4.0, 30.0, 1.5
GIB: Final = 1 << 30
BAR_MS: Final = 60_000
# A decision and its orders are over by then, and the next bar is not closed yet.
AFTER_CLOSE_MS, BEFORE_CLOSE_MS = 8_000, 2_000
WINDOWS, QUICK_S = 2, 5.0
LOOK_S: Final = 1.0
INTERRUPTED: Final = 130
PARTS_TOGETHER: Final = "the twelve parts"
# What each may take of the whole, so that together they are within it: GiB of memory, and percent of one core.
SHARES: Final = {
    PARTS_TOGETHER: (1.6, 15.5),
    DAEMONS: (0.25, 2.0),
    DASHBOARD: (0.5, 3.5),
    SERVE: (0.8, 4.0),
    IDLE: (0.2, 0.5),
    REDIS: (0.1, 0.5),
    VENUE: (0.2, 3.0),
    DRIVER: (0.25, 1.0),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A while between two bars: how long it was, and the household before and after it."""

    lasted_s: float
    before: Mapping[int, Member]
    after: Mapping[int, Member]

    @property
    def percent(self) -> dict[str, float]:
        """Return how much of a core each group took meanwhile."""
        return {group: 100 * took_s / self.lasted_s for group, took_s in spent(self.before, self.after).items()}

    @property
    def gib(self) -> dict[str, float]:
        """Return the memory that each group held in the end."""
        return {group: held_bytes / GIB for group, held_bytes in held(self.after).items()}


@dataclass(frozen=True, slots=True)
class Life:
    """What was measured of one fund; `protected_s` is nothing if it was not waited for or did not come."""

    store_s: float
    ready_s: float
    decided_s: float
    protected_s: float | None
    windows: tuple[Window, ...]
    end: End


async def until(session: Session, screen: Screen, kind: str) -> float:
    """Return after how many seconds the bus had the first event of a kind."""
    bus = RedisBus(linked(Path(str(session.redis))), BUS)
    try:
        position = await bus.position(0)
        while True:
            with suppress(Retryable):  # who is slow today answers the next time
                for delivery in await bus.read(position, 500, 1_000):
                    position = delivery.position
                    if delivery.event is not None and delivery.event.type == kind:
                        return screen.now_s
    finally:
        await bus.close()


async def protected(session: Session, screen: Screen) -> float | None:
    """Return after how many seconds the venue held a position with its stop, or nothing if that took too long."""
    rest = str(session.venue)
    doors, signer = Endpoints(rest, rest.replace("http", "ws", 1)), Signer(PAPER_KEY, PAPER_SECRET)
    venue = await BinanceSession.open(doors, signer)
    try:
        async with asyncio.timeout(2 * PROTECTED_S - screen.now_s):
            await until(session, screen, "trade.executed")
            while not await _is_protected(venue):
                await asyncio.sleep(LOOK_S)
            return screen.now_s
    except TimeoutError:
        return None
    finally:
        await venue.close()


async def _is_protected(venue: BinanceSession) -> bool:
    try:
        positions: tuple[PositionView, ...] = await told(venue, AskPositions())
        for symbol in (position.symbol for position in positions if position.quantity):
            stops: tuple[OrderView, ...] = await told(venue, AskOpenOrders(symbol, conditional=True))
            if any(stop.reduce_only or stop.closes_position for stop in stops):
                return True
    except Retryable:
        return False
    return False


async def idle(root: int, quick: bool) -> Window:
    """Return a while between two bars, of the household of a process."""
    if not quick:
        into_ms = time.time_ns() // 1_000_000 % BAR_MS
        await asyncio.sleep((AFTER_CLOSE_MS - into_ms) % BAR_MS / 1_000)
    before, began = await asyncio.to_thread(household, root), time.perf_counter()
    await asyncio.sleep(QUICK_S if quick else (BAR_MS - AFTER_CLOSE_MS - BEFORE_CLOSE_MS) / 1_000)
    lasted_s = time.perf_counter() - began
    return Window(lasted_s, before, await asyncio.to_thread(household, root))


async def lived(state: Path, quick: bool) -> Life:
    """Return what one life of a fund came to."""
    async with begun(state) as (process, screen):
        store_s = await screen.seen(rf"{POLICY_STORE} +ready in")
        session = read_session(state / "paper" / "main" / "session.json")
        if session is None:
            raise SystemExit("a fund that lives has a session file, had none")
        first = asyncio.create_task(until(session, screen, "decision.made"))
        ready_s, decided_s = await screen.seen("the fund lives"), await asyncio.wait_for(first, PATIENCE_S)
        protected_s = None if quick else await protected(session, screen)
        windows = tuple([await idle(process.pid, quick) for _ in range(1 if quick else WINDOWS)])
        return Life(store_s, ready_s, decided_s, protected_s, windows, await interrupted(process))


def rows_of(life: Life, quick: bool) -> list[Row]:
    """Return what a life came to as rows; a quick one did not wait for a trade."""
    waited = [
        ("from nothing to a policy store", life.store_s, STORE_S),
        ("to all parts and the console", life.ready_s, READY_S),
        ("to the first decision", life.decided_s, DECIDED_S),
    ]
    if not quick:
        late_s = 2 * PROTECTED_S if life.protected_s is None else life.protected_s
        waited.append(("to the first fill with its stop at the venue", late_s, PROTECTED_S))
    waited.append(("from Ctrl-C to the end", life.end.took_s, ENDED_S))
    return [
        *(at_most(name, "s", sampled([value]), most) for name, value, most in waited),
        at_most(f"exit codes other than {INTERRUPTED}", "", sampled([life.end.exit_code != INTERRUPTED]), 0.0),
        at_most("processes that outlived it", "", sampled([life.end.left]), 0.0),
        *_memory([window.gib for window in life.windows]),
        *_idle([window.percent for window in life.windows]),
    ]


def _memory(looks: list[dict[str, float]]) -> list[Row]:
    rows = [at_most("memory, all processes", "GiB", sampled([sum(look.values()) for look in looks]), MEMORY_GIB)]
    for group, (most, _) in SHARES.items():
        rows.append(at_most(f"memory, {group}", "GiB", sampled([_of(look, group) for look in looks]), most))
    return rows


def _idle(looks: list[dict[str, float]]) -> list[Row]:
    unit, whole = "% of a core", sampled([sum(look.values()) for look in looks])
    rows = [at_most("idle, all processes", unit, whole, CPU_PERCENT)]
    most_of = {group: most for group, (_, most) in SHARES.items()} | {part.name: PART_PERCENT for part in PARTS}
    for group, most in most_of.items():
        rows.append(at_most(f"idle, {group}", unit, sampled([_of(look, group) for look in looks]), most))
    return rows


def _of(look: Mapping[str, float], group: str) -> float:
    members = PART_NAMES if group == PARTS_TOGETHER else {group}
    return sum(value for name, value in look.items() if name in members)


def sampled(values: list[float]) -> Sample:
    """Return what was seen each time as one sample."""
    return Sample(float(sorted(values)[len(values) // 2]), len(values), (float(min(values)), float(max(values))))


def measure(quick: bool) -> list[Row]:
    """Let a fund live once."""
    with TemporaryDirectory(prefix="qt-living-") as folder:
        return rows_of(asyncio.run(lived(Path(folder), quick)), quick)


if __name__ == "__main__":
    main(measure)
