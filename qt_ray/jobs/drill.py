"""Drill: the emergency stop measured, not promised: trip, first cancel, last answer, flat, many times over.

The venue is a process of its own and speaks the real protocol; the emergency stop has its own session and key. Each
run opens positions, stops and orders anew, and ends when the venue itself says that nothing is left.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession

from qt_ray.adapters.binance.assembly import PAPER_ESS, PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.trading.opening import told
from qt_ray.core.errors import Invariant, Retryable
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.venue.calls import (
    BATCH_MAX,
    AskMarks,
    AskOpenOrders,
    AskPositions,
    AskRules,
    Done,
    Place,
    PlaceMany,
)
from qt_ray.execution.venue.views import MarkView, SymbolRules
from qt_ray.jobs.emergency import Order, ready, stop
from qt_ray.jobs.stopwatch import Laps, Stopwatch

LISTED = 10
BALANCE = 10_000_000
NOTIONAL = Decimal(200)
AWAY = Decimal("0.97")
STOP_AWAY = Decimal("0.5")
FAULTS = ("unknown", "timeout", "unavailable", "internal")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is open when it trips, and which share of the exchange's answers are 5xx, before or after the deed.

    Each position has its protective stop besides the orders, unless somebody else is at work who places them.
    """

    positions: int = 50
    orders: int = 100
    errors: Decimal = Decimal(0)
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the drill's own venue listens."""

    rest: str
    streams: str
    control: str


@asynccontextmanager
async def venue_process(positions: int, seed: int, *more: str, niceness: int = 0) -> AsyncIterator[Doors]:
    """Open a paper venue in a process of its own, and close it afterwards; `more` is said to its command.

    However this process ends, the venue ends with it: it is tied to a pipe of which only we hold the other end.
    A real one is a machine of its own, which nothing here keeps waiting: one that is to be like it is less nice than
    whatever takes our processors, where the machine lets us say so.
    """
    words = ["--port", "0", "--seed", str(seed), "--balance", str(BALANCE), "--unlimited", "--tied", "--json"]
    words += ["--invented", str(max(positions - LISTED, 0)), *more]
    command = [sys.executable, "-m", "qt_ray.cli.main", "paper-venue", *words]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    try:
        yield await _doors(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _doors(process: asyncio.subprocess.Process) -> Doors:
    text = b""
    while process.stdout is not None and (line := await process.stdout.readline()):
        text += line
        if line.startswith(b"}"):
            found = orjson.loads(text)
            return Doors(found["rest"], found["streams"], found["control"])
    raise Retryable("drill: the venue says where it listens, it ended before")


class Stage:
    """One venue and one trader, who opens what is to be stopped and proves that it was."""

    def __init__(self, doors: Doors, trader: BinanceSession, folder: Path) -> None:
        self._doors, self._trader, self._folder = doors, trader, folder
        self._run = 0

    async def open(self, scene: Scene) -> Order:
        """Open everything anew, and return the order to stop it, which knows what a running program would know."""
        self._run += 1
        rules = (await told(self._trader, AskRules())).symbols
        marks: dict[str, MarkView] = await told(self._trader, AskMarks())
        listed = sorted(rules)
        symbols = listed[: scene.positions]
        held = [self._intent(f"held{n}", rules[s], marks[s].mark) for n, s in enumerate(symbols)]
        names = [listed[n % len(listed)] for n in range(scene.orders)]
        rest = [self._intent(f"rest{n}", rules[s], marks[s].mark, AWAY) for n, s in enumerate(names)]
        for first in range(0, len(held + rest), BATCH_MAX):
            answers = await told(self._trader, PlaceMany(tuple((held + rest)[first : first + BATCH_MAX])))
            if bad := [answer for answer in answers if not isinstance(answer, Done)]:
                raise Invariant(f"drill: the scene is set, was refused: {bad[0]}")
        for intent in held if scene.stops else ():
            at = marks[intent.symbol].mark * STOP_AWAY // rules[intent.symbol].tick * rules[intent.symbol].tick
            await told(self._trader, Place(self._stop(intent, at)))
        parts = {symbol: rules[symbol].market_quantity_max for symbol in symbols}
        latch = self._folder / f"latch-{self._run}.json"
        return Order(f"drill{self._run}", latch, "drill", "drill", tuple(symbols), parts)

    def _stop(self, held: Intent, price: Decimal) -> Intent:
        name = str(ClientOrderId("drill", intent_id(f"run{self._run}", f"stop of {held.client_id}")))
        return replace(
            held, client_id=name, side=Side.SELL, type=OrderType.STOP_MARKET, reduce_only=True, trigger_price=price
        )

    def _intent(self, name: str, rules: SymbolRules, mark: Decimal, away: Decimal | None = None) -> Intent:
        price = None if away is None else (mark * away) // rules.tick * rules.tick
        least = max(NOTIONAL, rules.notional_min * 2) / (price or mark)
        steps = (least / rules.step).to_integral_value(ROUND_UP)
        return Intent(
            client_id=str(ClientOrderId("drill", intent_id(f"run{self._run}", name))),
            symbol=rules.symbol,
            side=Side.BUY,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=max(steps * rules.step, rules.quantity_min),
            decision_id=f"drill{self._run}",
            policy_version=1,
            epoch=1,
            limit_price=price,
        )

    @asynccontextmanager
    async def weather(self, scene: Scene) -> AsyncIterator[None]:
        """Let a share of all requests be answered with one of the four kinds of 5xx, half of them after the deed."""
        rate = 1.0
        if scene.errors:
            # Rules are met one after the other, so each takes its part of what the ones before left over.
            parts = [(deed, answer) for deed in ("answer_before", "answer_after") for answer in FAULTS]
            for left, (deed, answer) in zip(range(len(parts), 0, -1), parts, strict=True):
                share = float(scene.errors) / len(parts)
                rate = share / (1 - share * (len(parts) - left))
                await self._control("POST", "/faults", deed=deed, answer=answer, probability=rate, path="/fapi/*")
        yield
        if scene.errors:
            await self._control("DELETE", "/faults")

    async def _control(self, method: str, door: str, **fields: Any) -> None:
        async with (
            ClientSession() as http,
            http.request(method, self._doors.control + door, data=orjson.dumps(fields) if fields else None) as answer,
        ):
            if answer.status != 200:
                raise Invariant(f"drill: faults are put in force, was {await answer.text()}")

    async def prove_flat(self) -> None:
        """Ask the venue with the trader's own session, whom the emergency stop knows nothing of."""
        held = [view for view in await told(self._trader, AskPositions()) if view.quantity != 0]
        plain = await told(self._trader, AskOpenOrders())
        waiting = await told(self._trader, AskOpenOrders(conditional=True))
        if held or plain or waiting:
            raise Invariant(f"drill: nothing is left, was {len(held)} positions, {len(plain) + len(waiting)} orders")


class Drill:
    """A stage with an emergency stop."""

    def __init__(self, stage: Stage, ess: BinanceSession) -> None:
        self._stage, self._ess = stage, ess

    async def once(self, scene: Scene) -> Laps:
        """Open what the scene says, trip, and return how long each step took."""
        order = await self._stage.open(scene)
        await ready(self._ess)
        watch = Stopwatch(self._ess)
        async with self._stage.weather(scene):
            watch.start()
            await stop(watch, order, watch.told)
        await self._stage.prove_flat()
        return watch.laps


@asynccontextmanager
async def drilling(folder: Path, positions: int, seed: int = 7) -> AsyncIterator[Drill]:
    """Yield a drill on a venue of its own."""
    async with venue_process(positions, seed) as doors:
        endpoints = Endpoints(doors.rest, doors.streams, doors.rest)
        trader = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET))
        ess = await BinanceSession.open(endpoints, Signer(PAPER_ESS, PAPER_ESS))
        try:
            yield Drill(Stage(doors, trader, folder), ess)
        finally:
            await ess.close()
            await trader.close()
