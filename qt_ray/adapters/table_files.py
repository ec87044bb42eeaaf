"""Table files: whatever columns a CSV, parquet or feather file calls its own, as one raw table.

Reading judges form only: is it a whole file, which column is which, is every cell a number. Whether the
numbers are possible is the quality gate's to say. Every refusal is one line: file, column, row and rule.
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.feather as feather
import pyarrow.parquet as pq

from qt_ray.adapters.file_names import Kind
from qt_ray.adapters.table_times import TimeUnit, milliseconds
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.market.bars import Floats, Ints

SNIFF_BYTES = 65_536
BANNER_LINES_MAX = 50
NULLS = ["", "NULL", "null", "NaN", "nan", "None", "none", "N/A", "n/a", "NA", "-"]
QUOTES = ("usdt", "usdc", "usd", "busd", "fdusd", "eur", "quote")
TIMES = (
    "ts", "timestamp", "time", "unix", "unix_timestamp", "open_time", "opentime", "funding_time",
    "fundingtime", "calc_time", "transact_time", "trade_time", "t", "datetime", "date", "date_utc", "utc",
    "gmt_time", "index",
)  # fmt: skip
NAMES: dict[str, tuple[str, ...]] = {
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price", "max"),
    "low": ("low", "l", "low_price", "min"),
    "close": ("close", "c", "close_price", "last"),
    "volume": ("volume", "vol", "v", "base_volume", "volume_base", "qty", "amount"),
    "funding": ("funding_rate", "fundingrate", "last_funding_rate", "funding", "rate"),
    "mark": ("mark_price", "markprice", "mark", "mark_close"),
    "price": ("price", "p"),
    "quantity": ("qty", "quantity", "q", "size", "amount", "base_qty"),
    "id": ("trade_id", "id", "agg_trade_id", "tid", "a"),
}
BARS = ("open", "high", "low", "close")
NEEDED: dict[Kind, tuple[str, ...]] = {
    Kind.OHLCV: (*BARS, "volume"),
    Kind.MARK: BARS,
    Kind.INDEX: BARS,
    Kind.FUNDING: ("funding",),
    Kind.TRADES: ("price", "quantity"),
}
WELCOME: dict[Kind, tuple[str, ...]] = {Kind.OHLCV: ("funding", "mark"), Kind.TRADES: ("id",)}
KLINES = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """Times and numbers of a file in its own order, and the columns nobody asked for."""

    name: str
    ts: Ints
    columns: Mapping[str, Floats]
    ignored: tuple[str, ...]


def read_table(path: Path, kind: Kind, unit: TimeUnit = TimeUnit.AUTO) -> RawTable:
    """Return the table in `path`, which holds `kind`."""
    table = _opened(path)
    if table.num_rows == 0:
        raise Invalid(f"{path.name}: a file has at least one row, was empty")
    names = _folded(table.column_names, path.name)
    time = _time_column(table, names, path.name)
    chosen = {field: _column(names, field, path.name) for field in NEEDED[kind]}
    missing = [field for field, name in chosen.items() if name is None]
    if missing:
        hint = "; bars without volume are --kind index" if missing == ["volume"] else ""
        raise Invalid(
            f"{path.name}: column {missing[0]} is missing, {kind} needs time, {', '.join(NEEDED[kind])};"
            f" the file has {', '.join(table.column_names)}{hint}"
        )
    chosen |= {field: name for field in WELCOME.get(kind, ()) if (name := _column(names, field, path.name))}
    ts = milliseconds(table[time], unit, f"{path.name}: column {time}")
    columns = {field: _numbers(table[name], f"{path.name}: column {name}") for field, name in chosen.items() if name}
    used = {time, *chosen.values()}
    return RawTable(path.name, ts, columns, tuple(name for name in table.column_names if name not in used))


def _opened(path: Path) -> Any:
    """Return the Arrow table of a file, whose first bytes say what it is."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise InvalidConfig(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InvalidConfig(f"{path}: a file is expected, this is a folder") from None
    except PermissionError:
        raise InvalidConfig(f"{path}: the file may not be read") from None
    if not head:
        raise Invalid(f"{path.name}: a file has at least one row, was 0 bytes long")
    form = _form(path, head)
    try:
        if form == "parquet":
            return pq.ParquetFile(path).read()
        if form == "feather":
            return feather.read_table(path)
        return _csv(path)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise Invalid(f"{path.name}: a {form} file is whole and well formed, this one is not ({reason})") from None


def _form(path: Path, head: bytes) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"FEA1")):
        return "feather"
    ending = path.suffix.lower()
    if ending in (".parquet", ".pq"):
        return "parquet"
    if ending in (".feather", ".arrow"):
        return "feather"
    if ending in (".csv", ".txt", ".tsv", ".gz"):
        return "csv"
    raise Invalid(f"{path.name}: a market data file is csv, csv.gz, parquet or feather, was {ending or 'no ending'}")


def _csv(path: Path) -> Any:
    """Return a CSV as text columns, without the banner above its header; an archive may have no header."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rb") as file:
        text = file.read(SNIFF_BYTES).decode(
            "utf-8-sig", errors="strict" if path.stat().st_size < SNIFF_BYTES else "ignore"
        )
    lines = text.splitlines()
    delimiter = max(",;\t|", key=lambda mark: sum(line.count(mark) for line in lines[:BANNER_LINES_MAX]))
    skip, names = _header(lines, delimiter, path.name)
    width = len(names) if names else len(lines[skip].split(delimiter))
    columns = names or _split(lines[skip], delimiter)
    return pcsv.read_csv(
        path,
        read_options=pcsv.ReadOptions(skip_rows=skip if names else skip + 1, column_names=columns[:width]),
        parse_options=pcsv.ParseOptions(delimiter=delimiter),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), null_values=NULLS, strings_can_be_null=True
        ),
    )


def _header(lines: list[str], delimiter: str, name: str) -> tuple[int, list[str]]:
    """Return the line of the header and, for a file without one, the names of its columns."""
    for at, line in enumerate(lines[:BANNER_LINES_MAX]):
        cells = _split(line, delimiter)
        folded = {_fold(cell) for cell in cells}
        if folded & set(TIMES) and len(folded) > 1:
            return at, []
        if len(cells) == len(KLINES) and all(_is_number(cell) for cell in cells):
            return at, list(KLINES)
        if len(cells) == 6 and all(_is_number(cell) for cell in cells):
            return at, list(KLINES[:6])
    raise Invalid(f"{name}: a CSV has a header with a time column within {BANNER_LINES_MAX} lines, none was found")


def _split(line: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(delimiter)]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d*)?([eE][-+]?\d+)?", text) is not None


def _fold(name: str) -> str:
    """Return a column name in small letters and underscores."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def _folded(names: list[str], file: str) -> dict[str, str]:
    folded: dict[str, str] = {}
    for name in names:
        key = "index" if name.startswith("__index_level_") else _fold(name)
        if key in folded and key != "index":
            raise Invalid(f"{file}: column names differ by more than case, were {folded[key]!r} and {name!r}")
        folded.setdefault(key, name)
    return folded


def _time_column(table: Any, names: dict[str, str], file: str) -> str:
    """Return the name of the time column; a left-over index counts only if it holds moments."""
    for candidate in TIMES:
        name = names.get(candidate)
        if name is not None and (candidate != "index" or pa.types.is_timestamp(table.schema.field(name).type)):
            return name
    has = ", ".join(names.values())
    raise Invalid(f"{file}: a time column such as ts, date or open_time is missing; the file has {has}")


def _column(names: dict[str, str], field: str, file: str) -> str | None:
    """Return the column that holds `field`: by a known name, or a volume named after its base asset."""
    for candidate in NAMES[field]:
        if candidate in names:
            return names[candidate]
    if field != "volume":
        return None
    named = [key for key in names if key.startswith("volume_") and not key.endswith(QUOTES)]
    if len(named) > 1:
        raise Invalid(f"{file}: one column holds the base volume, were {', '.join(names[key] for key in named)}")
    return names[named[0]] if named else None


def _numbers(column: Any, where: str) -> Floats:
    """Return a column as floats, NaN where it is empty."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        if not (
            pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
        ):
            raise Invalid(f"{where}: a cell is a number, was {column.type}")
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    text = pc.utf8_trim_whitespace(column)
    try:
        return np.asarray(text.cast(pa.float64()).to_numpy(), np.float64)
    except pa.ArrowInvalid:
        row, cell = next((i, cell) for i, cell in enumerate(text.to_pylist()) if cell is not None and not _reads(cell))
        raise Invalid(f"{where}: a cell is a number, row {row + 1} is {cell!r}") from None


def _reads(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
