"""Decision path: from a bar that has closed to its last order at the other end of a socket, for a hundred symbols.

The desk is the real one with its journal on the disk, and so are predictor, sizer, guard and, in a process of its own,
the gateway with another journal; only the feed is here, in the asker's process. Once the other stages are inside the
desk, and once each is a Ray actor and the data goes straight from one to the next.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.form import Row, Sample, at_most, main
from benchmarks.wire import Counter, Wire
from qt_ray.actors.chain import FusedChain, ReferenceChain
from qt_ray.actors.desk import Desk, Ports
from qt_ray.actors.living import Living
from qt_ray.actors.risk_guard import RiskGuard
from qt_ray.adapters.deliberation import Chain
from qt_ray.adapters.desk_journal import DeskJournal
from qt_ray.adapters.desk_keeper import DeskKeeper
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.policy_reader import PolicyReader
from qt_ray.adapters.ray_variables import export
from qt_ray.adapters.waiting import happened
from qt_ray.ai.baselines import single
from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.forecast import Snapshot as Seen
from qt_ray.core.policy import Policy
from qt_ray.engine.backtest import SCHEMA
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.pipeline import Decision, Forecaster, Opinion, Sized, Sizer, Snapshot
from qt_ray.engine.tidings import Tiding
from qt_ray.governance.policy_view import PolicyView
from qt_ray.market.bars import Bars
from qt_ray.risk.at_work import AtWork
from tests.unit.actors.desk_world import Account, Market, world
from tests.unit.actors.voices import HeardVoice

SYMBOLS: Final = 100
BARS: Final = 200
# A bar closes once a minute; what is told of it is told by then.
PAUSE_S: Final = 0.25
LOOK_S: Final = 0.002
WARM: Final = 20
# More than both fees of a turn.
SWING: Final = 0.002
NAMES: Final = ("predictor", "sizer", "guard")
TARGETS: Final = {"fused": (25.0, 60.0), "chain": (40.0, 120.0)}


class Turning:
    """A predictor that changes its mind with every bar, so that every bar has orders."""

    name, needs = "turning", SCHEMA.names

    def predict(self, seen: Seen) -> Forecasts:
        """Return up for an even bar and down for an odd one, of every symbol."""
        sign = np.where((seen.bars.ts // seen.bars.interval_ms) % 2 == 0, 1.0, -1.0)
        score = np.repeat(sign.reshape(-1, 1), len(seen.bars.symbols), axis=1)
        return single(score, np.full_like(score, 0.9))


class Stages:
    """Predictor, sizer and guard, each for its own process or all for one."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        self._policy, self._at_ms = policy, 0
        self._reader = PolicyReader(None, self._clock)  # type: ignore[arg-type]  # nobody follows a store here
        living, switch = Living("RiskGuard", was_reconstructed=False), Latch(folder / "kill.json")
        self._forecaster = Forecaster(Turning(), "turning/1")
        self._guard = RiskGuard("main", switch, self._reader, living, lambda *events: None, self._clock)

    async def predict(self, snapshot: Snapshot) -> Opinion:
        """Return an opinion."""
        return self._forecaster.predict(snapshot)

    async def size(self, opinion: Opinion) -> Sized:
        """Return wishes."""
        return Sizer().size(opinion)

    async def review(self, sized: Sized, closed: str = "") -> Decision:
        """Return what is granted; nobody else has anything at work, and it is the hour of the market."""
        bars = sized.opinion.snapshot.bars
        self._at_ms = int(bars.ts[-1]) + bars.interval_ms
        self._reader.view = PolicyView(self._policy, self._at_ms, self._at_ms)
        await self._guard.look(self)
        return await self._guard.review(sized, closed)

    async def at_work(self) -> AtWork:
        """Return that nothing is at work."""
        return AtWork(0)

    def _clock(self) -> int:
        return self._at_ms


def swinging(bars: Bars) -> Bars:
    """Return a market that proves the predictor right, or the fund would lose and not be let trade for long."""
    high = (bars.ts // bars.interval_ms) % 2 == 1
    close = bars.close[0] * np.where(high, 1 + SWING, 1.0).reshape(-1, 1)
    before = np.vstack((close[:1], close[:-1]))
    edges = np.minimum(before, close), np.maximum(before, close)
    return replace(bars, open=before, high=edges[1], low=edges[0], close=close, mark=None, funding=None)


@dataclass
class Waiting(Market):
    """A market that is waited for, as a feed is: who asked again at once would keep a processor from the others."""

    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        """Return what has closed, once something has."""
        await heard(self.closed, wait_ms)
        return await super().rows(after_ms, wait_ms)

    def close_bar(self) -> int:
        """Let a bar close, and return when it opened."""
        self.shown += 1
        self.closed.set()
        return int(self.bars.ts[self.shown - 1])


@dataclass
class Timed(Account):
    """An account whose orders go through a gateway as well; it notes when they were handed over, and which."""

    wire: Any = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    handed_s: float = 0.0
    names: list[str] = field(default_factory=list)

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        """Have errands carried out."""
        if errands.place:
            self.handed_s = time.perf_counter()
            self.names += [intent.client_id for intent in errands.place]
            await self.wire.carry.remote(errands.place, self.market.clock())
        await super().errands(errands, stamp)
        self.news.set()

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        """Return what came, once something has."""
        if after and wait_ms:
            await heard(self.news, wait_ms)
        return await super().tidings(after, wait_ms)


async def heard(event: asyncio.Event, wait_ms: int) -> None:
    """Wait for an event at most so long, and let the next one be waited for."""
    await happened(event, wait_ms)
    event.clear()


@dataclass(frozen=True, slots=True)
class Took:
    """The milliseconds from a bar's close until its orders were handed over, and until the last one was at a server."""

    handed_ms: float
    read_ms: float


def measure(quick: bool) -> list[Row]:
    """Return how long it takes, fused and over actors."""
    bars = 30 if quick else BARS
    with _ray():
        fused = _timed(lambda stages, folder: FusedChain(stages, stages, stages), bars)
        return [*_rows("fused", fused), *_rows("chain", _timed(_actors, bars))]


def _rows(name: str, took: list[Took]) -> Iterator[Row]:
    ways = {"handed over": [one.handed_ms for one in took], "on the wire": [one.read_ms for one in took]}
    for what, times in ways.items():
        spread = (min(times), max(times))
        for share, target in zip((50, 99), TARGETS[name], strict=True):
            found = Sample(float(np.percentile(times, share)), len(times), spread)
            yield at_most(f"bar closed to orders {what}, {SYMBOLS} symbols, {name}, p{share}", "ms", found, target)


def _timed(chain: Callable[[Stages, Path], Chain], bars: int) -> list[Took]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_play(chain, Path(folder), bars))


async def _play(chain: Callable[[Stages, Path], Chain], folder: Path, bars: int) -> list[Took]:
    import ray

    stage = world(count=200 + bars + WARM, symbols=SYMBOLS, shown=200)
    market = stage.market = Waiting(swinging(stage.market.bars), stage.market.shown)
    counter = ray.remote(Counter).options(num_cpus=0).remote()
    account = stage.account = Timed(stage.market, wire=ray.remote(Wire).options(num_cpus=0).remote(folder / "gateway"))
    await account.wire.begin.remote(await counter.opened.remote())
    stages = Stages(folder, stage.setup.policy)
    ports = Ports(stage.market, account, chain(stages, folder), stage.law, stage.began, SCHEMA.names)
    keeper = DeskKeeper(DeskJournal(folder / "desk"), HeardVoice(), stage.market.clock)
    desk = Desk(keeper, ports, Living("Desk", was_reconstructed=False), stage.market.clock)
    work = asyncio.ensure_future(desk.run())
    while not work.done() and not (await desk.condition()).is_ready:
        await asyncio.sleep(LOOK_S)
    took = [await _bar(market, account, counter, keeper, work) for _ in range(WARM + bars)]
    work.cancel()
    await asyncio.wait((work,))
    await desk.rest()
    return [one for one in took[WARM:] if one is not None]


async def _bar(
    market: Waiting, account: Timed, counter: Any, keeper: DeskKeeper, work: "asyncio.Future[None]"
) -> Took | None:
    """Let a bar close, and return how long its orders took, or nothing if none followed from it."""
    account.names.clear()
    began = time.perf_counter()
    closed_ms = market.close_bar()
    while keeper.book.seen_ms < closed_ms or keeper.book.due:
        if work.done():
            work.result()
        await asyncio.sleep(LOOK_S)
    account.pass_bar()
    account.news.set()
    if not account.names:
        return None
    read_s = await counter.last_s.remote(list(account.names))
    await asyncio.sleep(PAUSE_S)
    return Took((account.handed_s - began) * 1e3, (read_s - began) * 1e3)


def _actors(stages: Stages, folder: Path) -> Chain:
    import ray

    namespace = "decision-path"
    for name in NAMES:
        # Detached, for a stage lives only as long as somebody holds it; they end with our Ray.
        options = {"name": name, "namespace": namespace, "num_cpus": 0, "lifetime": "detached"}
        ray.remote(Stages).options(**options).remote(folder, Policy())
    return ReferenceChain(NAMES, namespace)


@contextmanager
def _ray() -> Iterator[Any]:
    """Keep a Ray of our own."""
    import ray

    export(trades=True)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=256 << 20)
    try:
        yield ray
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main(measure)
