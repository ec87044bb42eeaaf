"""Instruments from a file: every symbol that may be traded has its filters written down.

Nothing is guessed on the way to an order: a symbol without filters is refused. Venues change their ticks, so
old prices may lie between today's; `fit_to_data` then refines the tick. `infer_instrument` is for symbols no
file knows, and its result is an inference that a backtest must say it used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from qt_ray.adapters.plain_yaml import read_yaml
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.core.instruments import BRACKETS_MAX, Bracket, Instrument, instrument_rows
from qt_ray.market.bars import Bars, Floats

DEFAULT_FILE = Path(__file__).parents[2] / "configs" / "instruments.yaml"
DECIMALS_MAX = 8
INFERRED_MAKER, INFERRED_TAKER = Decimal("0.0002"), Decimal("0.0005")
INFERRED_BRACKETS = (
    Bracket(Decimal(0), 20, Decimal("0.025"), Decimal(0)),
    Bracket(Decimal(100_000), 10, Decimal("0.05"), Decimal(2_500)),
    Bracket(Decimal(500_000), 2, Decimal("0.25"), Decimal(102_500)),
)

Positive = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Rate = Annotated[Decimal, Field(ge=-1, lt=1, allow_inf_nan=False)]
Fraction = Annotated[Decimal, Field(ge=0, lt=1, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _exact(cls, value: object) -> object:
        if isinstance(value, float):
            raise ValueError("an amount is quoted, so that it stays exact")
        return value


BracketLine = tuple[
    Annotated[Decimal, Field(ge=0)],
    Annotated[int, Field(ge=1, le=200)],
    Fraction,
    Annotated[Decimal, Field(ge=0)],
]


class SymbolEntry(_Strict):
    """The filters of one symbol as the file has them."""

    tick: Positive
    step: Positive
    quantity_min: Positive
    quantity_max: Positive
    market_quantity_max: Positive
    notional_min: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
    price_min: Positive
    price_max: Positive
    maker_rate: Rate | None = None
    taker_rate: Rate | None = None
    liquidation_rate: Fraction
    cluster: Annotated[int, Field(ge=0, le=63)] = 0
    brackets: Annotated[list[BracketLine], Field(min_length=1, max_length=BRACKETS_MAX)]

    @field_validator("brackets")
    @classmethod
    def _rising(cls, lines: list[BracketLine]) -> list[BracketLine]:
        floors = [line[0] for line in lines]
        if floors[0] != 0 or any(a >= b for a, b in pairwise(floors)):
            raise ValueError("brackets rise from 0")
        if any(a[1] < b[1] or a[2] > b[2] for a, b in pairwise(lines)):
            raise ValueError("a higher bracket allows no more leverage and needs no less margin")
        return lines


class InstrumentsFile(_Strict):
    """The whole file: fees that hold unless a symbol says otherwise, and the symbols."""

    format: Annotated[Literal["qt.instruments/1"], Field(alias="schema")]
    venue: Annotated[str, Field(min_length=1, max_length=40)]
    maker_rate: Rate
    taker_rate: Rate
    symbols: Annotated[dict[str, SymbolEntry], Field(min_length=1)]


def load_instruments(path: Path | None = None) -> dict[str, Instrument]:
    """Return the instruments of a file by symbol; without a path, those that come with the program."""
    where = path or DEFAULT_FILE
    content = read_yaml(where, where.name)
    try:
        file = InstrumentsFile.model_validate(content)
    except ValidationError as error:
        raise InvalidConfig(f"{where.name}: {_first(error)}") from None
    return {symbol: _instrument(symbol, entry, file, where.name) for symbol, entry in file.symbols.items()}


def venue_of(path: Path | None = None) -> str:
    """Return the venue whose filters a file holds."""
    where = path or DEFAULT_FILE
    return str(read_yaml(where, where.name).get("venue", ""))


def market_parts(path: Path | None = None) -> dict[str, Decimal]:
    """Return the most that one market order of each symbol may have; nothing where the file is no good.

    For an emergency: whoever does not know it asks the venue on the way.
    """
    try:
        return {symbol: instrument.market_quantity_max for symbol, instrument in load_instruments(path).items()}
    except (Invalid, OSError):
        return {}


def pick(instruments: Mapping[str, Instrument], symbols: Iterable[str], hint: str) -> tuple[Instrument, ...]:
    """Return the instruments of `symbols` in that order; each must have filters, which `hint` says where to get."""
    chosen = []
    for symbol in symbols:
        if symbol not in instruments:
            raise Invalid(f"{symbol}: a symbol has filters, this one has none; {hint}")
        chosen.append(instruments[symbol])
    return tuple(chosen)


def fit_to_data(instrument: Instrument, prices: Floats) -> Instrument:
    """Return the instrument with a tick on which all `prices` lie: its own, or the finest decimal found."""
    values = np.unique(prices[np.isfinite(prices)])
    if lie_on(values, instrument.tick):
        return instrument
    tick = min(instrument.tick, finest(values, instrument.symbol, "prices"))
    if not lie_on(values, tick):
        tick = finest(values, instrument.symbol, "prices")
    return replace(instrument, tick=tick, price_min=min(instrument.price_min, _lowest(values, tick)))


def infer_instrument(symbol: str, bars: Bars) -> Instrument:
    """Return an inference from bars alone: tick and step from their decimals, cautious brackets.

    Fees are the usual first tier's, leverage is at most 20. It lets unknown symbols be studied, not traded.
    """
    at = bars.symbols.index(symbol)
    prices = np.stack([column[:, at] for column in (bars.open, bars.high, bars.low, bars.close)])
    volumes = bars.volume[:, at]
    prices, volumes = np.unique(prices[np.isfinite(prices)]), np.unique(volumes[np.isfinite(volumes)])
    if len(prices) == 0:
        raise Invalid(f"{symbol}: filters are inferred from at least one bar, there is none")
    tick, step = finest(prices, symbol, "prices"), finest(volumes, symbol, "volumes")
    quantity_max = max(step, Decimal(int(volumes.max())) if len(volumes) else step)
    return Instrument(
        symbol=symbol,
        tick=tick,
        step=max(step, Decimal("1e-8") / tick),
        quantity_min=step,
        quantity_max=quantity_max,
        market_quantity_max=quantity_max,
        notional_min=Decimal(5),
        price_min=_lowest(prices, tick),
        price_max=Decimal(int(prices.max() * 100) + 1),
        maker_rate=INFERRED_MAKER,
        taker_rate=INFERRED_TAKER,
        liquidation_rate=Decimal("0.015"),
        brackets=INFERRED_BRACKETS,
    )


def lie_on(values: Floats, tick: Decimal) -> bool:
    """Tell whether all values are whole multiples of `tick`, as far as a float can tell."""
    scaled = values / float(tick)
    return bool((np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-6, np.abs(scaled) * 1e-13)).all())


def finest(values: Floats, symbol: str, what: str) -> Decimal:
    """Return the largest power of ten on which all values lie, at most 1."""
    for decimals in range(DECIMALS_MAX + 1):
        if lie_on(values, tick := Decimal(1).scaleb(-decimals)):
            return tick
    raise Invalid(f"{symbol}: {what} have at most {DECIMALS_MAX} decimals, these have more; were they averaged?")


def _lowest(prices: Floats, tick: Decimal) -> Decimal:
    """Return a lower limit a hundred times below the lowest price."""
    ticks = int(float(prices.min()) / 100 / float(tick))
    return tick * max(1, ticks)


def _instrument(symbol: str, entry: SymbolEntry, file: InstrumentsFile, name: str) -> Instrument:
    values = entry.model_dump(exclude={"brackets", "maker_rate", "taker_rate"})
    try:
        instrument = Instrument(
            symbol=symbol,
            **values,
            maker_rate=file.maker_rate if entry.maker_rate is None else entry.maker_rate,
            taker_rate=file.taker_rate if entry.taker_rate is None else entry.taker_rate,
            brackets=tuple(Bracket(*line) for line in entry.brackets),
        )
        instrument_rows((instrument,))
    except Invalid as error:
        text = str(error)
        raise InvalidConfig(f"{name}: {'' if text.startswith(symbol) else symbol + ': '}{text}") from None
    return instrument


def _first(error: ValidationError) -> str:
    """Return the first complaint as symbol, field, rule and value."""
    found = error.errors(include_url=False)[0]
    place = ": ".join(str(part) for part in found["loc"] if part != "symbols")
    if found["type"] == "extra_forbidden":
        return f"{place}: a known field, this one is not"
    if found["type"] == "missing":
        return f"{place}: present, was missing"
    message = found["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{place}: {message}, was {found['input']!r:.60}"
