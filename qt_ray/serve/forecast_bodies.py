"""Forecast bodies: what may stand in a request for forecasts or sizes; what is not known here is refused by its name.

Columns become arrays here and nowhere else, so whatever comes behind has numbers of one length, finite and in order.
"""

from typing import Annotated, Any, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qt_ray.ai.forecast import Floats
from qt_ray.core.errors import Invalid
from qt_ray.market.bars import Bars
from qt_ray.market.intervals import INTERVALS_MS
from qt_ray.market.regime import Regime

NAMES: Final = r"^[A-Z0-9_-]{1,40}$"
TS_MAX: Final = 253_402_300_799_999
COLUMNS: Final = ("open", "high", "low", "close", "volume")

Symbol = Annotated[str, Field(pattern=NAMES, examples=["BTCUSDT"])]
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Moment = Annotated[int, Field(ge=0, le=TS_MAX)]
Money = Annotated[str, Field(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$", examples=["10000.5"])]


class Body(BaseModel):
    """A closed table, so that a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Candles(Body):
    """One symbol's closed bars as columns, the oldest first; `ts` are their open times."""

    ts: Annotated[list[Moment], Field(min_length=1)]
    open: list[Positive]
    high: list[Positive]
    low: list[Positive]
    close: list[Positive]
    volume: list[NotNegative]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in COLUMNS:
            if len(getattr(self, name)) != len(self.ts):
                raise ValueError(f"{name} has {len(self.ts)} numbers, as ts has, had {len(getattr(self, name))}")
        if (np.diff(np.array(self.ts, dtype=np.int64)) <= 0).any():
            raise ValueError("ts ascends, did not")
        return self


class FeatureRows(Body):
    """Rows of features at one moment, made elsewhere; `schema` is the hash of the list they were made by."""

    schema_hash: Annotated[str, Field(alias="schema", min_length=64, max_length=64)]
    ts: Moment
    rows: Annotated[dict[Symbol, list[Number]], Field(min_length=1)]


class Question(Body):
    """What is to be forecast: bars by symbol, or rows of features."""

    interval: Annotated[str | None, Field(examples=["1h"])] = None
    bars: Annotated[dict[Symbol, Candles], Field(min_length=1)] | None = None
    features: FeatureRows | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.bars is None) is (self.features is None):
            raise ValueError("a question has bars or features, and not both")
        if (self.bars is None) is not (self.interval is None):
            raise ValueError("an interval comes with bars")
        if self.interval is not None and self.interval not in INTERVALS_MS:
            raise ValueError(f"interval is one of {', '.join(INTERVALS_MS)}, was {self.interval:.20}")
        return self

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return whom the question is about, in its order."""
        return tuple(self.bars or (self.features.rows if self.features else ()))

    def groups(self) -> list[Bars]:
        """Return the bars, symbols beside one another where their open times are the same."""
        found: dict[tuple[int, ...], list[str]] = {}
        for symbol, candles in (self.bars or {}).items():
            found.setdefault(tuple(candles.ts), []).append(symbol)
        return [self._group(ts, tuple(symbols)) for ts, symbols in found.items()]

    def _group(self, ts: tuple[int, ...], symbols: tuple[str, ...]) -> Bars:
        candles, interval_ms = self.bars or {}, INTERVALS_MS[str(self.interval)]
        moments = np.array(ts, dtype=np.int64)
        if (moments % interval_ms).any():
            raise Invalid(f"bars.{symbols[0]}.ts: bars open on multiples of {interval_ms} ms, one did not")
        columns: dict[str, Any] = {
            name: np.array([getattr(candles[symbol], name) for symbol in symbols]).T.copy() for name in COLUMNS
        }
        return Bars(symbols, interval_ms, moments, **columns)

    def rows(self, schema: str, width: int) -> tuple[Floats, int]:
        """Return the rows of features and their moment, if they were made by this schema."""
        told = self.features
        if told is None:
            raise Invalid("a question has features, had bars")
        if told.schema_hash != schema:
            raise Invalid(f"features.schema: {schema[:12]}, as /v1/models says, was {told.schema_hash:.12}")
        for symbol, row in told.rows.items():
            if len(row) != width:
                raise Invalid(f"features.rows.{symbol}: {width} numbers, as /v1/models names them, were {len(row)}")
        return np.array(list(told.rows.values())), told.ts


class SizeQuestion(Body):
    """One opinion that is to become a size, and what the account is at that moment."""

    symbol: Symbol
    score: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
    equity: Money
    mark: Money
    position: Money = "0"
    atr_bps: Annotated[int, Field(ge=0, le=100_000)] = 0
    regime: Annotated[str, Field(examples=["NORMAL"])] = Regime.UNKNOWN.name

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.regime not in Regime.__members__:
            raise ValueError(f"regime is one of {', '.join(Regime.__members__)}, was {self.regime:.20}")
        return self


class SizeQuestions(Body):
    """Opinions that are to become sizes."""

    opinions: Annotated[list[SizeQuestion], Field(min_length=1)]
