"""World: everything one fund is, as packed rows that a compiled cycle reads and writes in place.

The upper part is state and is what a snapshot copies and a digest hashes; the lower part is constant during a run.
`Tape` is what the market and the predictor say about a block of bars, `Journal` what the cycle writes down.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.sizing import SizerRow
from qt_ray.core.account import Account, Book, Quote
from qt_ray.core.instruments import BracketRow, Instrument, InstrumentRow, instrument_rows
from qt_ray.core.records import I64, Rows, empty
from qt_ray.engine.rows import CycleRow, DecisionRow
from qt_ray.execution.exits import ExitRow
from qt_ray.execution.fills import Fill
from qt_ray.execution.simulated import Venue
from qt_ray.execution.slots import PER_SYMBOL, Slot
from qt_ray.market.regime import RegimeParams, RegimeState
from qt_ray.risk.ask import Ask, Limits
from qt_ray.risk.drawdown import Drawdown, begin
from qt_ray.risk.guard import SLOTS
from qt_ray.risk.in_force import InForce

STATE = ("account", "drawdown", "books", "quotes", "slots", "regimes", "clusters", "averages", "entrants")
OWN = (*STATE, "asks", "wishes", "causes", "bands")


class Conduct:
    """What people do in a simulated run: after how long somebody resets a tripped stop (0: nobody does)."""

    operator_reset_ms: I64
    atr_hour_x1000: I64
    pace_ms: I64
    bars_per_day: I64


class World(NamedTuple):
    """One fund's state and its constants."""

    account: Rows[Account]
    drawdown: Rows[Drawdown]
    books: Rows[Book]
    quotes: Rows[Quote]
    slots: Rows[Slot]
    regimes: Rows[RegimeState]
    clusters: NDArray[np.int64]
    averages: NDArray[np.float64]
    entrants: NDArray[np.int64]
    instruments: Rows[InstrumentRow]
    brackets: Rows[BracketRow]
    limits: Rows[Limits]
    venue: Rows[Venue]
    exits: Rows[ExitRow]
    sizers: Rows[SizerRow]
    regime_params: Rows[RegimeParams]
    conduct: Rows[Conduct]
    ess_table: NDArray[np.int8]
    ticks_per: NDArray[np.float64]
    steps_per: NDArray[np.float64]
    asks: Rows[Ask]
    wishes: NDArray[np.int64]
    causes: NDArray[np.int64]
    bands: NDArray[np.int64]


class Tape(NamedTuple):
    """A block of bars and what was forecast for each; NaN where there is nothing."""

    first: int
    ts: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    funding: NDArray[np.float64]
    mark: NDArray[np.float64]
    score: NDArray[np.float64]
    confidence: NDArray[np.float64]
    agreement: NDArray[np.uint8]
    members: int


class Journal(NamedTuple):
    """Where a block's cycles, decisions and fills are written; `filled` is the number of fills so far."""

    cycles: Rows[CycleRow]
    decisions: NDArray[np.void]
    fills: Rows[Fill]
    filled: NDArray[np.int64]


def build_world(
    instruments: Sequence[Instrument],
    initial: int,
    start_ms: int,
    limits: InForce,
    venue: NDArray[np.void],
    exits: NDArray[np.void],
    sizers: NDArray[np.void],
    regime_params: NDArray[np.void],
    conduct: NDArray[np.void],
    ess_table: NDArray[np.int8],
) -> World:
    """Return a fund that starts flat with `initial` money at `start_ms`."""
    count = len(instruments)
    rows, brackets = instrument_rows(instruments)
    account, drawdown = empty(Account, 1), empty(Drawdown, 1)
    for name in ("wallet", "equity", "equity_before"):
        account[name] = initial
    begin(drawdown[0], initial, start_ms)
    return World(
        account=account,
        drawdown=drawdown,
        books=empty(Book, count),
        quotes=empty(Quote, count),
        slots=empty(Slot, count * PER_SYMBOL),
        regimes=empty(RegimeState, count),
        clusters=np.zeros(1 + max((i.cluster for i in instruments), default=0), dtype=np.int64),
        averages=np.zeros(count),
        entrants=np.zeros(count, dtype=np.int64),
        instruments=rows,
        brackets=brackets,
        limits=limits.row,
        venue=venue,
        exits=exits,
        sizers=sizers,
        regime_params=regime_params,
        conduct=conduct,
        ess_table=ess_table,
        ticks_per=np.array([float(1 / i.tick) for i in instruments]),
        steps_per=np.array([float(1 / i.step) for i in instruments]),
        asks=empty(Ask, count),
        wishes=np.zeros(count, dtype=np.int64),
        causes=np.zeros(count, dtype=np.int64),
        bands=np.zeros((SLOTS, 2), dtype=np.int64),
    )


def build_journal(cycles: int, symbols: int, fills: int) -> Journal:
    """Return an empty journal for so many cycles, symbols and fills."""
    return Journal(
        cycles=empty(CycleRow, cycles),
        decisions=empty(DecisionRow, cycles * symbols).reshape(cycles, symbols),
        fills=empty(Fill, fills),
        filled=np.zeros(1, dtype=np.int64),
    )


def copied(world: World) -> World:
    """Return a world of its own with the same state and wishes; the constants are shared if kernels may have them.

    What came out of shared memory may only be read, and for a kernel that is another kind of array.
    """
    shared = {name: _thawed(column) for name, column in world._asdict().items()}
    return World(**shared | {name: getattr(world, name).copy() for name in OWN})


def adopt(world: World, decided: World) -> None:
    """Let a world be as it was decided to be; its constants stay its own."""
    for name in OWN:
        getattr(world, name)[...] = getattr(decided, name)


def _thawed(column: NDArray[Any]) -> NDArray[Any]:
    return column if column.flags.writeable else column.copy()


def state_bytes(world: World) -> bytes:
    """Return the fund's state as canonical bytes."""
    return b"".join(np.ascontiguousarray(getattr(world, name)).tobytes() for name in STATE)


def state_digest(world: World) -> str:
    """Return the SHA-256 of the fund's state."""
    return sha256(state_bytes(world)).hexdigest()


def restore(world: World, state: bytes) -> None:
    """Put back what `state_bytes` returned."""
    at = 0
    for name in STATE:
        column = getattr(world, name)
        size = column.nbytes
        column[...] = np.frombuffer(state[at : at + size], dtype=column.dtype).reshape(column.shape)
        at += size
