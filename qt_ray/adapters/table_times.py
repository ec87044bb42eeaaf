"""Times of a table: any honest clock in, milliseconds UTC out.

A moment with a zone is converted, one without is taken as UTC. A number is read by its size: seconds, milli-,
micro- and nanoseconds of this age do not overlap. One file, one unit: a file that changes its unit on the way
is refused, unless the caller asks with `auto-rows` to have every row judged by itself.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Ints


class TimeUnit(StrEnum):
    """How numbers of time are to be read."""

    AUTO = "auto"
    AUTO_ROWS = "auto-rows"
    S = "s"
    MS = "ms"
    US = "us"
    NS = "ns"


FIRST_S, LAST_S = 315_532_800, 4_102_444_800
PER_SECOND = {TimeUnit.S: 1, TimeUnit.MS: 10**3, TimeUnit.US: 10**6, TimeUnit.NS: 10**9}
UNITS = tuple(PER_SECOND)
FORMATS = (
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %I-%p",
    "%Y.%m.%d %H:%M:%S",
    "%Y.%m.%d %H:%M",
    "%Y%m%d %H%M%S",
    "%Y%m%d",
)


def milliseconds(column: Any, unit: TimeUnit, where: str) -> Ints:
    """Return a time column in milliseconds UTC; `where` names file and column for errors."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if column.null_count:
        row = int(np.argmax(np.asarray(pc.is_null(column)))) + 1
        raise Invalid(f"{where}: every row has a time, row {row} has none")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _from_moments(column)
    if pa.types.is_integer(column.type):
        return _from_numbers(np.asarray(column).astype(np.int64), unit, where)
    if pa.types.is_floating(column.type):
        return _from_floats(np.asarray(column), unit, where)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _from_text(column, unit, where)
    raise Invalid(f"{where}: a time is a timestamp, a number or text, was {column.type}")


def _from_moments(column: Any) -> Ints:
    stamps = column.cast(pa.timestamp("ns", getattr(column.type, "tz", None)), safe=False)
    return np.asarray(stamps.cast(pa.int64())) // 1_000_000


def _from_floats(values: NDArray[np.float64], unit: TimeUnit, where: str) -> Ints:
    """Return float times, which keep milliseconds even where they are written as seconds."""
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values))) + 1
        raise Invalid(f"{where}: every row has a time, row {row} has {values[row - 1]}")
    factors = _factors(values, unit, where)
    return np.rint(values * (1000.0 / factors)).astype(np.int64)


def _from_numbers(values: Ints, unit: TimeUnit, where: str) -> Ints:
    factors = _factors(values, unit, where)
    return np.where(factors == 1, values * 1000, values // np.maximum(factors // 1000, 1))


def _factors(values: NDArray[Any], unit: TimeUnit, where: str) -> Ints:
    """Return for each value how many of its unit make a second."""
    factors = np.zeros(len(values), np.int64)
    for factor in PER_SECOND.values():
        factors[(values >= FIRST_S * factor) & (values < LAST_S * factor)] = factor
    wanted = factors[0] if unit is TimeUnit.AUTO and len(factors) else PER_SECOND.get(unit)
    if (factors == 0).any():
        row = int(np.argmax(factors == 0))
        raise Invalid(f"{where}: a time lies between 1980 and 2100, row {row + 1} is {values[row]}")
    if wanted is not None and (factors != wanted).any():
        row = int(np.argmax(factors != wanted))
        name, other = (next(u for u in UNITS if PER_SECOND[u] == f) for f in (wanted, factors[row]))
        count = int((factors != wanted).sum())
        raise Invalid(
            f"{where}: one file has one time unit, row 1 is in {name} but row {row + 1} ({values[row]}) is in"
            f" {other}, {count} of {len(values)} rows; --time-unit auto-rows judges every row by itself"
            if unit is TimeUnit.AUTO
            else f"{where}: times are in {name} as asked, row {row + 1} ({values[row]}) is in {other}"
        )
    return factors


def _from_text(column: Any, unit: TimeUnit, where: str) -> Ints:
    """Return times written as digits, as ISO 8601 with or without zone, or in one of a few known forms."""
    text = pc.utf8_trim_whitespace(column)
    for read in (_digits(unit, where), _iso, *map(_form, FORMATS)):
        times = read(text)
        if times is not None:
            return times
    for row, value in enumerate(text.to_pylist()):
        alone = pa.array([value])
        if all(read(alone) is None for read in (_iso, *map(_form, FORMATS))):
            raise Invalid(f"{where}: a time is ISO 8601 or a number since 1970, row {row + 1} is {value!r}")
    raise Invalid(f"{where}: all times of a file are written alike, row 1 is {text[0].as_py()!r}")


def _digits(unit: TimeUnit, where: str) -> Callable[[Any], Ints | None]:
    def read(text: Any) -> Ints | None:
        if pc.all(pc.match_substring_regex(text, r"^\d{9,19}$")).as_py():
            return _from_numbers(np.asarray(text.cast(pa.int64())), unit, where)
        if pc.all(pc.match_substring_regex(text, r"^\d{9,19}(\.\d*)?(e\+?\d+)?$")).as_py():
            return _from_floats(np.asarray(text.cast(pa.float64())), unit, where)
        return None

    return read


def _iso(text: Any) -> Ints | None:
    for zone in (None, "UTC"):
        try:
            return _from_moments(text.cast(pa.timestamp("us", zone)))
        except pa.ArrowInvalid:
            continue
    return None


def _form(form: str) -> Callable[[Any], Ints | None]:
    def read(text: Any) -> Ints | None:
        try:
            return _from_moments(pc.strptime(text, form, "s"))
        except pa.ArrowInvalid:
            return None

    return read
