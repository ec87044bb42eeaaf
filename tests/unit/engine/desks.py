"""Desks for tests: a desk that is told what a simulated twin's venue did, entry by entry."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qt_ray.ai.baselines import EmaCross
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.money import decimal
from qt_ray.engine.backtest import Simulation, forecast_blocks
from qt_ray.engine.columns import Rows
from qt_ray.engine.desk import DeskBook
from qt_ray.engine.desk_entries import Began, Decided, Entry, Ruled, Thought, Told
from qt_ray.engine.pipeline import Decision, Forecaster, Guard, Sizer
from qt_ray.engine.setup import Setup
from qt_ray.engine.tapes import Block
from qt_ray.engine.tidings import Filled, Paid, Tiding
from qt_ray.execution.fills import Cause
from qt_ray.execution.slots import Place
from qt_ray.market.bars import Bars
from qt_ray.risk.ess import EssState
from qt_ray.risk.hindrance import FREE, Hindrance
from tests.unit.engine.funds import lively

OPENINGS_MAX = 100
GUARD = str(ClientOrderId("guard", intent_id("decision", "stop")))
PLACES = {Cause.STOP: Place.STOP, Cause.TAKE_PROFIT: Place.TARGET}


def began(bars: Bars, setup: Setup, openings_max: int = OPENINGS_MAX) -> Began:
    return Began("main", "trend", setup, bars.interval_ms, int(bars.ts[0]), openings_max)


def ruled(setup: Setup) -> Ruled:
    return Ruled(setup.policy, EssState.ARMED, 10_000)


def decided(book: DeskBook, chain: "Chain", bars: Bars, hindrance: Hindrance = FREE, why: str = "") -> Decided:
    """Return the entry of what a chain of three decides on a bar."""
    decision = chain.decided(book, bars, hindrance)
    at_ms = int(bars.ts[-1]) + bars.interval_ms
    return Decided(at_ms, Rows.of(bars), Thought.of(decision, why), hindrance, decision.digest())


@dataclass
class Chain:
    """The three stages in one process."""

    predictor: Forecaster
    sizer: Sizer = field(default_factory=Sizer)
    guard: Guard = field(default_factory=Guard)

    def decided(self, book: DeskBook, bars: Bars, hindrance: Hindrance = FREE) -> Decision:
        snapshot = book.snapshot(bars, np.zeros((1, len(bars.symbols), 0)))
        return self.guard.review(self.sizer.size(self.predictor.predict(snapshot)), hindrance)


def chain_of(symbols: int) -> Chain:
    return Chain(Forecaster(EmaCross(symbols)))


class Twin:
    """A simulated fund and, bar by bar, the tidings that its venue's deeds are."""

    def __init__(self, count: int = 400, symbols: int = 3) -> None:
        self.bars, self.setup = lively(count, symbols)
        self.predictor = EmaCross(symbols)
        self._simulation = Simulation(self.setup, self.bars)
        self._blocks: Iterator[Block] = forecast_blocks(self.bars, self.predictor, 1)
        self._heard = self._number = self._funding = 0

    def step(self, names: dict[tuple[str, Place], str]) -> tuple[Tiding, ...]:
        """Let one more bar pass, and return what its venue did; `names` are those of the orders at work."""
        self._simulation.feed(next(self._blocks))
        account: Any = self._simulation.world.account[0]
        paid = int(account["funding"]) - self._funding
        self._funding += paid
        told = [Paid("funding", decimal(paid), int(account["ts"]))] if paid else []
        fills: Any = self._simulation.journal.fills[self._heard : int(self._simulation.journal.filled[0])]
        self._heard += len(fills)
        return tuple(self._numbered(what) for what in (*told, *(self._filled(row, names) for row in fills)))

    def rows(self, at: int) -> Any:
        return self._simulation.journal.decisions[at]

    def _numbered(self, what: Any) -> Tiding:
        self._number += 1
        return Tiding(self._number, what)

    def _filled(self, row: Any, names: dict[tuple[str, Place], str]) -> Filled:
        instrument = self.setup.instruments[int(row["symbol"])]
        place = PLACES.get(Cause(int(row["cause"])), Place.ENTRY)
        return Filled(
            client_id=names.get((instrument.symbol, place), GUARD),
            symbol=instrument.symbol,
            ts_ms=int(row["ts"]),
            quantity=instrument.quantity(int(row["quantity"])),
            price=instrument.price(int(row["price"])),
            fee=decimal(int(row["fee"])),
            realised=decimal(int(row["realised"])),
            trade_id=self._number,
            maker=bool(row["maker"]),
        )


def names_of(book: DeskBook) -> dict[tuple[str, Place], str]:
    return {(one.symbol, one.place): one.client_id for one in book.runner.rounds.sent}


def story(count: int = 400) -> tuple[Twin, list[Entry], DeskBook]:
    """Return a twin, all that a desk was told beside it, and that desk after the last bar."""
    twin = Twin(count)
    book, chain = DeskBook(began(twin.bars, twin.setup)), Chain(Forecaster(EmaCross(3)))
    entries: list[Entry] = [ruled(twin.setup)]
    book.take(entries[0])
    for at in range(count):
        tidings = twin.step(names_of(book))
        if tidings:
            entries.append(Told(tidings))
            book.take(entries[-1])
        entries.append(decided(book, chain, twin.bars.window(at, at + 1)))
        book.take(entries[-1])
    return twin, entries, book
