"""Series: what one file of the catalogue holds, and how new rows may join old ones.

Overlapping rows must agree to the last digit, else the newcomer is refused by its first conflicting row. Two
settlements of funding are one when they round to the same minute: venues stamp them some milliseconds late.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qt_ray.adapters.file_names import TIMELESS, Kind, interval_name
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.market.bars import Floats, Ints

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The name of a series; `interval_ms` is 0 for funding and trades, which come when they come."""

    venue: str
    symbol: str
    kind: Kind
    interval_ms: int

    def __post_init__(self) -> None:
        for part in (self.venue, self.symbol):
            if not part or part.startswith(".") or any(mark in part for mark in "/\\ \0"):
                raise InvalidConfig(f"a venue or symbol is a plain name, was {part!r}")

    @property
    def file(self) -> Path:
        """Return where the series lies below the root."""
        name = self.kind if self.kind in TIMELESS else f"{self.kind}_{interval_name(self.interval_ms)}"
        return Path(self.venue) / self.symbol / f"{name}.parquet"

    def __str__(self) -> str:
        return f"{self.venue} {self.symbol} {self.file.stem}"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was imported: its name, the digest of its bytes, and the gate's counts by rule."""

    name: str
    sha256: str
    rows: int
    quarantined: int
    findings: dict[str, int]


@dataclass(frozen=True, slots=True)
class Series:
    """What the catalogue knows of a series without reading its rows."""

    key: Key
    rows: int
    start_ts: int
    end_ts: int
    digest: str
    sources: tuple[Source, ...]
    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of a series: ascending times and a float column for each field."""

    ts: Ints
    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: Ints) -> "Table":
        """Return the chosen rows."""
        return Table(self.ts[rows], {name: column[rows] for name, column in self.columns.items()})


def merged(key: Key, old: Table, new: Table, name: str) -> Table:
    """Return both tables as one, or refuse naming the first row in which they differ."""
    if key.kind is Kind.TRADES:
        return _appended(key, old, new, name)
    grain = MINUTE_MS if key.kind is Kind.FUNDING else 1
    old_at, new_at = ((table.ts + grain // 2) // grain for table in (old, new))
    _, shared_old, shared_new = np.intersect1d(old_at, new_at, assume_unique=True, return_indices=True)
    _refuse_conflicts(key, old.take(shared_old), new.take(shared_new), name)
    at = np.union1d(old_at, new_at)
    ts = np.zeros(len(at), np.int64)
    fields = dict.fromkeys((*old.columns, *new.columns))
    columns = {field: np.full(len(at), np.nan) for field in fields}
    for table, place in ((new, new_at), (old, old_at)):
        rows = np.searchsorted(at, place)
        ts[rows] = table.ts
        for field, column in table.columns.items():
            columns[field][rows] = column
    return Table(ts, columns)


def _refuse_conflicts(key: Key, old: Table, new: Table, name: str) -> None:
    """Refuse rows of one time that differ in a field both have."""
    fields = [field for field in old.columns if field in new.columns]
    differ = np.zeros(len(old), np.bool_)
    for field in fields:
        differ |= _differ(old.columns[field], new.columns[field])
    if not differ.any():
        return
    row = int(np.argmax(differ))
    field = next(f for f in fields if _differ(old.columns[f][row : row + 1], new.columns[f][row : row + 1])[0])
    at = np.datetime64(int(old.ts[row]), "ms")
    raise Invalid(
        f"{name}: overlapping rows agree with the stored {key}, but at {at}Z {field} is"
        f" {new.columns[field][row]:.12g} where {old.columns[field][row]:.12g} is stored;"
        f" {int(differ.sum())} of {len(differ)} shared rows differ"
    )


def _differ(a: Floats, b: Floats) -> NDArray[np.bool_]:
    return np.asarray(~((a == b) | (np.isnan(a) & np.isnan(b))), np.bool_)


def _appended(key: Key, old: Table, new: Table, name: str) -> Table:
    """Return trades one after the other; several share a moment, so ranges must not overlap."""
    if new.ts[0] <= old.ts[-1] and old.ts[0] <= new.ts[-1]:
        raise Invalid(f"{name}: trades are added before or after those of {key}, these overlap them")
    first, second = (old, new) if old.ts[0] <= new.ts[0] else (new, old)
    fields = [field for field in first.columns if field in second.columns]
    return Table(
        np.concatenate((first.ts, second.ts)),
        {field: np.concatenate((first.columns[field], second.columns[field])) for field in fields},
    )


def digest(table: Table) -> str:
    """Return the SHA-256 of times and columns, whatever the file format does with them."""
    state = sha256(np.ascontiguousarray(table.ts).tobytes())
    for name in sorted(table.columns):
        state.update(name.encode() + np.ascontiguousarray(table.columns[name]).tobytes())
    return state.hexdigest()
