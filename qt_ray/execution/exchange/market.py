"""Market: the outside as a pure function of seed, bars and time, so any moment can be asked for, in any order.

Inside a bar the price walks from open over the extremes to close and never leaves its range. Spread, depth, mark and
index tremble around it by noise that has no memory, so they always come back. After the last bar the path runs
backwards and forwards again: it has no end and no gap. A market of many symbols does not move all at once: they take
turns within a step, and each symbol always has the same one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.execution.exchange.listing import Level, Listing, Quote
from qt_ray.market.bars import Bars

LEVELS = 10
TURN_SYMBOLS = 25
WORD = 2**64
MASK = WORD - 1
KNOTS_MAX = 32_768
# Where in a bar the price stands at its open, its first and second extreme, and its close.
TURNS = (0.0, 0.3, 0.7, 1.0)
TREMBLE = 0.1
SPREAD_SHARE = 0.0001
GAP_SHARE = 0.00005
BASIS_SHARE = 0.0003
SLOW_MS, FAST_MS = 60_000, 5_000
FUNDING_USUAL = 0.0001
NOTIONAL_PER_LEVEL = 40_000.0


@dataclass(frozen=True, slots=True)
class Shock:
    """From a moment on, and fully after `over_ms`, prices are multiplied; until another moment, if there is one."""

    factor: float
    from_ms: int
    over_ms: int = 0
    until_ms: int | None = None

    def at(self, now_ms: int) -> float:
        """Return by what prices are multiplied at a moment."""
        if now_ms < self.from_ms or (self.until_ms is not None and now_ms >= self.until_ms):
            return 1.0
        done = 1.0 if now_ms - self.from_ms >= self.over_ms else (now_ms - self.from_ms) / self.over_ms
        return 1.0 + (self.factor - 1.0) * done


@dataclass(slots=True)
class Path:
    """One symbol's way through its bars; rows are open, high, low and close, gaps filled with the last close."""

    listing: Listing
    rows: NDArray[np.float64]
    funding: NDArray[np.float64]
    seed: int
    phase_ms: int = 0
    jumps: list[Shock] = field(default_factory=list)
    splits: list[Shock] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turn:
    """The symbols that move together, and how far into each step they do."""

    phase_ms: int
    symbols: tuple[str, ...]


class Outside:
    """The outside market of some symbols; the first bar begins at `start_ms`, whenever it was recorded."""

    def __init__(self, listings: Sequence[Listing], bars: Bars, seed: int, start_ms: int, step_ms: int = 100) -> None:
        if step_ms <= 0:
            raise Invalid(f"a step is positive, was {step_ms} ms")
        self.start_ms, self.step_ms, self._interval_ms = start_ms, step_ms, bars.interval_ms
        self._paths = {listing.symbol: _path(listing, bars, seed) for listing in listings}
        self.turns = _turns([*self._paths], step_ms)
        for turn in self.turns:
            for symbol in turn.symbols:
                self._paths[symbol].phase_ms = turn.phase_ms

    def quote(self, symbol: str, at_ms: int) -> Quote:
        """Return the market of a symbol at the step that contains a moment."""
        path = self._paths[symbol]
        since_ms = at_ms - self.start_ms
        now_ms = at_ms - (since_ms - path.phase_ms) % self.step_ms
        row, share = self._place(now_ms - self.start_ms, len(path.rows))
        noise = Noise(path.seed, now_ms - self.start_ms)
        price = _walk(path.rows[row], share, noise.at(FAST_MS, 1)) * _product(path.jumps, now_ms)
        return _quote(path, price, float(path.funding[row]), noise, now_ms)

    def quotes(self, at_ms: int, symbols: Iterable[str] | None = None) -> list[Quote]:
        """Return the market of these symbols, or of every one."""
        return [self.quote(symbol, at_ms) for symbol in (self._paths if symbols is None else symbols)]

    def jump(self, symbol: str, factor: float, at_ms: int, over_ms: int = 0) -> None:
        """Multiply a symbol's prices for good, from a moment on."""
        self._paths[symbol].jumps.append(Shock(_positive(factor), at_ms, over_ms))

    def split_mark(self, symbol: str, factor: float, from_ms: int, until_ms: int) -> None:
        """Part mark and index from last for a while."""
        self._paths[symbol].splits.append(Shock(_positive(factor), from_ms, until_ms=until_ms))

    def _place(self, elapsed_ms: int, rows: int) -> tuple[int, float]:
        """Return the bar at a time since the start, and how far into it; every second turn runs backwards."""
        turn, within = divmod(max(elapsed_ms, 0), rows * self._interval_ms)
        row, rest = divmod(within, self._interval_ms)
        share = rest / self._interval_ms
        return (row, share) if turn % 2 == 0 else (rows - 1 - row, 1.0 - share)


class Noise:
    """Numbers that depend on seed and time alone."""

    def __init__(self, seed: int, elapsed_ms: int) -> None:
        self._seed, self._elapsed_ms = seed, elapsed_ms

    def at(self, scale_ms: int, channel: int) -> float:
        """Return a smooth number from -1 to 1 that forgets within a scale."""
        knot, rest = divmod(self._elapsed_ms, scale_ms)
        share = rest / scale_ms
        before = _knot(self._seed, knot, scale_ms, channel)
        after = _knot(self._seed, knot + 1, scale_ms, channel)
        return before + (after - before) * share

    def shares(self, count: int, channel: int) -> list[float]:
        """Return numbers from 0 to 1 that are new at every step."""
        state = _mixed(self._seed ^ _mixed(self._elapsed_ms * 31 + channel))
        return [(state := _mixed(state)) / WORD for _ in range(count)]


@lru_cache(KNOTS_MAX)  # a knot is passed within seconds and asked for at every step on the way
def _knot(seed: int, knot: int, scale_ms: int, channel: int) -> float:
    return 2.0 * _mixed(seed ^ _mixed(knot * 1_000_003 + scale_ms * 31 + channel)) / WORD - 1.0


def _mixed(value: int) -> int:
    """Return 64 well mixed bits of a whole number (splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def _turns(symbols: Sequence[str], step_ms: int) -> tuple[Turn, ...]:
    """Return symbols in turns that are spread evenly over a step; a few symbols are one turn."""
    groups = [tuple(symbols[first : first + TURN_SYMBOLS]) for first in range(0, len(symbols), TURN_SYMBOLS)]
    return tuple(Turn(at * step_ms // len(groups), group) for at, group in enumerate(groups))


def _path(listing: Listing, bars: Bars, seed: int) -> Path:
    if listing.symbol not in bars.symbols:
        raise Invalid(f"bars cover every listed symbol, {listing.symbol} is missing")
    at = bars.symbols.index(listing.symbol)
    rows = np.column_stack([column[:, at] for column in (bars.open, bars.high, bars.low, bars.close)])
    word = int.from_bytes(sha256(f"{seed} {listing.symbol}".encode()).digest()[:8], "little")
    funding = np.full(len(bars), np.nan) if bars.funding is None else bars.funding[:, at]
    return Path(listing, _filled(listing.symbol, rows), _held(funding), word)


def _filled(symbol: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows in which a missing bar stands at the close before it, or at the first open."""
    there: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=1))
    if not there.any() or not (rows[there] > 0).all():
        raise Invalid(f"{symbol}: some bar is there, with positive prices")
    filled = rows.copy()
    close = rows[int(np.argmax(there)), 0]
    for at in range(len(rows)):
        if there[at]:
            close = rows[at, 3]
        else:
            filled[at] = close
    return filled


def _held(funding: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return at each bar the funding rate that the next settlement has."""
    held, rate = funding.copy(), FUNDING_USUAL
    for at in range(len(funding) - 1, -1, -1):
        rate = funding[at] if isfinite(funding[at]) else rate
        held[at] = rate
    return held


def _walk(row: NDArray[np.float64], share: float, tremble: float) -> float:
    """Return the price at a share of a bar: a rising bar sees its low first, a falling one its high."""
    opened, high, low, closed = (float(price) for price in row)
    turns = (opened, low, high, closed) if closed >= opened else (opened, high, low, closed)
    price = float(np.interp(share, TURNS, turns))
    return min(max(price + tremble * TREMBLE * (high - low) * min(share, 1.0 - share), low), high)


def _quote(path: Path, price: float, funding: float, noise: Noise, now_ms: int) -> Quote:
    listing, tick = path.listing, float(path.listing.tick)
    spread = max(round(price * SPREAD_SHARE * (1.0 + 0.8 * noise.at(FAST_MS, 2)) / tick), 1)
    best_bid = max(int(price / tick - spread / 2), 1)
    best_ask = best_bid + spread
    apart = _product(path.splits, now_ms)
    mark, index = (price * apart * (1.0 + BASIS_SHARE * noise.at(SLOW_MS, channel)) for channel in (3, 4))
    last = best_bid if noise.shares(1, 5)[0] < 0.5 else best_ask
    return Quote(
        symbol=listing.symbol,
        bids=_levels(listing, price, best_bid, -1, noise.shares(2 * LEVELS, 6)),
        asks=_levels(listing, price, best_ask, 1, noise.shares(2 * LEVELS, 7)),
        last=last * listing.tick,
        mark=max(round(mark / tick), 1) * listing.tick,
        index=max(round(index / tick), 1) * listing.tick,
        funding_rate=Decimal(round(funding * 1e8)).scaleb(-8),
        time_ms=now_ms,
    )


def _levels(listing: Listing, price: float, best: int, away: int, shares: list[float]) -> tuple[Level, ...]:
    """Return one side: gaps of a few ticks, and more behind than at the front."""
    tick, step, step_size = listing.tick, listing.step, float(listing.step)
    gap = max(price * GAP_SHARE / float(tick), 1.0)
    found, ticks = [], best
    for at in range(LEVELS):
        worth = NOTIONAL_PER_LEVEL * (0.2 + shares[2 * at]) * (1.0 + 0.3 * at)
        found.append(Level(ticks * tick, (round(worth / price / step_size) or 1) * step))
        ticks += away * (round(gap * (0.5 + shares[2 * at + 1])) or 1)
        if ticks < 1:
            break
    return tuple(found)


def _product(shocks: Iterable[Shock], now_ms: int) -> float:
    factor = 1.0
    for shock in shocks:
        factor *= shock.at(now_ms)
    return factor


def _positive(factor: float) -> float:
    if not (isfinite(factor) and factor > 0):
        raise Invalid(f"a factor is positive, was {factor}")
    return factor
