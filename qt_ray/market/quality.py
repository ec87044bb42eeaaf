"""Quality gate: bad rows are kept out and counted, never repaired.

Every row of a source ends in exactly one of three places: the clean table unchanged, the quarantine under the
first rule it broke, or the count of identical copies. What is only strange stays and is flagged.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Floats, Ints
from qt_ray.market.columns import Columns
from qt_ray.market.quality_report import Inspected, Ledger, QualityReport
from qt_ray.market.quality_rules import (
    WINDOW,
    Defect,
    Fate,
    Limits,
    Rule,
    Word,
    defect_bits,
    judge,
    memory,
    wicks,
)
from qt_ray.market.quality_splice import splices

GAP_SHARE_MAX = 0.01
FOREIGN_SHARE = 0.2
Mask = NDArray[np.bool_]


def inspect(
    columns: Columns,
    interval_ms: int,
    limits: Limits | None = None,
    tick: float | None = None,
    step: float | None = None,
) -> Inspected:
    """Return the clean rows of one symbol's bars, its quarantine and the report on both."""
    if interval_ms <= 0:
        raise Invalid(f"quality: interval_ms is positive, was {interval_ms}")
    limits = limits or Limits()
    ledger = Ledger(columns.ts)
    rows = _in_order(columns, interval_ms, ledger)
    rows, dropped = _once(columns, rows, ledger)
    rows = _sound(columns, rows, ledger)
    rows, moves = _believed(columns, rows, interval_ms, limits, ledger)
    clean = _cells(columns.take(rows), rows, limits, ledger)
    _strange(clean, rows, moves, limits, ledger)
    _foreign(clean, rows, tick, step, ledger)
    missing = _gaps(clean, rows, interval_ms, ledger)
    for at in splices(clean, interval_ms, limits):
        ledger.note(Rule.SPLICE, rows[at.row : at.row + 1], at.evidence)
    out = np.array(sorted(ledger.reasons), np.int64)
    report = QualityReport(
        rows=len(columns),
        clean=len(clean),
        quarantined=len(out),
        dropped=dropped,
        missing=missing,
        start_ts=int(clean.ts[0]) if len(clean) else 0,
        end_ts=int(clean.ts[-1]) if len(clean) else 0,
        findings=ledger.merged(),
    )
    return Inspected(clean, columns.take(out), out + 1, tuple(ledger.reasons[int(i)] for i in out), report)


def _in_order(columns: Columns, interval_ms: int, ledger: Ledger) -> Ints:
    """Return the rows that lie on the grid, oldest first."""
    ts = columns.ts
    steps = np.diff(ts)
    if len(ts) > 1 and (steps <= 0).all() and (steps < 0).any():
        ledger.note(Rule.NEWEST_FIRST, np.arange(len(ts)))
        rows = np.argsort(ts[::-1], kind="stable")
        rows = len(ts) - 1 - rows
    else:
        late = np.flatnonzero(ts < np.maximum.accumulate(ts)) if len(ts) else np.zeros(0, np.int64)
        ledger.note(Rule.OUT_OF_ORDER, late)
        rows = np.argsort(ts, kind="stable")
    off = ts[rows] % interval_ms != 0
    ledger.quarantine(Rule.OFF_GRID, np.sort(rows[off]))
    return np.asarray(rows[~off], np.int64)


def _once(columns: Columns, rows: Ints, ledger: Ledger) -> tuple[Ints, int]:
    """Return one row for each open time; copies are dropped, contradictions are kept out."""
    ts = columns.ts[rows]
    if len(ts) == 0:
        return rows, 0
    head = np.concatenate(([True], np.diff(ts) != 0))
    group = np.cumsum(head) - 1
    first = rows[np.flatnonzero(head)][group]
    same = np.ones(len(rows), np.bool_)
    for column in columns.present.values():
        a, b = column[rows], column[first]
        same &= (a == b) | (np.isnan(a) & np.isnan(b))
    agreed = np.logical_and.reduceat(same, np.flatnonzero(head))[group]
    copies = agreed & ~head
    ledger.note(Rule.DUPLICATE, np.sort(rows[copies]))
    ledger.quarantine(Rule.CONFLICT, np.sort(rows[~agreed]))
    return np.asarray(rows[agreed & head], np.int64), int(copies.sum())


def _sound(columns: Columns, rows: Ints, ledger: Ledger) -> Ints:
    """Return the rows whose own numbers are possible."""
    table = columns.take(rows)
    volume = np.zeros(len(table)) if table.volume is None else table.volume
    bits = np.zeros(len(table), np.int64)
    defect_bits(table.open, table.high, table.low, table.close, volume, bits)
    for defect in Defect:
        ledger.quarantine(Rule[defect.name], rows[bits & defect != 0])
    return np.asarray(rows[bits == 0], np.int64)


def _believed(columns: Columns, rows: Ints, interval_ms: int, limits: Limits, ledger: Ledger) -> tuple[Ints, Floats]:
    """Return the rows their neighbours support, and the largest ordinary move at each."""
    table = columns.take(rows)
    words, moves = np.zeros(len(rows), np.int64), np.zeros(len(rows))
    past: Any = memory()
    ring, ordered = np.zeros(WINDOW), np.zeros(WINDOW)
    judge(past[0], ring, ordered, table.ts // interval_ms, table.open, table.close, limits.moves, words, moves)
    held = words & Word.HELD != 0
    confirmed = np.concatenate((words[1:] & Word.CONFIRMS != 0, [True]))[: len(rows)]
    outlier = held & ~confirmed
    ledger.quarantine(Rule.OUTLIER, rows[outlier])
    ledger.note(Rule.JUMP, rows[held & confirmed], _largest(table, held & confirmed))
    return rows[~outlier], moves[~outlier]


def _largest(table: Columns, jumps: Mask) -> str:
    at = np.flatnonzero(jumps)
    at = at[at > 0]
    if len(at) == 0:
        return ""
    moves = table.close[at] / table.close[at - 1] - 1
    return f"largest {moves[np.argmax(np.abs(moves))]:+.1%}"


def _cells(table: Columns, rows: Ints, limits: Limits, ledger: Ledger) -> Columns:
    """Return the table with impossible funding and mark cells emptied; their bars stay."""
    funding, mark = table.funding, table.mark
    if funding is not None:
        bad = np.isinf(funding) | (np.abs(np.nan_to_num(funding)) > limits.funding_max)
        ledger.note(Rule.FUNDING_IMPOSSIBLE, rows[bad], f"limit {limits.funding_max:g}")
        funding = np.where(bad, np.nan, funding)
    if mark is not None:
        bad = np.isinf(mark) | (np.nan_to_num(mark, nan=1.0) <= 0)
        ledger.note(Rule.MARK_IMPOSSIBLE, rows[bad])
        mark = np.where(bad, np.nan, mark)
    return replace(table, funding=funding, mark=mark)


def _strange(table: Columns, rows: Ints, moves: Floats, limits: Limits, ledger: Ledger) -> None:
    """Flag what is unusual but possible."""
    if len(table) == 0:
        return
    reach = np.zeros(len(table))
    wicks(table.open, table.high, table.low, table.close, reach)
    far = reach > np.maximum(moves, limits.wick_min)
    ledger.note(Rule.WICK, rows[far], f"farthest {np.expm1(reach.max()):.1%}")
    if table.volume is not None:
        ledger.note(Rule.VOLUME_ZERO, rows[table.volume == 0])
    ledger.note(Rule.FROZEN, rows[_frozen(table, limits)])


def _foreign(table: Columns, rows: Ints, tick: float | None, step: float | None, ledger: Ledger) -> None:
    """Flag prices off the tick; if volumes do not fit the step either, another market is suspected.

    Venues change their ticks, so prices alone prove little.
    """
    if tick is None or len(table) == 0:
        return
    off = off_grid_of(table.open, tick) | off_grid_of(table.high, tick)
    off |= off_grid_of(table.low, tick) | off_grid_of(table.close, tick)
    detail, fate = f"tick {tick:g}, {off.mean():.0%} of bars", Fate.FLAGGED
    if step is not None and table.volume is not None:
        share = float(off_grid_of(table.volume, step).mean())
        detail += f"; volumes off step {step:g}, {share:.0%}"
        fate = Fate.SUSPECT if share > FOREIGN_SHARE else Fate.FLAGGED
    ledger.note(Rule.OFF_TICK, rows[off], detail, fate)


def off_grid_of(values: Floats, unit: float) -> Mask:
    """Tell for each value whether it is no whole multiple of `unit`, as far as a float can tell."""
    scaled = values / unit
    return np.asarray(np.abs(scaled - np.rint(scaled)) > np.maximum(1e-6, scaled * 1e-12), np.bool_)


def _frozen(table: Columns, limits: Limits) -> Mask:
    """Return the rows in long runs of one bar; a market without trades may stand still for longer."""
    same = np.ones(max(len(table) - 1, 0), np.bool_)
    for name in ("open", "high", "low", "close", "volume"):
        column = table.present.get(name)
        if column is not None:
            same &= column[1:] == column[:-1]
    run = np.concatenate(([0], np.cumsum(~same)))
    lengths = np.bincount(run)[run]
    idle = np.zeros(len(table), np.bool_) if table.volume is None else table.volume == 0
    return np.asarray(lengths >= np.where(idle, limits.frozen_idle_bars, limits.frozen_bars))


def _gaps(table: Columns, rows: Ints, interval_ms: int, ledger: Ledger) -> int:
    """Count the bars between first and last that are not there."""
    steps = np.diff(table.ts) // interval_ms - 1
    gaps = np.flatnonzero(steps > 0)
    missing = int(steps.sum())
    if missing:
        longest = int(steps.max())
        expected = len(table) + missing
        detail = f"{len(gaps)} gaps, longest {longest} bars, {missing / expected:.1%} of the range"
        fate = Fate.SUSPECT if missing / expected > GAP_SHARE_MAX else Fate.FLAGGED
        ledger.note(Rule.GAP, rows[gaps + 1], detail, fate, missing)
    return missing
