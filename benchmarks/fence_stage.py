"""Fence stage: a store and two gateways for one account as real processes, an exchange of its own, and what it wrote.

What strikes is a signal to a process that a part was seen to live in, and to no other. What is read is the exchange's
record, the policy's book on its disk and the leases that were given; none of it by asking the parts.
"""

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ray
from ray.exceptions import RayError

from benchmarks.fence_cast import CLERK, Cast
from benchmarks.fence_hand import HELD, Hand
from benchmarks.fence_schedule import GATEWAYS, HOLDER
from benchmarks.fence_store import LEASES
from benchmarks.fence_truth import Held, Moment, Truth, order_of
from qt_ray.actors.line import Line
from qt_ray.actors.origin import Origin
from qt_ray.actors.policy_store_actor import BOOK
from qt_ray.actors.topology import Part, begun, namespace_of
from qt_ray.adapters.binance.assembly import PAPER_ESS
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.processes import mark_of
from qt_ray.core.codec import decode, digest
from qt_ray.core.errors import QtError
from qt_ray.execution.venue.calls import AskTime
from qt_ray.jobs.drill import venue_process
from qt_ray.monitoring.health import Condition

ENTERED: Final = ("ETHUSDT", "SOLUSDT", "BNBUSDT")
LOOK_S: Final = 0.1
ANSWER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Life:
    """A process, by its number and the mark of its birth: a number alone is given to somebody else later."""

    pid: int
    mark: str

    def send(self, what: signal.Signals) -> bool:
        """Send a signal to this process, and return whether it was still there."""
        if mark_of(self.pid) != self.mark:
            return False
        with suppress(ProcessLookupError):
            os.kill(self.pid, what)
            return True
        return False


class Body:
    """The process of one part, whichever it is now; `struck` counts what was done to it, `lives` hears who was met."""

    def __init__(self, line: Line, lives: dict[int, str]) -> None:
        self.condition: Condition | None = None
        self.life: Life | None = None
        self.struck = 0
        self._line, self._lives, self._stops = line, lives, Counter[Life]()

    async def watch(self) -> None:
        """Ask all the time who lives there, until cancelled."""
        while True:
            with suppress(QtError, RayError):
                self._meet(await self._line.ask("condition", within_ms=ANSWER_MS))
            await asyncio.sleep(LOOK_S)

    def is_there(self) -> bool:
        """Return whether somebody lives there who has answered."""
        return self.life is not None and mark_of(self.life.pid) == self.life.mark

    @property
    def is_stopped(self) -> bool:
        """Return whether somebody was stopped here and does not go on yet."""
        return bool(self._stops.total())

    def kill(self) -> bool:
        """End the process as a power cut would; nobody lives there until somebody has answered again."""
        life, self.life = self.life, None
        return self._hit(life, signal.SIGKILL)

    async def pause(self, for_ms: int) -> bool:
        """Stop the process for a while; it goes on afterwards, whatever comes of us."""
        life = self.life
        if life is None or not self._hit(life, signal.SIGSTOP):
            return False
        self._stops[life] += 1
        try:
            await asyncio.sleep(for_ms / 1_000)
        finally:
            self._stops[life] -= 1
            if not self._stops[life]:
                life.send(signal.SIGCONT)
        return True

    def _hit(self, life: Life | None, what: signal.Signals) -> bool:
        is_hit = life is not None and life.send(what)
        self.struck += is_hit
        return is_hit

    def _meet(self, found: Condition) -> None:
        """Take in who has answered; the answer of somebody who is dead by now may still have been on its way."""
        if found.pid is not None and (mark := mark_of(found.pid)) is not None:
            self.condition, self.life = found, Life(found.pid, mark)
            self._lives[found.pid] = self._line.name


class Record:
    """A file to which lines are only ever added, read along."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    @property
    def size(self) -> int:
        """Return how many bytes there are by now."""
        return self._path.stat().st_size if self._path.exists() else 0

    def news(self) -> Iterator[tuple[int, bytes]]:
        """Yield every whole line since the last time, and where it begins."""
        if not self.size:
            return
        with self._path.open("rb") as source:
            source.seek(self._read)
            while (line := source.readline()).endswith(b"\n"):
                place, self._read = self._read, self._read + len(line)
                yield place, line


class Stage:
    """Three parts of one fund, and whoever looks at them from outside by a key of his own."""

    def __init__(self, namespace: str, folder: Path, hand: Hand, orders: Record, parts: Iterable[Part]) -> None:
        self.namespace, self.hand, self.lives = namespace, hand, dict[int, str]()
        self.bodies = {part.name: Body(Line(part.name, namespace), self.lives) for part in parts}
        self._orders, self._leases, self._book = orders, Record(folder / LEASES), folder / BOOK
        self._holder_pid = 0

    async def moment(self) -> Moment:
        """Return how far the exchange's record has come, and its clock."""
        return Moment(self._orders.size, await self.hand.ask(AskTime()))

    def is_whole(self) -> bool:
        """Return whether all live and have said so."""
        return all(body.is_there() for body in self.bodies.values())

    def body(self, whom: str, truth: Truth) -> Body:
        """Return a part's body; that of the gateway that was given the last lease, if that is who is meant."""
        if whom != HOLDER:
            return self.bodies[whom]
        self.read_leases(truth)
        return self.bodies[self.lives.get(self._holder_pid, GATEWAYS[0])]

    def read(self, truth: Truth) -> None:
        """Let the truth take in what the exchange has accepted since the last time, and the leases given by then."""
        lines = list(self._orders.news())
        self.read_leases(truth)
        for place, line in lines:
            order = order_of(place, line)
            if order is not None:
                truth.takes(order)

    def read_leases(self, truth: Truth) -> None:
        """Let the truth take in which leases were given."""
        for _, line in self._leases.news():
            at_ms, holder = line.decode().split(maxsplit=1)
            self._holder_pid = int(holder.split("/")[1])
            truth.grants(int(at_ms), self._holder_pid)

    def book(self) -> Held:
        """Return what the policy's book holds on its disk."""
        with closing(sqlite3.connect(f"file:{self._book}?mode=ro", uri=True)) as link:
            rows = link.execute("SELECT body FROM entries WHERE kind = 'revision'").fetchall()
        policies = [decode(body)["policy"] for (body,) in rows]
        emergencies = {policy["epoch"] for policy in policies if policy["emergency_mode"]}
        return Held({policy["version"]: digest(policy) for policy in policies}, emergencies)


@asynccontextmanager
async def staged(folder: Path, account: str, cast: Cast) -> AsyncIterator[Stage]:
    """Yield a stage on the Ray that this process is connected to, and end all of it afterwards."""
    orders = folder / "orders.jsonl"
    symbols = ",".join((HELD, *ENTERED))
    async with venue_process(0, 7, "--symbols", symbols, "--trade-log", str(orders)) as doors:
        session = await BinanceSession.open(
            Endpoints(doors.rest, doors.streams, doors.rest), Signer(PAPER_ESS, PAPER_ESS)
        )
        hand = Hand(session)
        flags = {"fund.account": account, "market.symbols": symbols}
        flags |= {"exchange.rest_url": doors.rest, "exchange.ws_url": doors.streams}
        first, second = (Origin("paper", {**flags, "fund.state": str(folder / name)}) for name in ("one", "two"))
        namespace, handles = namespace_of(first.settings), list[Any]()
        try:
            await hand.guards()
            handles.append(await asyncio.to_thread(begun, CLERK, first, namespace))
            for part, origin in zip(cast.parts(), (first, first, second), strict=True):
                handles.append(await asyncio.to_thread(begun, part, origin, namespace))
            stage = Stage(namespace, first.places.policy, hand, Record(orders), cast.parts())
            watching = [asyncio.create_task(body.watch()) for body in stage.bodies.values()]
            try:
                yield stage
            finally:
                for watch in watching:
                    watch.cancel()
                await asyncio.gather(*watching, return_exceptions=True)
        finally:
            for handle in handles:
                ray.kill(handle, no_restart=True)
            await session.close()
