"""FeatureEngine: the memory of every symbol, and the two ways to feed it.

`push` takes one bar of all symbols, `block` takes many; both call one kernel and advance one state, so where
a stream is cut cannot matter. A missing bar leaves a symbol's state as it was and gives a row of NaN.
"""

from functools import cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.core.records import empty
from qt_ray.market.bars import Bars
from qt_ray.market.features.catalogue import CATALOGUE
from qt_ray.market.features.push import COARSE_COUNT, WEEK_MINUTES, Columns, Wanted, clock_table, push_columns
from qt_ray.market.features.schema import FeatureSchema
from qt_ray.market.features.state import CoarseState, FeatureState, Floats

DIGEST_BYTES = 32
# Rows handed to the kernel at once: bounds the copies of columns that are not plain.
BLOCK_ROWS = 16_384


@cache
def _clock() -> Floats:
    """Return the table of the week, which is the same for every engine and which none of them writes to."""
    table = np.empty((WEEK_MINUTES, 4))
    clock_table(table)
    return table


class FeatureEngine:
    """Features of `symbols` on bars of one interval, as `schema` lists them."""

    def __init__(self, schema: FeatureSchema, symbols: tuple[str, ...], interval_ms: int) -> None:
        if interval_ms <= 0:
            raise Invalid(f"features: interval_ms is positive, was {interval_ms}")
        if len(set(symbols)) != len(symbols):
            raise Invalid("features: an engine knows a symbol once, had one twice")
        self.schema = schema
        self.symbols = symbols
        self.interval_ms = interval_ms
        self.last_ts: int | None = None
        self._states = empty(FeatureState, len(symbols))
        self._coarse = empty(CoarseState, len(symbols) * COARSE_COUNT)
        self._coarse["held"] = np.nan
        self._wanted = _wanted(schema)
        self._row = np.full(len(CATALOGUE), np.nan)
        self._clock = _clock()
        self._absent = np.full((1, len(symbols)), np.nan)

    @property
    def seen(self) -> NDArray[np.int64]:
        """Return the usable bars of each symbol so far."""
        return np.array(self._states["seen"], dtype=np.int64)

    @property
    def missing(self) -> NDArray[np.int64]:
        """Return the bars of each symbol that could not be used."""
        return np.array(self._states["missing"], dtype=np.int64)

    def push(
        self,
        ts: int,
        open: Floats,
        high: Floats,
        low: Floats,
        close: Floats,
        volume: Floats,
        funding: Floats | None = None,
        mark: Floats | None = None,
    ) -> Floats:
        """Take the bar that opened at `ts` of every symbol; return rows `[symbol, feature]`."""
        columns = Columns(
            self._line("open", open),
            self._line("high", high),
            self._line("low", low),
            self._line("close", close),
            self._line("volume", volume),
            self._absent if funding is None else self._line("funding", funding),
            self._absent if mark is None else self._line("mark", mark),
        )
        if ts < 0 or ts % self.interval_ms:
            raise Invalid(f"features: bars open on multiples of {self.interval_ms} ms, one opened at {ts}")
        out = np.empty((1, len(self.symbols), len(self.schema)))
        self._feed(np.array([ts], dtype=np.int64), columns, out)
        rows: Floats = out[0]
        return rows

    def block(self, bars: Bars, out: Floats | None = None) -> Floats:
        """Take every bar of `bars`; return, or fill, `[time, symbol, feature]`."""
        if bars.symbols != self.symbols or bars.interval_ms != self.interval_ms:
            raise Invalid(
                f"features: a block has the engine's {len(self.symbols)} symbols every {self.interval_ms} ms,"
                f" had {len(bars.symbols)} every {bars.interval_ms} ms"
            )
        astray = bars.ts[(bars.ts < 0) | (bars.ts % self.interval_ms != 0)]
        if len(astray):
            raise Invalid(f"features: bars open on multiples of {self.interval_ms} ms, one opened at {astray[0]}")
        shape = (len(bars), len(self.symbols), len(self.schema))
        if out is None:
            out = np.empty(shape)
        if out.shape != shape or out.dtype != np.float64 or not out.flags.c_contiguous:
            raise Invalid(f"features: out is a C-ordered float64 array {shape}, was {out.dtype} {out.shape}")
        for start in range(0, len(bars), BLOCK_ROWS):
            stop = start + BLOCK_ROWS
            self._feed_bars(bars.window(start, stop), out[start:stop])
        return out

    def state_bytes(self) -> bytes:
        """Return everything remembered, sealed with its digest and with what it is the memory of."""
        last = np.array([-1 if self.last_ts is None else self.last_ts], dtype="<i8").tobytes()
        body = self._identity() + last + self._states.tobytes() + self._coarse.tobytes()
        return sha256(body).digest() + body

    def restore(self, saved: bytes) -> None:
        """Continue from `saved`, which must be of this schema, these symbols and this interval."""
        digest, body = saved[:DIGEST_BYTES], saved[DIGEST_BYTES:]
        if sha256(body).digest() != digest:
            raise Invalid(f"features: a saved state is whole, {len(saved)} bytes were not")
        if body[:DIGEST_BYTES] != self._identity():
            raise Invalid("features: a saved state is of the same schema, symbols and interval, was of others")
        body = body[DIGEST_BYTES:]
        last = int(np.frombuffer(body, "<i8", 1)[0])
        split = 8 + self._states.nbytes
        self._states = np.frombuffer(body, self._states.dtype, len(self._states), 8).copy()
        self._coarse = np.frombuffer(body, self._coarse.dtype, len(self._coarse), split).copy()
        self.last_ts = None if last < 0 else last

    def _identity(self) -> bytes:
        layout = (self._states.dtype.descr, self._coarse.dtype.descr)
        return sha256(repr((self.schema.hash, self.symbols, self.interval_ms, layout)).encode()).digest()

    def _line(self, name: str, values: Floats) -> Floats:
        line = _plain(values)
        if line.shape != (len(self.symbols),):
            raise Invalid(f"features: {name} has one value per symbol ({len(self.symbols)}), was {line.shape}")
        return line.reshape(1, -1)

    def _feed_bars(self, bars: Bars, out: Floats) -> None:
        absent = np.full(bars.close.shape, np.nan)
        columns = Columns(
            _plain(bars.open),
            _plain(bars.high),
            _plain(bars.low),
            _plain(bars.close),
            _plain(bars.volume),
            absent if bars.funding is None else _plain(bars.funding),
            absent if bars.mark is None else _plain(bars.mark),
        )
        self._feed(np.array(bars.ts, dtype=np.int64), columns, out)

    def _feed(self, times: NDArray[np.int64], columns: Columns, out: Floats) -> None:
        if not len(times):
            return
        if self.last_ts is not None and times[0] <= self.last_ts:
            raise Invalid(f"features: a bar opens after the last one ({self.last_ts}), opened at {times[0]}")
        args = (self._wanted, self._clock, self._row, out)
        push_columns(self._states, self._coarse, self.interval_ms, times, columns, *args)
        self.last_ts = int(times[-1])


def _plain(values: Floats) -> Floats:
    """Return `values` as the one kind of array the kernel is compiled for: float64, C order, writable."""
    return np.require(values, np.float64, ("C", "W"))


def _wanted(schema: FeatureSchema) -> Wanted:
    columns = np.array([feature.at for feature in schema.features], dtype=np.int64)
    warmups = np.array([feature.warmup for feature in schema.features], dtype=np.int64)
    parts = sum({int(feature.part) for feature in schema.features})
    whole = schema.features == CATALOGUE
    return Wanted(parts, whole, columns, warmups, schema.warmup)
