"""Breakdown: the same round trips by symbol, side, cause and regime.

Every table sums to the same total; what no row can own, such as funding, is left to the account.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause
from qt_ray.market.bars import Ints
from qt_ray.monitoring.decisions import grid, regime_name, regimes_of
from qt_ray.monitoring.growth import held_share
from qt_ray.monitoring.ratios import NAN, quotient
from qt_ray.monitoring.trips import closed_trips, exact_sum, nets, notionals_of


@dataclass(frozen=True, slots=True)
class TripStats:
    """What a set of closed round trips came to; money is 1e-8 of the quote currency, after fees."""

    trips: int
    wins: int
    losses: int
    net: int
    won: int
    lost: int
    fees: int
    slippage: int
    best: int
    worst: int
    hold_ms: float
    losing_streak: int

    @property
    def win_rate(self) -> float:
        """Return the share of trips that earned something."""
        return quotient(self.wins, self.trips)

    @property
    def profit_factor(self) -> float:
        """Return what was won over what was lost; NaN when nothing was lost."""
        return quotient(self.won, -self.lost)

    @property
    def expectancy(self) -> float:
        """Return the mean result of a trip."""
        return quotient(self.net, self.trips)

    @property
    def payoff(self) -> float:
        """Return the mean win over the mean loss."""
        return quotient(quotient(self.won, self.wins), -quotient(self.lost, self.losses)) if self.losses else NAN


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a table of trips; `share` is its part of all decisions where that has a meaning."""

    name: str
    stats: TripStats
    share: float = NAN


@dataclass(frozen=True, slots=True)
class SymbolResult:
    """One symbol: closed trips, what is still open, and what merely holding it returned."""

    symbol: str
    stats: TripStats
    position: int
    open_result: int | None
    turnover: int
    held: float


def trip_stats(trips: NDArray[np.void]) -> TripStats:
    """Return what the closed among `trips` came to."""
    closed = closed_trips(trips)
    net = nets(closed)
    won, lost = net[net > 0], net[net < 0]
    return TripStats(
        trips=len(closed),
        wins=len(won),
        losses=len(lost),
        net=exact_sum(net),
        won=exact_sum(won),
        lost=exact_sum(lost),
        fees=exact_sum(closed["fees"]),
        slippage=exact_sum(closed["slippage"]),
        best=int(net.max()) if len(net) else 0,
        worst=int(net.min()) if len(net) else 0,
        hold_ms=float((closed["closed"] - closed["opened"]).mean()) if len(closed) else NAN,
        losing_streak=longest_run(net[np.argsort(closed["closed"], kind="stable")] < 0),
    )


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(lengths.max()) if len(lengths) else 0


def by_side(trips: NDArray[np.void]) -> tuple[Group, ...]:
    """Return long and short."""
    return grouped(trips, trips["side"], (1, -1), lambda side: "long" if side > 0 else "short")


def by_cause(trips: NDArray[np.void]) -> tuple[Group, ...]:
    """Return the trips by what ended them."""
    return grouped(trips, trips["cause"], Cause, lambda cause: Cause(cause).name.lower())


def by_regime(run: Run, trips: NDArray[np.void]) -> tuple[Group, ...]:
    """Return the trips by the regime they were decided in, and that regime's share of all decisions."""
    seen = np.bincount(grid(run)["regime"].reshape(-1))
    regimes = regimes_of(run, trips)
    numbers = sorted(set(np.flatnonzero(seen).tolist()) | set(regimes.tolist()))
    shares = {number: quotient(int(seen[number]), int(seen.sum())) for number in np.flatnonzero(seen).tolist()}
    return tuple(
        Group(regime_name(number), trip_stats(trips[regimes == number]), shares.get(number, 0.0)) for number in numbers
    )


def grouped(
    trips: NDArray[np.void], keys: Ints, numbers: Iterable[int], name: Callable[[int], str]
) -> tuple[Group, ...]:
    """Return one row per number of which there are trips."""
    return tuple(Group(name(number), trip_stats(trips[keys == number])) for number in numbers if (keys == number).any())


def by_symbol(run: Run, trips: NDArray[np.void]) -> tuple[SymbolResult, ...]:
    """Return every symbol of the run in its own order."""
    ends = run.bars.ts + run.bars.interval_ms
    rows = np.searchsorted(ends, run.cycles["ts"], side="right") - 1
    notionals = notionals_of(run.fills, run.instruments)
    results = []
    for number, symbol in enumerate(run.bars.symbols):
        fills = run.fills[run.fills["symbol"] == number]
        share = held_share(run.bars.close[:, number], rows)
        results.append(
            SymbolResult(
                symbol=symbol,
                stats=trip_stats(trips[trips["symbol"] == number]),
                position=int(fills["position"][-1]) if len(fills) else 0,
                open_result=_open_result(run, number, fills),
                turnover=exact_sum(notionals[run.fills["symbol"] == number]),
                held=NAN if share is None else float(share[-1]) - 1.0,
            )
        )
    return tuple(results)


def _open_result(run: Run, number: int, fills: NDArray[np.void]) -> int | None:
    """Return the position's value at the last close, less what it cost."""
    position = int(fills["position"][-1]) if len(fills) else 0
    if position == 0:
        return 0
    instrument = run.instruments[number]
    known = run.bars.close[run.bars.ts < run.cycles["ts"][-1], number]
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return None
    ticks = round(float(known[-1]) / float(instrument.tick))
    unit = int(instrument.unit_exact)
    paid = exact_sum(fills["quantity"] * fills["price"] * unit)
    return position * ticks * unit - paid - exact_sum(fills["realised"])
