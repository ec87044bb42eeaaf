"""Quality gate for what has no grid: settlements of funding and single trades.

The promise is the gate's for bars: every row ends clean, in quarantine under the rule it broke, or as a
counted copy. Several trades may share a millisecond; only an id tells a copy from a second trade.
"""

from dataclasses import dataclass

import numpy as np

from qt_ray.market.bars import Floats, Ints
from qt_ray.market.quality_report import Ledger, QualityReport
from qt_ray.market.quality_rules import Limits, Rule

SAME_SETTLEMENT_MS = 60_000


@dataclass(frozen=True, slots=True, eq=False)
class Sorted:
    """Rows of a source after the gate, by their place in it: clean ones oldest first, and the quarantine."""

    clean: Ints
    quarantined_rows: Ints
    reasons: tuple[Rule, ...]
    report: QualityReport


def inspect_funding(ts: Ints, rate: Floats, limits: Limits | None = None) -> Sorted:
    """Return which settlements may be used; two within a minute are one, and must agree."""
    ledger = Ledger(ts)
    rows = _in_order(ts, ledger)
    bad = ~np.isfinite(rate[rows]) | (np.abs(np.nan_to_num(rate[rows])) > (limits or Limits()).funding_max)
    ledger.quarantine(Rule.FUNDING_IMPOSSIBLE, rows[bad])
    rows = rows[~bad]
    settled = (ts[rows] + SAME_SETTLEMENT_MS // 2) // SAME_SETTLEMENT_MS
    return _told(ts, *_once(rows, settled, rate, ledger), ledger)


def inspect_trades(ts: Ints, price: Floats, quantity: Floats, ids: Floats | None) -> Sorted:
    """Return which trades may be used; with ids, copies are dropped and missing ids are counted as gaps."""
    ledger = Ledger(ts)
    rows = _in_order(ts, ledger)
    for rule, bad in (
        (Rule.PRICE_MISSING, ~np.isfinite(price)),
        (Rule.PRICE_NOT_POSITIVE, np.isfinite(price) & (price <= 0)),
        (Rule.VOLUME_MISSING, ~np.isfinite(quantity)),
        (Rule.VOLUME_NEGATIVE, np.isfinite(quantity) & (quantity <= 0)),
    ):
        ledger.quarantine(rule, rows[bad[rows]])
        rows = rows[~bad[rows]]
    if ids is None:
        return _told(ts, rows, 0, ledger)
    by_id = rows[np.argsort(ids[rows], kind="stable")]
    kept, dropped = _once(by_id, ids[by_id], price * 1e9 + quantity, ledger)
    skipped = np.diff(ids[kept]) - 1
    holes = np.flatnonzero(skipped > 0)
    ledger.note(Rule.GAP, kept[holes + 1], f"{len(holes)} gaps in the ids", count=int(skipped.sum()))
    return _told(ts, kept[np.argsort(ts[kept], kind="stable")], dropped, ledger)


def _in_order(ts: Ints, ledger: Ledger) -> Ints:
    steps = np.diff(ts)
    if len(ts) > 1 and (steps <= 0).all() and (steps < 0).any():
        ledger.note(Rule.NEWEST_FIRST, np.arange(len(ts)))
        return np.arange(len(ts))[::-1].copy()
    if len(ts):
        ledger.note(Rule.OUT_OF_ORDER, np.flatnonzero(ts < np.maximum.accumulate(ts)))
    return np.asarray(np.argsort(ts, kind="stable"), np.int64)


def _once(rows: Ints, names: Ints | Floats, values: Floats, ledger: Ledger) -> tuple[Ints, int]:
    """Return one row for each name among `rows`, sorted by it; copies go, conflicts are kept out."""
    if len(rows) == 0:
        return rows, 0
    head = np.concatenate(([True], np.diff(names) != 0))
    group = np.cumsum(head) - 1
    same = values[rows] == values[rows[np.flatnonzero(head)][group]]
    agreed = np.logical_and.reduceat(same, np.flatnonzero(head))[group]
    copies = agreed & ~head
    ledger.note(Rule.DUPLICATE, np.sort(rows[copies]))
    ledger.quarantine(Rule.CONFLICT, np.sort(rows[~agreed]))
    return np.asarray(rows[agreed & head], np.int64), int(copies.sum())


def _told(ts: Ints, rows: Ints, dropped: int, ledger: Ledger) -> Sorted:
    out = np.array(sorted(ledger.reasons), np.int64)
    findings = ledger.merged()
    report = QualityReport(
        rows=len(ts),
        clean=len(rows),
        quarantined=len(out),
        dropped=dropped,
        missing=sum(finding.count for finding in findings if finding.rule is Rule.GAP),
        start_ts=int(ts[rows[0]]) if len(rows) else 0,
        end_ts=int(ts[rows[-1]]) if len(rows) else 0,
        findings=findings,
    )
    return Sorted(rows, out + 1, tuple(ledger.reasons[int(i)] for i in out), report)
