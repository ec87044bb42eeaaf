"""Replay: the same bars through the same fund, compared with what was written down.

A run replays when every digest agrees; where one does not, the first row that differs is named. One decision is
replayed by running up to it and asking the guard again, so "why?" is answered by the code that decided.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.forecast import Predictor
from qt_ray.core.errors import Invalid, Invariant
from qt_ray.engine import cycle
from qt_ray.engine.backtest import Simulation, forecast_blocks
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup
from qt_ray.engine.tapes import tape_of
from qt_ray.market.bars import Bars
from qt_ray.risk.ask import Ask
from qt_ray.risk.guard import Explanation, Verdict, explain
from qt_ray.risk.reasons import Reason


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that did not replay; `row` is the first row that differs, where rows can be compared."""

    name: str
    recorded: str
    replayed: str
    row: int | None = None


def differences(
    recorded: Mapping[str, str], run: Run, rows: Callable[[str], NDArray[np.void]]
) -> tuple[Difference, ...]:
    """Return what differs between a recorded run and its replay; nothing when it is the same run."""
    found = []
    for name, digest in recorded.items():
        again = run.digests.get(name, "absent")
        if again != digest:
            row = first_difference(rows(name), getattr(run, name)) if hasattr(run, name) and name != "bars" else None
            found.append(Difference(name, digest, again, row))
    return tuple(found)


def first_difference(one: NDArray[np.void], other: NDArray[np.void]) -> int:
    """Return the first row in which the bytes of two recordings differ (NaN is like itself)."""
    shared = min(len(one), len(other))
    if shared == 0:
        return 0
    left, right = (np.frombuffer(rows[:shared].tobytes(), np.uint8).reshape(shared, -1) for rows in (one, other))
    same = (left == right).all(axis=1)
    return shared if same.all() else int(np.argmin(same))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Why one symbol was decided about as it was: the question, the verdict and every rule's band."""

    ask: Mapping[str, int]
    verdict: Verdict
    rules: tuple[Explanation, ...]
    row: np.void


def replay_decision(setup: Setup, bars: Bars, predictor: Predictor, at: int, symbol: str) -> Answer:
    """Run up to cycle `at` and return why `symbol` was decided about as it was."""
    if not 0 <= at < len(bars):
        raise Invalid(f"a run of {len(bars)} cycles has cycles 0 to {len(bars) - 1}, was asked for {at}")
    if symbol not in bars.symbols:
        raise Invalid(f"a run of {', '.join(bars.symbols)} knows its own symbols, was asked for {symbol}")
    simulation = Simulation(setup, bars.window(0, at + 1))
    for block in forecast_blocks(simulation.bars, predictor):
        if block.first + len(block.bars) <= at:
            simulation.feed(block)
            continue
        simulation.feed_until(block, at - block.first)
        world, tape, journal = simulation.world, tape_of(block), simulation.journal
        cycle.step(world, tape, journal, at - block.first)
    return _answer(simulation, bars.symbols.index(symbol), at)


def _answer(simulation: Simulation, i: int, at: int) -> Answer:
    asks: Any = simulation.world.asks
    limits: Any = simulation.world.limits
    verdict, rules = explain(asks[i], limits[0])
    row: np.void = simulation.journal.decisions[at, i]
    if (verdict.bound ^ int(row["bound"])) & ~(1 << Reason.PRECISION):
        raise Invariant(f"a verdict asked again is the same verdict, was {verdict.bound:b} and {row['bound']:b}")
    return Answer({name: int(asks[i][name]) for name in Ask.__annotations__}, verdict, tuple(rules), row)
