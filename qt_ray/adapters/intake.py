"""Intake: a file from the world, through the gate, into the catalogue.

What a file is comes from flags, then its name, then its own rows, and the three must not contradict each
other. Rows the gate keeps out are written beside the series with the rule they broke, so nothing vanishes.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qt_ray.adapters.catalog import Catalog
from qt_ray.adapters.file_names import TIMELESS, Hints, Kind, hints, interval_name
from qt_ray.adapters.files import replacing, sha256_of
from qt_ray.adapters.series import Key, Series, Source, Table
from qt_ray.adapters.table_files import RawTable, read_table
from qt_ray.adapters.table_times import TimeUnit
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.market.bars import Floats, Ints
from qt_ray.market.columns import Columns
from qt_ray.market.quality import inspect
from qt_ray.market.quality_report import QualityReport
from qt_ray.market.quality_rules import Rule
from qt_ray.market.quality_ticks import inspect_funding, inspect_trades

REASON = "rule"


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A file after the gate: what it holds, its clean and its quarantined rows, and the report."""

    path: Path
    hints: Hints
    clean: Table
    quarantined: Table
    rows: Ints
    reasons: tuple[Rule, ...]
    report: QualityReport
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did to the catalogue."""

    series: Series
    report: QualityReport
    ignored: tuple[str, ...]
    unchanged: bool


def check(
    path: Path,
    flags: Hints,
    unit: TimeUnit = TimeUnit.AUTO,
    tick: float | None = None,
    step: float | None = None,
) -> Checked:
    """Read a file and put it through the gate of its kind."""
    named = flags.over(hints(path))
    kind = named.kind or Kind.OHLCV
    raw = read_table(path, kind, unit)
    if kind in TIMELESS:
        return _checked_events(path, replace(named, kind=kind, interval_ms=None), raw)
    interval = _interval(raw, named, path.name)
    bars = inspect(_columns(raw, kind), interval, tick=tick, step=step)
    return Checked(
        path=path,
        hints=replace(named, kind=kind, interval_ms=interval),
        clean=Table(bars.clean.ts, bars.clean.present),
        quarantined=Table(bars.quarantined.ts, bars.quarantined.present),
        rows=bars.quarantined_rows,
        reasons=bars.reasons,
        report=bars.report,
        ignored=raw.ignored,
    )


def _checked_events(path: Path, named: Hints, raw: RawTable) -> Checked:
    """Return settlements or trades after their gate."""
    cells = raw.columns
    result = (
        inspect_funding(raw.ts, cells["funding"])
        if named.kind is Kind.FUNDING
        else inspect_trades(raw.ts, cells["price"], cells["quantity"], cells.get("id"))
    )
    whole = Table(raw.ts, dict(cells))
    return Checked(
        path=path,
        hints=named,
        clean=whole.take(result.clean),
        quarantined=whole.take(result.quarantined_rows - 1),
        rows=result.quarantined_rows,
        reasons=result.reasons,
        report=result.report,
        ignored=raw.ignored,
    )


def bring_in(catalog: Catalog, path: Path, flags: Hints, unit: TimeUnit = TimeUnit.AUTO) -> Imported:
    """Check a file and add its clean rows to the catalogue."""
    checked = check(path, flags, unit)
    key = key_of(checked)
    if len(checked.clean) == 0:
        raise Invalid(f"{path.name}: at least one row passes the gate, of {checked.report.rows} none did")
    before = catalog.describe(key)
    counts = {finding.rule.value: finding.count for finding in checked.report.findings}
    source = Source(path.name, sha256_of(path), checked.report.rows, checked.report.quarantined, counts)
    series = catalog.put(key, checked.clean, source)
    if len(checked.rows):
        _set_aside(catalog, key, source, checked)
    unchanged = before is not None and before.digest == series.digest and before.sources == series.sources
    return Imported(series, checked.report, checked.ignored, unchanged)


def key_of(checked: Checked) -> Key:
    """Return the series a file belongs to, or say which flag is needed."""
    named = checked.hints
    for flag in ("venue", "symbol"):
        if not getattr(named, flag):
            raise InvalidConfig(f"{checked.path.name}: the name does not tell the {flag}, give it with --{flag}")
    return Key(str(named.venue), str(named.symbol), named.kind or Kind.OHLCV, named.interval_ms or 0)


def _columns(raw: RawTable, kind: Kind) -> Columns:
    cells = raw.columns
    return Columns(
        raw.ts, cells["open"], cells["high"], cells["low"], cells["close"],
        cells.get("volume") if kind is Kind.OHLCV else None, cells.get("funding"), cells.get("mark"),
    )  # fmt: skip


def _interval(raw: RawTable, named: Hints, name: str) -> int:
    """Return the distance of bars: the commonest in the rows, which a flag or name must not contradict."""
    steps = np.abs(np.diff(raw.ts))
    steps = steps[steps > 0]
    if len(steps) == 0:
        if named.interval_ms is None:
            raise InvalidConfig(f"{name}: one row does not tell the interval, give it with --interval")
        return named.interval_ms
    common, count = Counter(steps.tolist()).most_common(1)[0]
    if named.interval_ms is None:
        interval_name(common)
        return int(common)
    if common != named.interval_ms and count > len(steps) / 2 and common % named.interval_ms != 0:
        raise Invalid(
            f"{name}: bars are {interval_name(named.interval_ms)} apart by name or flag,"
            f" {count} of {len(steps)} are {common / 1000:g} s apart"
        )
    return named.interval_ms


def _set_aside(catalog: Catalog, key: Key, source: Source, checked: Checked) -> None:
    """Write the quarantined rows where a person can look at them."""
    folder = catalog.root / key.venue / key.symbol / "quarantine"
    cells: dict[str, Floats | Ints] = {"row": checked.rows, "ts": checked.quarantined.ts}
    table = pa.table({**cells, **checked.quarantined.columns, REASON: [rule.value for rule in checked.reasons]})
    with replacing(folder / f"{key.file.stem}.{source.sha256[:16]}.parquet") as draft:
        pq.write_table(table, draft, compression="zstd")
