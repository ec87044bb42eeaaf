"""Catalogue: the market data the fund has, one parquet file for each venue, symbol, kind and interval.

A series is replaced as a whole or not at all, and carries where each row came from and what the gate said.
New rows may overlap old ones only where they agree; the catalogue never decides who is right.
"""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from qt_ray.adapters.file_names import Kind, interval_name
from qt_ray.adapters.files import replacing
from qt_ray.adapters.series import Key, Series, Source, Table, digest, merged
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.market.aggregate import coarsen, settle
from qt_ray.market.bars import Bars, Floats
from qt_ray.market.grid import aligned, gathered, on_grid, placed

SCHEMA = "qt.series/1"
META = b"qt"
SOURCES_MAX = 10_000


class Catalog:
    """Series of market data below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def ls(self) -> list[Series]:
        """Return every series, sorted by venue, symbol, kind and interval."""
        found = (self._described(path) for path in self.root.glob("*/*/*.parquet") if path.name[0] != ".")
        return sorted(found, key=lambda series: series.key)

    def describe(self, key: Key) -> Series | None:
        """Return what is known of a series, or None when there is none."""
        path = self.root / key.file
        return self._described(path) if path.exists() else None

    def put(self, key: Key, table: Table, source: Source) -> Series:
        """Add the rows of one source; return the series as it is now. The same file again changes nothing."""
        with self._locked(key):
            known = self.describe(key)
            sources = known.sources if known else ()
            if known and any(old.sha256 == source.sha256 for old in sources):
                return known
            if len(sources) >= SOURCES_MAX:
                raise Invalid(f"{key}: a series has at most {SOURCES_MAX} sources")
            if known:
                table = merged(key, self.read(key), table, source.name)
            self._write(key, table, (*sources, source))
        series = self.describe(key)
        if series is None:
            raise Invalid(f"{key}: a written series can be read back, it is gone")
        return series

    def read(self, key: Key, start: int | None = None, end: int | None = None) -> Table:
        """Return the rows of a series from `start` up to but not including `end`, in milliseconds UTC."""
        filters = [("ts", ">=", start)] if start is not None else []
        filters += [("ts", "<", end)] if end is not None else []
        path = self.root / key.file
        try:
            table = pq.ParquetFile(path).read() if not filters else pq.read_table(path, filters=filters)
        except FileNotFoundError:
            raise Invalid(f"{key}: the catalogue {self.root} has no such series") from None
        except (pa.ArrowException, OSError) as error:
            raise _broken(path, error) from None
        columns = {name: np.array(table[name], np.float64) for name in table.column_names if name != "ts"}
        return Table(np.array(table["ts"], np.int64), columns)

    def load(
        self,
        symbols: Sequence[str],
        interval_ms: int,
        start: int | None = None,
        end: int | None = None,
        venue: str | None = None,
    ) -> Bars:
        """Return the bars of `symbols` on one grid, NaN where one has none, with funding and marks if stored.

        Bars that are stored only on a finer grid are put together from it.
        """
        if not symbols or len(set(symbols)) != len(symbols):
            raise InvalidConfig(f"load: at least one symbol, each once, was {list(symbols)}")
        where = venue or self._venue_of(symbols)
        each = [self._bars(where, symbol, interval_ms, start, end) for symbol in symbols]
        bars = aligned(each)
        marks = [self._marks(where, one, start, end) for one in each]
        funding = [self._funding(where, one) for one in each]
        return replace(bars, funding=gathered(bars, each, funding), mark=gathered(bars, each, marks))

    def _venue_of(self, symbols: Sequence[str]) -> str:
        """Return the one venue that has bars of all symbols."""
        having = [
            {path.parent.parent.name for path in self.root.glob(f"*/{symbol}/{Kind.OHLCV}_*.parquet")}
            for symbol in symbols
        ]
        for symbol, venues in zip(symbols, having, strict=True):
            if not venues:
                raise Invalid(f"{symbol}: the catalogue {self.root} has no bars of this symbol")
        common = sorted(set.intersection(*having))
        if len(common) != 1:
            found = ", ".join(common) or "none"
            raise InvalidConfig(f"load: exactly one venue has all of {', '.join(symbols)}, were {found}; name one")
        return common[0]

    def _bars(self, venue: str, symbol: str, interval_ms: int, start: int | None, end: int | None) -> Bars:
        key = self._nearest(venue, symbol, Kind.OHLCV, interval_ms)
        if key is None:
            wanted = interval_name(interval_ms)
            raise Invalid(f"{venue} {symbol}: bars of {wanted} or of a part of it are stored, none are")
        table = self.read(key, start, end)
        if len(table) == 0:
            raise Invalid(f"{key}: the range asked for holds at least one bar, it holds none")
        bars = on_grid(symbol, key.interval_ms, table.ts, table.columns)
        return bars if key.interval_ms == interval_ms else coarsen(bars, interval_ms)

    def _marks(self, venue: str, bars: Bars, start: int | None, end: int | None) -> Floats | None:
        """Return mark closes for the rows of `bars`: from the marks stored, else from the bars themselves."""
        key = self._nearest(venue, bars.symbols[0], Kind.MARK, bars.interval_ms)
        if key is None:
            return None if bars.mark is None else bars.mark[:, 0]
        table = self.read(key, start, end)
        if len(table) == 0:
            return None if bars.mark is None else bars.mark[:, 0]
        marks = on_grid(bars.symbols[0], key.interval_ms, table.ts, table.columns)
        if key.interval_ms != bars.interval_ms:
            marks = coarsen(replace(marks, volume=np.zeros_like(marks.close)), bars.interval_ms)
        return placed(bars.ts, bars.interval_ms, marks.ts, marks.close[:, 0])

    def _funding(self, venue: str, bars: Bars) -> Floats | None:
        """Return funding for the rows of `bars`: settlements stored on their own, else those in the bars."""
        key = Key(venue, bars.symbols[0], Kind.FUNDING, 0)
        own = None if bars.funding is None else bars.funding[:, 0]
        if not (self.root / key.file).exists():
            return own
        first, last = int(bars.ts[0]) - bars.interval_ms, int(bars.ts[-1]) + 2 * bars.interval_ms
        table = self.read(key, first, last)
        settled = settle(bars.ts, bars.interval_ms, table.ts, table.columns["funding"])
        return settled if own is None else np.where(np.isnan(settled), own, settled)

    def _nearest(self, venue: str, symbol: str, kind: Kind, interval_ms: int) -> Key | None:
        """Return the coarsest stored series from which bars of `interval_ms` can be made."""
        for parts in sorted(_divisors(interval_ms)):
            key = Key(venue, symbol, kind, interval_ms // parts)
            if (self.root / key.file).exists():
                return key
        return None

    def _described(self, path: Path) -> Series:
        try:
            raw = (pq.read_schema(path).metadata or {}).get(META)
        except (pa.ArrowException, OSError) as error:
            raise _broken(path, error) from None
        meta: dict[str, Any] = orjson.loads(raw) if raw else {}
        if meta.get("schema") != SCHEMA:
            raise Invalid(f"{path}: a series says schema {SCHEMA}, was {meta.get('schema')!r}")
        return Series(
            key=Key(meta["venue"], meta["symbol"], Kind(meta["kind"]), meta["interval_ms"]),
            rows=meta["rows"],
            start_ts=meta["start_ts"],
            end_ts=meta["end_ts"],
            digest=meta["digest"],
            sources=tuple(Source(**source) for source in meta["sources"]),
            bytes=path.stat().st_size,
        )

    def _write(self, key: Key, table: Table, sources: tuple[Source, ...]) -> None:
        meta = {
            "schema": SCHEMA,
            "venue": key.venue,
            "symbol": key.symbol,
            "kind": key.kind,
            "interval_ms": key.interval_ms,
            "rows": len(table),
            "start_ts": int(table.ts[0]),
            "end_ts": int(table.ts[-1]),
            "digest": digest(table),
            "sources": sources,
        }
        arrow = pa.table({"ts": table.ts, **table.columns})
        arrow = arrow.replace_schema_metadata({META: orjson.dumps(meta)})
        with replacing(self.root / key.file) as draft:
            pq.write_table(arrow, draft, compression="zstd", write_statistics=True)

    @contextmanager
    def _locked(self, key: Key) -> Iterator[None]:
        """Hold the folder of a symbol, so that two imports never merge into the same old file."""
        folder = (self.root / key.file).parent
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _divisors(interval_ms: int) -> Iterator[int]:
    """Yield into how many stored parts an interval may be cut, itself included."""
    seconds = interval_ms // 1000
    return (parts for parts in range(1, seconds + 1) if seconds % parts == 0)


def _broken(path: Path, error: Exception) -> Invalid:
    reason = str(error).split("\n")[0].rstrip(".")
    return Invalid(f"{path}: a series is a whole parquet file, this one is not ({reason})")
