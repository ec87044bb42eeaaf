"""Rules of the quality gate: what may be wrong with a bar, and what becomes of it.

One table says the fate of each rule; the same compiled tests serve whole files and live bars, so history
and stream cannot disagree. Nothing here changes a number: a bar is admitted as it is or kept out.
"""

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.records import F64, I64, empty
from qt_ray.market.bars import Floats, Ints

WINDOW = 128
WARM = 32


class Fate(StrEnum):
    """What becomes of a row: kept out, kept but doubted, kept and noted, or one copy of it removed."""

    QUARANTINED = "quarantined"
    SUSPECT = "suspect"
    FLAGGED = "flagged"
    DROPPED = "dropped"


class Rule(StrEnum):
    """A way for market data to be wrong or strange."""

    NEWEST_FIRST = "newest_first"
    OUT_OF_ORDER = "out_of_order"
    OFF_GRID = "off_grid"
    DUPLICATE = "duplicate"
    CONFLICT = "conflicting_duplicate"
    GAP = "gap"
    PRICE_MISSING = "price_missing"
    PRICE_NOT_POSITIVE = "price_not_positive"
    PRICE_IMPOSSIBLE = "price_impossible"
    VOLUME_MISSING = "volume_missing"
    VOLUME_NEGATIVE = "volume_negative"
    VOLUME_ZERO = "volume_zero"
    OUTLIER = "outlier"
    JUMP = "jump"
    WICK = "wick"
    FROZEN = "frozen"
    SPLICE = "splice"
    OFF_TICK = "off_tick"
    FUNDING_IMPOSSIBLE = "funding_impossible"
    MARK_IMPOSSIBLE = "mark_impossible"


RULES: dict[Rule, tuple[Fate, str]] = {
    Rule.NEWEST_FIRST: (Fate.FLAGGED, "the file runs newest first and was read from its end"),
    Rule.OUT_OF_ORDER: (Fate.FLAGGED, "a row is older than one before it and was put in its place"),
    Rule.OFF_GRID: (Fate.QUARANTINED, "an open time lies between two bars of the grid"),
    Rule.DUPLICATE: (Fate.DROPPED, "a row repeats another to the last digit"),
    Rule.CONFLICT: (Fate.QUARANTINED, "two rows claim one bar and disagree, so neither is believed"),
    Rule.GAP: (Fate.FLAGGED, "bars are missing"),
    Rule.PRICE_MISSING: (Fate.QUARANTINED, "a price is empty, NaN or infinite"),
    Rule.PRICE_NOT_POSITIVE: (Fate.QUARANTINED, "a price is zero or negative"),
    Rule.PRICE_IMPOSSIBLE: (Fate.QUARANTINED, "high is below, or low above, another price of the bar"),
    Rule.VOLUME_MISSING: (Fate.QUARANTINED, "a volume is empty, NaN or infinite"),
    Rule.VOLUME_NEGATIVE: (Fate.QUARANTINED, "a volume is negative"),
    Rule.VOLUME_ZERO: (Fate.FLAGGED, "nothing traded"),
    Rule.OUTLIER: (Fate.QUARANTINED, "the close leaps away and the next bar opens as if it had not"),
    Rule.JUMP: (Fate.FLAGGED, "the close leaps and the market stays or trades its way back"),
    Rule.WICK: (Fate.FLAGGED, "high, low or open stands far from the bar's other prices"),
    Rule.FROZEN: (Fate.SUSPECT, "the same bar is repeated: a feed that stood still"),
    Rule.SPLICE: (
        Fate.SUSPECT,
        "price level, volume scale or precision change at one bar: another market follows",
    ),
    Rule.OFF_TICK: (Fate.SUSPECT, "prices do not lie on the instrument's tick: perhaps another market"),
    Rule.FUNDING_IMPOSSIBLE: (
        Fate.QUARANTINED,
        "a funding rate is not finite or beyond the limit; its cell is empty",
    ),
    Rule.MARK_IMPOSSIBLE: (Fate.QUARANTINED, "a mark price is zero, negative or infinite; its cell is empty"),
}


class Defect(IntEnum):
    """Bits of what a bar alone can have wrong with it."""

    PRICE_MISSING = 1
    PRICE_NOT_POSITIVE = 2
    PRICE_IMPOSSIBLE = 4
    VOLUME_MISSING = 8
    VOLUME_NEGATIVE = 16


class Word(IntEnum):
    """Bits of what a bar and its past say: it must wait, or it confirms the one that waits."""

    HELD = 1
    CONFIRMS = 2


class MemoryRow:
    """What the gate remembers of a series: last believed close, a close that waits, and where they were."""

    count: I64
    step: I64
    last: F64
    held: F64
    limit: F64


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a bar is strange; fractions are of price."""

    sigmas: float = 12.0
    move_min: float = 0.01
    move_unwarmed: float = 0.25
    seam: float = 0.25
    wick_min: float = 0.05
    frozen_bars: int = 5
    frozen_idle_bars: int = 60
    splice_bars: int = 48
    splice_volume_ratio: float = 6.0
    funding_max: float = 0.05

    @property
    def moves(self) -> tuple[float, float, float, float]:
        """Return the limits on moves as compiled code takes them."""
        return self.sigmas, self.move_min, self.move_unwarmed, self.seam


def memory() -> NDArray[np.void]:
    """Return the memory of a series that has seen nothing, as one row."""
    row = empty(MemoryRow, 1)
    row["last"] = row["held"] = row["limit"] = math.nan
    return row


@inlined
def defects(open_: float, high: float, low: float, close: float, volume: float) -> int:
    """Return the defect bits of one bar."""
    bits = 0
    if not (math.isfinite(open_) and math.isfinite(high) and math.isfinite(low) and math.isfinite(close)):
        bits |= 1
    elif open_ <= 0.0 or high <= 0.0 or low <= 0.0 or close <= 0.0:
        bits |= 2
    elif high < max(open_, close) or low > min(open_, close):
        bits |= 4
    if not math.isfinite(volume):
        bits |= 8
    elif volume < 0.0:
        bits |= 16
    return bits


@inlined
def place(ordered: Floats, filled: int, value: float) -> int:
    """Return where `value` belongs among the first `filled` values, which ascend."""
    low, high = 0, filled
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def remember(ring: Floats, ordered: Floats, count: int, value: float) -> None:
    """Put the `count`-th value into the ring and its sorted twin, dropping the oldest when full."""
    size = len(ring)
    filled = min(count, size)
    if count >= size:
        filled -= 1
        for i in range(place(ordered, size, ring[count % size]), filled):
            ordered[i] = ordered[i + 1]
    at = place(ordered, filled, value)
    for i in range(filled, at, -1):
        ordered[i] = ordered[i - 1]
    ordered[at] = value
    ring[count % size] = value


@inlined
def scale(ordered: Floats, count: int) -> float:
    """Return the robust standard deviation of the remembered moves, NaN before it is warm."""
    if count < WARM:
        return math.nan
    return 1.4826 * float(ordered[min(count, len(ordered)) // 2])


@inlined
def move_limit(sigma: float, bars: int, sigmas: float, move_min: float, move_unwarmed: float) -> float:
    """Return the largest ordinary move over `bars` intervals."""
    if math.isnan(sigma):
        return move_unwarmed
    return max(sigmas * sigma, move_min) * math.sqrt(max(bars, 1))


@compiled
def judge_bar(
    memory: MemoryRow,
    ring: Floats,
    ordered: Floats,
    step: int,
    open_: float,
    close: float,
    limits: tuple[float, float, float, float],
) -> int:
    """Return the words on one sound bar; a held close enters no statistics until it is confirmed."""
    sigmas, move_min, move_unwarmed, seam = limits
    words = 0
    if not math.isnan(memory.held):
        move = abs(math.log(memory.held / memory.last))
        if abs(math.log(open_ / memory.held)) <= seam * move:
            words |= 2
            remember(ring, ordered, memory.count, move)
            memory.count += 1
            memory.last = memory.held
            memory.step = step - 1
    memory.held = math.nan
    bars = step - memory.step
    memory.limit = move_limit(scale(ordered, memory.count), bars, sigmas, move_min, move_unwarmed)
    if not math.isnan(memory.last):
        move = abs(math.log(close / memory.last))
        if move > memory.limit:
            memory.held = close
            return words | 1
        remember(ring, ordered, memory.count, move)
        memory.count += 1
    memory.last = close
    memory.step = step
    return words


@inlined
def wick(before: float, open_: float, high: float, low: float, close: float) -> float:
    """Return how far high and low reach beyond open and close, or open stands from its neighbours.

    An open has two neighbours, its own close and the close before, which is NaN for the first bar of all.
    """
    loose = abs(math.log(open_ / close))
    if not math.isnan(before):
        loose = min(loose, abs(math.log(open_ / before)))
    return max(math.log(high / max(open_, close)), math.log(min(open_, close) / low), loose)


@compiled
def wicks(open_: Floats, high: Floats, low: Floats, close: Floats, reach: Floats) -> None:
    """Fill the reach of each bar, in order of time."""
    for i in range(len(close)):
        reach[i] = wick(close[i - 1] if i > 0 else math.nan, open_[i], high[i], low[i], close[i])


@compiled
def defect_bits(
    open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, bits: NDArray[np.int64]
) -> None:
    """Fill the defect bits of each bar."""
    for i in range(len(open_)):
        bits[i] = defects(open_[i], high[i], low[i], close[i], volume[i])


@compiled
def judge(
    memory: MemoryRow,
    ring: Floats,
    ordered: Floats,
    steps: Ints,
    open_: Floats,
    close: Floats,
    limits: tuple[float, float, float, float],
    words: NDArray[np.int64],
    moves: Floats,
) -> None:
    """Fill the words and move limits of sound bars in order of time."""
    for i in range(len(close)):
        words[i] = judge_bar(memory, ring, ordered, steps[i], open_[i], close[i], limits)
        moves[i] = memory.limit
