"""Trial: a trader is killed at one point of an order's life, starts again on its journal, and is then judged.

The venue lives in this process, the trader in its own, so nothing of the trader survives but its files. Whatever goes
wrong with a trial is a breach that it tells, never an end of the campaign it is part of.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.paper.faults import Rule
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.memory import Memory
from qt_ray.adapters.trading.places import places_of
from qt_ray.core.errors import Invariant, QtError
from qt_ray.execution.gateway.book import Book
from tests.crash.checker import breaches, gaps, journal_story, venue_story
from tests.crash.metronome import BEST
from tests.crash.points import Point

ROOT = Path(__file__).parents[2]
BALANCE = Decimal(10_000_000)
PATIENCE_S = 120
COMPLAINTS = "complaints.txt"
JOURNAL = places_of(Settings()).journal.relative_to(Settings().fund.state)
LOOK_S = 0.001
DAYS_MAX, SEEDS_APART = 6, 1_000
# A request that is held up either reaches the venue before the successor has looked, or long after.
HOLDS_MS = (300, 2_500)


@dataclass(slots=True)
class Trial:
    """What one kill came to; times without a stop are apart for those that the kill fell into."""

    point: str
    run: int
    nth: int = 1
    day: int = 0
    restart_s: float = 0.0
    restart_cpu_s: float = 0.0
    begun_s: float = 0.0
    ready_ms: int = 0
    trades: int = 0
    orders: int = 0
    broken: list[str] = field(default_factory=list)
    declined: dict[str, int] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)
    bare_ms: list[int] = field(default_factory=list)
    bare_over_kill_ms: list[int] = field(default_factory=list)

    @property
    def seed(self) -> int:
        """Return what market and wishes of this day are made of."""
        return self.run + SEEDS_APART * self.day


class Unmet(Invariant):
    """A day was over before the moment came at which its trader was to die."""


class Life:
    """One life of the trader."""

    def __init__(self, process: asyncio.subprocess.Process, started: float, folder: Path) -> None:
        self._process, self._started, self._folder = process, started, folder

    async def said(self, word: str) -> dict[str, Any] | None:
        """Return what it says under that word, or nothing if it is killed before."""
        stream = self._process.stdout
        while stream is not None and (line := await stream.readline()):
            found: dict[str, Any] = orjson.loads(line)
            if found["said"] == word:
                return found
        return None

    async def begun_s(self) -> float:
        """Return the time from the start of the process to the first thing it does, which the imports take."""
        await self.said("begun")
        return perf_counter() - self._started

    async def ready_s(self) -> tuple[float, float]:
        """Return the time from the start of the process to the moment that an entry would be sent, and its own work."""
        found = await self.said("ready")
        if found is None:
            raise Invariant(f"a trader becomes ready, ended with {await self._process.wait()}: {self.last_word()}")
        return perf_counter() - self._started, found["cpu_s"]

    async def killed(self) -> bool:
        """Return whether it ended by SIGKILL; nothing else but the end of its day may end it."""
        code = await self._process.wait()
        if code not in (0, -signal.SIGKILL):
            raise Invariant(f"a trader lives until it is killed, ended with {code}: {self.last_word()}")
        return code != 0

    def kill(self) -> None:
        self._process.kill()

    async def ended_well(self) -> bool:
        return await self._process.wait() == 0

    def last_word(self) -> str:
        """Return the last line that it complained with."""
        return _last_word(self._folder)


@dataclass(frozen=True, slots=True)
class End:
    """What ends a life before its time: a point met for the n-th time, or a file that may not grow beyond a size."""

    point: str = ""
    nth: int = 0
    file_bytes_max: int | None = None


@asynccontextmanager
async def life(venue: PaperVenue, folder: Path, seed: int, end: End) -> AsyncIterator[Life]:
    plan = folder / "prices.json"
    if not plan.exists():  # the decider repeats itself: prices are those of its first life
        plan.write_bytes(orjson.dumps({symbol: str(venue.exchange.last_price(symbol)) for symbol in BEST}))
    asked = {
        "settings": {
            "fund": {"state": str(folder)},
            "exchange": {"rest_url": venue.base_url, "ws_url": venue.ws_url},
            "market": {"symbols": sorted(BEST)},
        },
        "prices": orjson.loads(plan.read_bytes()),
        "seed": seed,
        **asdict(end),
    }
    words = [sys.executable, "-m", "tests.crash.trader", orjson.dumps(asked).decode()]
    with (folder / COMPLAINTS).open("wb") as complaints:
        started = perf_counter()
        process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=complaints, cwd=ROOT)
        try:
            yield Life(process, started, folder)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def tried(point: Point, run: int, folder: Path) -> Trial:
    """Kill a trader at a point, let its successor come to rest, and judge what both sides have written.

    How often a day comes to a point is the market's doing too: one that had fewer such moments than this run asks for
    is followed by another day, under another seed, that ends at half as many, or at the first.
    """
    nth, unmet = 1 + run % point.most, ""
    for day in range(DAYS_MAX):
        try:
            return await _killed_at(point, Trial(point.name, run, nth, day), folder / f"{day}")
        except Unmet as missed:
            nth, unmet = max(nth // 2, 1), f"V14 {missed}"
    return Trial(point.name, run, broken=[unmet])


async def _killed_at(point: Point, found: Trial, place: Path) -> Trial:
    place.mkdir()
    return await _judged(found, place, lambda venue: _killed(venue, point, found, place))


async def starved(run: int, folder: Path, file_bytes_max: int) -> Trial:
    """Let a trader run out of disk, and its successor, which has some again, come to rest."""
    return await _judged(Trial("full", run), folder, lambda venue: _refused(venue, run, folder, file_bytes_max))


async def _judged(found: Trial, folder: Path, ended: Callable[[PaperVenue], Awaitable[int]]) -> Trial:
    settings = PaperSettings(symbols=tuple(BEST), seed=found.seed, balance=BALANCE, trade_log=folder / "venue.jsonl")
    venue = PaperVenue(settings)
    await venue.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            ended_ms = await ended(venue)
            told = await _rested(venue, found, folder)
        _judge(found, folder, told, ended_ms)
    except Unmet:
        raise
    except TimeoutError:
        found.broken = [f"V14 a successor comes to rest within {PATIENCE_S} s, was not at rest: {_last_word(folder)}"]
    except (QtError, OSError, ValueError) as error:
        found.broken = [f"V14 {error}"]
    finally:
        await venue.stop()
    return found


async def _rested(venue: PaperVenue, found: Trial, folder: Path) -> dict[str, Any]:
    """Let a successor live to the end of its day, and return what it says then."""
    async with life(venue, folder, found.seed, End()) as second:
        found.begun_s = await second.begun_s()
        found.restart_s, found.restart_cpu_s = await second.ready_s()
        found.ready_ms = now_ms()
        told = await second.said("done")
        if told is None or not await second.ended_well():
            raise Invariant(f"a successor ends well, said: {second.last_word()}")
        return told


async def _killed(venue: PaperVenue, point: Point, found: Trial, folder: Path) -> int:
    """Let the first life run into its end, and return when that was."""
    end = End(point.name, found.nth) if point.held is None else End()
    async with life(venue, folder, found.seed, end) as first:
        if point.held is not None:
            await first.ready_s()
            hold_ms = HOLDS_MS[found.run % len(HOLDS_MS)]
            rule = Rule(point.held, method="POST", path="/fapi/v1/order", nth=found.nth, delay_ms=hold_ms)
            venue.faults.add(rule)
            over = asyncio.create_task(first.said("done"))
            while not rule.done and not over.done():
                await asyncio.sleep(LOOK_S)
            if rule.done:
                first.kill()
            await over
        if not await first.killed():
            raise Unmet(f"a day comes to {point.name} {found.nth} times, this one did not")
        return now_ms()


async def _refused(venue: PaperVenue, run: int, folder: Path, file_bytes_max: int) -> int:
    """Let the first life run into a disk that takes no more, and return when it had ended."""
    async with life(venue, folder, run, End(file_bytes_max=file_bytes_max)) as first:
        await first.ready_s()
        if await first.said("done") is not None or await first.ended_well():
            raise Invariant("a trader whose journal is not durable ends")
        return now_ms()


def _last_word(folder: Path) -> str:
    lines = (folder / COMPLAINTS).read_text().strip().splitlines()
    return lines[-1] if lines else "no word"


def _judge(found: Trial, folder: Path, told: dict[str, Any], killed_ms: int) -> None:
    theirs, ours = venue_story(folder / "venue.jsonl"), journal_story(folder / JOURNAL)
    found.broken = breaches(theirs, ours, BALANCE)
    for name, digest in recalled_digests(folder / JOURNAL).items():
        if digest != told[name]:
            found.broken.append(f"V12 {name}: replay leads to {digest}, was {told[name]}")
    found.trades, found.orders = len(theirs.of("trade")), len(theirs.of("order", "algo"))
    found.declined = told["declined"]
    found.alerts = told["alerts"]
    for since_ms, until_ms in gaps(theirs):
        over = since_ms <= found.ready_ms and until_ms >= killed_ms
        (found.bare_over_kill_ms if over else found.bare_ms).append(until_ms - since_ms)


def recalled_digests(folder: Path) -> dict[str, str]:
    """Return the digests of what a journal leads to."""
    memory = Memory(folder, Book())
    try:
        books = memory.books(dict.fromkeys(BEST, "USDT"))
        return {"books": books.digest(), "book": memory.book.digest}
    finally:
        memory.close()
