"""Synthetic market: a made-up world whose secrets are written down, for tests, demos and benchmarks.

The same seed gives the same bars in blocks of any size, and a symbol's path depends on seed and name, not on
who else is listed. Apart from the plant no sign can be foretold: `best_accuracy` is a fact, not an estimate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.core.records import empty
from qt_ray.market.bars import Bars
from qt_ray.market.listing import dice, first_price, listed
from qt_ray.market.plant import Plant
from qt_ray.market.stress import Stress, laid
from qt_ray.market.tape import (
    COMMON_DRAWS,
    DAY_MS,
    FUNDING_MS,
    OWN_DRAWS,
    Regimes,
    Trader,
    Weather,
    play,
)

BLOCK = 2_048
START_MS = 1_704_067_200_000
TICKS_MIN, TICKS_MAX = 100, 2**40
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Climate:
    """How the market behaves apart from what is planted; times in hours, rates per day.

    `regimes` are calm, normal, stressed: volatility, extra correlation, mean stay in hours.
    """

    volatility_daily: float = 0.035
    dof: float = 4.5
    shock_share: float = 0.06
    memory_share: float = 0.92
    leverage_effect: float = 0.2
    regimes: tuple[tuple[float, float, float], ...] = ((0.6, 0.0, 48.0), (1.0, 0.0, 24.0), (2.2, 0.5, 6.0))
    louder_share: float = 0.3
    common_jumps_daily: float = 0.1
    own_jumps_daily: float = 0.1
    jump_size: float = 0.25
    activity_hours: float = 4.0
    premium_hours: float = 8.0
    premium_push: float = 0.02
    premium_noise_daily: float = 0.0004
    funding_cap: float = 0.02
    turnover_daily: float = 400_000_000.0

    def __post_init__(self) -> None:
        rules = {
            "volatility_daily is positive": self.volatility_daily > 0,
            "dof is above 2, so that variance exists": self.dof > 2,
            "shock_share + memory_share stay below 1": 0 <= self.shock_share < 1 - self.memory_share <= 1,
            "leverage_effect is from 0 to 1": 0 <= self.leverage_effect <= 1,
            "there are two regimes or more, each positive": len(self.regimes) > 1
            and all(loud > 0 and 0 <= near <= 1 and stay > 0 for loud, near, stay in self.regimes),
            "louder_share is from 0 to 1": 0 <= self.louder_share <= 1,
            "rates and sizes are not negative": min(self.common_jumps_daily, self.own_jumps_daily, self.jump_size) >= 0,
            "activity_hours and premium_hours are positive": min(self.activity_hours, self.premium_hours) > 0,
            "turnover_daily is positive": self.turnover_daily > 0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise Invalid(f"climate: {broken[0]}, was {self}")


@dataclass(frozen=True, slots=True)
class SyntheticMarket:
    """A seeded market of correlated perpetual futures; instruments are invented when none are given."""

    symbols: tuple[str, ...]
    interval_ms: int
    seed: int
    plant: Plant = field(default_factory=Plant)
    climate: Climate = field(default_factory=Climate)
    stresses: tuple[Stress, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    prices: tuple[float, ...] = ()
    start_ms: int = START_MS

    def __post_init__(self) -> None:
        names = tuple(self.symbols)
        if not names or len(set(names)) != len(names):
            raise Invalid(f"synthetic market: symbols are distinct and at least one, was {names}")
        if self.interval_ms <= 0 or FUNDING_MS % self.interval_ms != 0:
            raise Invalid(f"synthetic market: interval_ms divides eight hours, was {self.interval_ms}")
        if self.start_ms % self.interval_ms != 0:
            raise Invalid(f"synthetic market: start_ms lies on the interval's grid, was {self.start_ms}")
        if self.seed < 0:
            raise Invalid(f"synthetic market: seed is not negative, was {self.seed}")
        object.__setattr__(self, "symbols", names)
        self._complete()
        for stress in self.stresses:
            strangers = sorted(set(stress.symbols) - set(names))
            if strangers:
                raise Invalid(f"stress {stress.name}: symbols are of this market, was {strangers[0]}")

    def _complete(self) -> None:
        """Fill in instruments and first prices, or check that the given ones fit the symbols."""
        instruments = self.instruments or listed(self.symbols, self.seed)
        prices = self.prices or tuple(first_price(name, self.seed) for name in self.symbols)
        if tuple(i.symbol for i in instruments) != self.symbols:
            raise Invalid("synthetic market: instruments come in the order of symbols, and did not")
        if len(prices) != len(self.symbols) or not min(prices) > 0:
            raise Invalid(f"synthetic market: prices are positive, one per symbol, was {prices}")
        object.__setattr__(self, "instruments", tuple(instruments))
        object.__setattr__(self, "prices", tuple(prices))

    def best_accuracy(self) -> float:
        """Return the accuracy no causal forecast of the next bar's sign can beat, where the plant speaks."""
        return self.plant.best_accuracy()

    def oracle(self, bars: Bars) -> Floats:
        """Return the true probability that each next close is higher, from bars up to that row only."""
        return self.plant.oracle(bars)

    def bars(self, count: int) -> Bars:
        """Return the first `count` bars."""
        if count < 0:
            raise Invalid(f"synthetic market: count is not negative, was {count}")
        tape, columns = Tape(self), np.empty((7, count, len(self.symbols)))
        for start in range(0, count, BLOCK):
            stop = min(start + BLOCK, count)
            columns[:, start:stop] = tape.advance(stop - start)
        return self._bars(0, columns)

    def stream(self, block: int = 1) -> Iterator[Bars]:
        """Yield the same bars for ever, `block` rows at a time."""
        if block < 1:
            raise Invalid(f"synthetic market: a block has one row or more, was {block}")
        tape = Tape(self)
        while True:
            start = tape.at
            yield self._bars(start, tape.advance(block))

    def opens(self, start: int, count: int) -> NDArray[np.int64]:
        """Return the open times of `count` bars from bar `start` on."""
        return self.start_ms + (start + np.arange(count, dtype=np.int64)) * self.interval_ms

    def _bars(self, start: int, columns: Floats) -> Bars:
        opened, high, low, close, volume, funding, mark = columns
        ts = self.opens(start, columns.shape[1])
        return Bars(self.symbols, self.interval_ms, ts, opened, high, low, close, volume, funding, mark)


class Tape:
    """A market being played: its dice, its state and as much history as the plant reads."""

    def __init__(self, market: SyntheticMarket) -> None:
        self.market, self.at = market, 0
        self._common = dice(market.seed, "weather")
        self._own = [dice(market.seed, f"tape of {name}") for name in market.symbols]
        self._weather, self._regimes = _weather(market), _regimes(market)
        self._traders, self._plant = _traders(market), market.plant.rows()
        self._history: Floats = np.zeros((7, market.plant.warm_up, len(market.symbols)))

    def advance(self, count: int) -> Floats:
        """Return the next `count` rows as `[field, row, symbol]`."""
        market, width = self.market, len(self.market.symbols)
        common = self._common.random((count, COMMON_DRAWS))
        own = np.empty((count, width, OWN_DRAWS))
        for column, source in enumerate(self._own):
            own[:, column] = source.random((count, OWN_DRAWS))
        stress, gaps = laid(market.stresses, market.symbols, self.at, count)
        out = np.concatenate([self._history, np.empty((7, count, width))], axis=1)
        opens = market.opens(self.at, count)
        rows = (self._weather, self._regimes, self._traders, self._plant)
        play(*rows, common, own, stress, gaps, self.at, opens, out)
        self.at += count
        kept = self._history.shape[1]
        self._history = out[:, count:].copy()
        return out[:, kept:]


def _weather(market: SyntheticMarket) -> NDArray[np.void]:
    climate, row = market.climate, empty(Weather, 1)
    days = market.interval_ms / DAY_MS
    keep = exp(-24.0 * days / climate.premium_hours)
    values = {
        "dof": climate.dof,
        "shock_share": climate.shock_share,
        "memory_share": climate.memory_share,
        "leverage_effect": climate.leverage_effect,
        "jump_chance": 1.0 - exp(-climate.common_jumps_daily * days),
        "own_jump_chance": 1.0 - exp(-climate.own_jumps_daily * days),
        "jump_size": climate.jump_size * climate.volatility_daily,
        "activity_leave": 1.0 - exp(-24.0 * days / climate.activity_hours),
        "premium_keep": keep,
        "premium_push": climate.premium_push,
        "premium_noise": climate.premium_noise_daily * sqrt(days),
        "funding_cap": climate.funding_cap,
        "variance": 1.0,
        "regime": 1,
        "busy": 0,
    }
    for name, value in values.items():
        row[name] = value
    return row


def _regimes(market: SyntheticMarket) -> NDArray[np.void]:
    """Return the chain: from a regime one moves to a neighbour, upwards with `louder_share`."""
    climate = market.climate
    rows, last = empty(Regimes, len(climate.regimes)), len(climate.regimes) - 1
    for at, (volatility, togetherness, stay_hours) in enumerate(climate.regimes):
        leave = 1.0 - exp(-market.interval_ms / 3_600_000 / stay_hours)
        louder = climate.louder_share if 0 < at < last else float(at == 0)
        rows[at] = (volatility, togetherness, leave * (1.0 - louder), leave * louder)
    return rows


def _traders(market: SyntheticMarket) -> NDArray[np.void]:
    rows, days = empty(Trader, len(market.symbols)), market.interval_ms / DAY_MS
    for row, instrument, price in zip(rows, market.instruments, market.prices, strict=True):
        loud, near, liquid = dice(market.seed, f"character of {instrument.symbol}").random(3)
        row["volatility"] = market.climate.volatility_daily * sqrt(days) * (0.7 + 0.8 * loud)
        row["loading"] = 0.65 + 0.25 * near
        row["turnover"] = market.climate.turnover_daily * days * exp(3.0 * (liquid - 0.5))
        tick, step = Fraction(instrument.tick), Fraction(instrument.step)
        row["tick_num"], row["tick_den"] = tick.numerator, tick.denominator
        row["step_num"], row["step_den"] = step.numerator, step.denominator
        row["floor"] = max(TICKS_MIN, int(instrument.price_min / instrument.tick))
        row["ceiling"] = min(TICKS_MAX, int(instrument.price_max / instrument.tick))
        if not row["floor"] < row["ceiling"]:
            raise Invalid(f"{instrument.symbol}: price_min lies below price_max by ticks enough to trade")
        row["close"] = min(max(round(Fraction(price) / tick), int(row["floor"])), int(row["ceiling"]))
        row["variance"] = 1.0
    return rows


def synthetic(symbols: Sequence[str], interval_ms: int, seed: int, strength: float = 0.12) -> SyntheticMarket:
    """Return a market with the usual climate and a plant of this strength."""
    return SyntheticMarket(tuple(symbols), interval_ms, seed, plant=Plant(strength=strength))
