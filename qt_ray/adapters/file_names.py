"""File names: what a market data file says about itself before it is opened.

Three customs are understood: ours (`venue_symbol_kind_interval_from_to`), freqtrade's
(`BASE_QUOTE_SETTLE-5m-futures`) and the venues' archives (`BTCUSDT-1m-2024-01`). What a name does not say a
flag must; nothing is assumed.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from qt_ray.core.errors import Invalid, InvalidConfig

UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
INTERVAL_MAX_MS = 86_400_000
ENDINGS = (".parquet", ".feather", ".csv", ".gz", ".arrow", ".pq")


class Unstored(Invalid):
    """The file is of a kind that is known, but has no place in the catalogue."""


class Kind(StrEnum):
    """What a file holds."""

    OHLCV = "ohlcv"
    MARK = "mark"
    INDEX = "index"
    FUNDING = "funding"
    TRADES = "trades"


ALIASES = {"ohlcvqt": Kind.OHLCV, "klines": Kind.OHLCV, "futures": Kind.OHLCV, "funding_rate": Kind.FUNDING}
KNOWN_BUT_UNSUPPORTED = ("bookticker", "depthdiff", "depthsnap", "depth", "aggtrades", "liquidations")
TIMELESS = (Kind.FUNDING, Kind.TRADES)

_INTERVAL = r"(?P<interval>\d+[smhdw]|tick)"
_OURS = re.compile(rf"(?P<venue>[a-z0-9]+)_(?P<symbol>[^_]+)_(?P<kind>[a-z]+)_{_INTERVAL}(_\d{{8}}_\d{{8}})?", re.I)
_FREQTRADE = re.compile(
    rf"(?P<base>[A-Z0-9]+)_(?P<quote>[A-Z0-9]+)(_[A-Z0-9]+)?-{_INTERVAL}(-(?P<kind>futures|mark|index|funding_rate))?"
)
_LOOSE = re.compile(rf"((?P<venue>[a-z]+)_)?(.*_)?(?P<symbol>[A-Z0-9]{{5,}})_{_INTERVAL}(_.*)?")
_ARCHIVE = re.compile(rf"(?P<symbol>[A-Z0-9]+(_[A-Z]+)?)[-_]{_INTERVAL}([-_].*)?")


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of a file, from its name or from flags; None is unknown."""

    venue: str | None = None
    symbol: str | None = None
    kind: Kind | None = None
    interval_ms: int | None = None

    def over(self, other: "Hints") -> "Hints":
        """Return these hints, with what is unknown here taken from `other`."""
        return Hints(
            self.venue or other.venue,
            self.symbol or other.symbol,
            self.kind or other.kind,
            self.interval_ms or other.interval_ms,
        )


def interval_ms(text: str) -> int:
    """Return an interval such as 1m, 4h or 1d in milliseconds."""
    match = re.fullmatch(r"(\d+)([smhd])", text.strip().lower())
    value = int(match[1]) * UNIT_MS[match[2]] if match else 0
    if not 0 < value <= INTERVAL_MAX_MS or INTERVAL_MAX_MS % value != 0:
        raise InvalidConfig(f"an interval divides a day, such as 1m, 15m, 4h or 1d, was {text!r}")
    return value


def interval_name(value_ms: int) -> str:
    """Return milliseconds as the shortest interval name."""
    for unit in ("d", "h", "m", "s"):
        if value_ms % UNIT_MS[unit] == 0:
            return f"{value_ms // UNIT_MS[unit]}{unit}"
    raise Invalid(f"an interval is a whole number of seconds, was {value_ms} ms")


def kind_of(text: str, where: str) -> Kind:
    """Return the kind that `text` names."""
    name = text.lower()
    if name in ALIASES:
        return ALIASES[name]
    if name in tuple(Kind):
        return Kind(name)
    stored = f"the catalogue stores {', '.join(Kind)}"
    if name in KNOWN_BUT_UNSUPPORTED:
        raise Unstored(f"{where}: kind {text!r} is known but not stored; {stored}")
    raise Invalid(f"{where}: kind {text!r} is unknown; {stored}")


def hints(path: Path) -> Hints:
    """Return what the name of `path` says."""
    stem = path.name
    while stem.lower().endswith(ENDINGS):
        stem = stem[: stem.rindex(".")]
    if (match := _OURS.fullmatch(stem)) and (match["venue"].islower() or _is_kind(match["kind"])):
        kind = kind_of(match["kind"], path.name)
        return Hints(match["venue"].lower(), match["symbol"], kind, _interval(match["interval"], kind))
    if match := _FREQTRADE.fullmatch(stem):
        kind = kind_of(match["kind"] or "ohlcv", path.name)
        return Hints(None, match["base"] + match["quote"], kind, _interval(match["interval"], kind))
    if match := _ARCHIVE.fullmatch(stem):
        return Hints(None, match["symbol"].replace("_", ""), None, _interval(match["interval"], None))
    if match := _LOOSE.fullmatch(stem):
        return Hints(match["venue"], match["symbol"], None, _interval(match["interval"], None))
    return Hints()


def _is_kind(text: str) -> bool:
    return text.lower() in (*Kind, *ALIASES, *KNOWN_BUT_UNSUPPORTED)


def _interval(text: str, kind: Kind | None) -> int | None:
    """Return the interval of bars; funding and trades come when they come."""
    if kind in TIMELESS or text == "tick":
        return None
    return interval_ms(text)
