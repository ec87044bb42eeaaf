"""Decisions: which rules bound the fund, and what was thought before a trade.

A decision is found by its cycle and symbol or not at all: a trade whose opening decision is not on record
says so rather than borrowing a neighbour's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.engine.run import Run
from qt_ray.market.regime import Regime
from qt_ray.monitoring.trips import closed_trips, nets
from qt_ray.risk.reasons import Reason, reasons_in

BLOCK_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Blocked:
    """How often a rule bound a wish, how often it was the tightest, and how much it then took away."""

    reason: Reason
    bound: int
    binding: int
    refused: int
    cut: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one decision said."""

    ts: int
    wish: int
    granted: int
    score: float
    confidence: float
    agreement: int
    regime: str
    binding: Reason
    bound: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Regret:
    """A losing round trip with the decision that opened it, if that is on record."""

    trip: np.void
    net: int
    opinion: Opinion | None


def grid(run: Run) -> NDArray[np.void]:
    """Return the decisions as one row per cycle and one column per symbol."""
    shape = (len(run.cycles), len(run.bars.symbols))
    if run.decisions.size != shape[0] * shape[1]:
        raise Invalid(f"decisions: one per cycle and symbol, {shape[0]} x {shape[1]}, was {run.decisions.size}")
    return run.decisions.reshape(shape)


def blocks_by_rule(run: Run) -> tuple[Blocked, ...]:
    """Return every rule that bound anything, the most often binding first."""
    size = max(Reason) + 1
    bound, binding, refused = (np.zeros(size, dtype=np.int64) for _ in range(3))
    cut = np.zeros(size)
    rows = run.decisions.reshape(-1)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        masks = block["bound"]
        for reason in Reason:
            bound[reason] += np.count_nonzero(masks & (np.uint32(1) << np.uint32(reason)))
        held = block[block["binding"] > 0]
        which, lost = held["binding"], _lost(held)
        binding += np.bincount(which, minlength=size)[:size]
        refused += np.bincount(which[lost == 1.0], minlength=size)[:size]
        cut += np.bincount(which, lost, minlength=size)[:size]
    found = [
        Blocked(r, int(bound[r]), int(binding[r]), int(refused[r]), float(cut[r] / max(1, binding[r])))
        for r in Reason
        if r and (bound[r] or binding[r])
    ]
    return tuple(sorted(found, key=lambda b: (-b.binding, -b.bound, b.reason)))


def wishes(run: Run) -> int:
    """Return how many decisions wished for a position."""
    return int(np.count_nonzero(run.decisions["wish"]))


def cycles_of(run: Run, trips: NDArray[np.void]) -> NDArray[np.int64]:
    """Return the cycle in which each trip was decided, -1 where that is not on record."""
    rows = trips["decided"]
    return np.where((rows >= 0) & (rows < len(run.cycles)), rows, -1).astype(np.int64)


def regimes_of(run: Run, trips: NDArray[np.void]) -> NDArray[np.int64]:
    """Return the regime in which each trip was decided, UNKNOWN where that is not on record."""
    rows = cycles_of(run, trips)
    decisions = grid(run)
    at = decisions["regime"][np.maximum(rows, 0), trips["symbol"]]
    return np.where(rows >= 0, at, int(Regime.UNKNOWN)).astype(np.int64)


def worst_decisions(run: Run, trips: NDArray[np.void], count: int = 10) -> tuple[Regret, ...]:
    """Return the round trips that lost most, with what was thought when they were opened."""
    closed = closed_trips(trips)
    net = nets(closed)
    worst = [int(at) for at in np.argsort(net, kind="stable")[:count] if net[at] < 0]
    chosen = closed[worst]
    rows = cycles_of(run, chosen)
    decisions = grid(run)
    return tuple(
        Regret(trip, int(net[at]), _opinion(run, decisions, int(row), int(trip["symbol"])))
        for at, trip, row in zip(worst, chosen, rows, strict=True)
    )


def regime_name(number: int) -> str:
    """Return a regime's name, or its number when this version has no name for it."""
    return Regime(number).name.lower() if number in Regime._value2member_map_ else f"regime {number}"


def reason_of(number: int) -> Reason:
    """Return the reason with that number; an unknown one is a broken record."""
    if number not in Reason._value2member_map_:
        raise Invalid(f"decisions: a binding reason is 0 to {max(Reason)}, was {number}")
    return Reason(number)


def _opinion(run: Run, decisions: NDArray[np.void], row: int, symbol: int) -> Opinion | None:
    if row < 0:
        return None
    decision = decisions[row, symbol]
    return Opinion(
        ts=int(run.cycles["ts"][row]),
        wish=int(decision["wish"]),
        granted=int(decision["granted"]),
        score=float(decision["score"]),
        confidence=float(decision["confidence"]),
        agreement=int(decision["agreement"]),
        regime=regime_name(int(decision["regime"])),
        binding=reason_of(int(decision["binding"])),
        bound=reasons_in(int(decision["bound"])),
    )


def _lost(rows: NDArray[np.void]) -> NDArray[np.float64]:
    # What was granted in the direction of the wish; the rest of the wish was lost.
    wish = rows["wish"].astype(np.float64)
    kept = np.zeros(len(rows))
    np.divide(rows["granted"], wish, out=kept, where=wish != 0)
    return np.where(wish != 0, 1.0 - np.clip(kept, 0.0, 1.0), 0.0)
