"""Tape: the compiled recursion that writes synthetic bars, one row at a time from uniforms.

Every random number is a transformed uniform, a fixed count per row, so block size cannot matter. Given the
past, a return has the same law for both signs; only the plant breaks that, which makes it measurable.
"""

import math

import numpy as np
from numpy.typing import NDArray

from qt_ray.core.compiled import compiled, inlined
from qt_ray.core.records import F64, I64, Rows
from qt_ray.market.plant import PlantRow, direction

COMMON_DRAWS = 6
OWN_DRAWS = 9
DAY_MS = 86_400_000
FUNDING_MS = 28_800_000
SURPRISE_MAX = 36.0
ACTIVITY_MAX = 20.0
INTEREST = 0.0001
FUNDING_FREE = 0.0005

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Weather:
    """What all symbols share: constants of one market at one interval, then its running state."""

    dof: F64
    shock_share: F64
    memory_share: F64
    leverage_effect: F64
    jump_chance: F64
    jump_size: F64
    own_jump_chance: F64
    activity_leave: F64
    premium_keep: F64
    premium_push: F64
    premium_noise: F64
    funding_cap: F64
    variance: F64
    regime: I64
    busy: I64


class Regimes:
    """One volatility regime: how loud, how correlated, and the chances of moving down or up from it."""

    volatility: F64
    togetherness: F64
    down: F64
    up: F64


class Trader:
    """One symbol: its character, its grid, then its running state."""

    volatility: F64
    loading: F64
    turnover: F64
    tick_num: F64
    tick_den: F64
    step_num: F64
    step_den: F64
    floor: I64
    ceiling: I64
    variance: F64
    close: I64
    premium: F64
    premium_sum: F64
    premium_count: F64
    lag: F64


@inlined
def student(u: float, v: float, dof: float) -> float:
    """Return a Student variate of unit variance from two uniforms, without rejection."""
    radius = math.sqrt(max((1.0 - u) ** (-2.0 / dof) - 1.0, 0.0) * (dof - 2.0))
    return radius * math.cos(2.0 * math.pi * v)


@inlined
def laplace(u: float) -> float:
    """Return a two-sided exponential variate of unit mean size from one uniform."""
    return -math.log(1.0 - 2.0 * u) if u < 0.5 else math.log(2.0 - 2.0 * u)


@inlined
def season(ts: int) -> float:
    """Return how loud the hour is: an afternoon hump in UTC, a smaller one before dawn, quiet weekends."""
    hour = 2.0 * math.pi * (ts % DAY_MS) / DAY_MS
    weekend = 0.75 if (ts // DAY_MS + 4) % 7 in (0, 6) else 1.0
    return weekend * (1.0 + 0.25 * math.cos(hour - 3.93) + 0.10 * math.cos(2.0 * (hour - 0.52)))


@inlined
def next_variance(variance: float, surprise: float, tilt: float, weather: Weather) -> float:
    """Return the next bar's variance around one: shocks raise it, falls more than rises, and it forgets."""
    rest = 1.0 - weather.shock_share - weather.memory_share
    return rest + weather.shock_share * min(surprise, SURPRISE_MAX) * tilt + weather.memory_share * variance


@inlined
def next_regime(regime: int, draw: float, regimes: Rows[Regimes]) -> int:
    """Return the regime of this bar: at most one step quieter or louder than the last."""
    now = regimes[regime]
    if draw < now.down:
        return regime - 1
    return regime + 1 if draw >= 1.0 - now.up else regime


@inlined
def moved(close: int, change: float, trader: Trader) -> int:
    """Return the new price in ticks: at least one tick the way `change` points, kept within bounds."""
    target = round(close * math.exp(change))
    target = max(target, close + 1) if change >= 0.0 else min(target, close - 1)
    if target < trader.floor:
        return close + 1
    return close - 1 if target > trader.ceiling else target


@inlined
def reach(travel: float, spread: float, u: float) -> float:
    """Return how far a Brownian path that ends at `travel` got above its start, never less than its end."""
    return 0.5 * (travel + math.sqrt(travel * travel - 2.0 * spread * spread * math.log(1.0 - u)))


@inlined
def funding_rate(trader: Trader, cap: float) -> float:
    """Return the rate that settles now: mean premium plus interest, just interest while premium is small."""
    premium = trader.premium_sum / trader.premium_count if trader.premium_count > 0.0 else 0.0
    rate = premium + min(max(INTEREST - premium, -FUNDING_FREE), FUNDING_FREE)
    return round(min(max(rate, -cap), cap) * 1e8) / 1e8


@inlined
def traded(trader: Trader, weather: Weather, loudness: float, size: float, u: float) -> float:
    """Return the volume in steps: louder bars and bigger moves trade more; never nothing."""
    noise = 0.25 * math.log((u + 1e-12) / (1.0 - u))
    mood = 1.6 if weather.busy else 0.6
    wanted = trader.turnover * mood * (0.4 + 0.75 * min(size, ACTIVITY_MAX)) * loudness * math.exp(noise)
    price = trader.close * trader.tick_num / trader.tick_den
    return max(1.0, float(round(wanted * trader.step_den / (price * trader.step_num))))


@inlined
def drawn(weather: Weather, regime: Regimes, trader: Trader, factor: float, hour: float, draws: Floats) -> float:
    """Return a symbol's return before plant and stress, and step its variance."""
    loading = trader.loading + (1.0 - trader.loading) * regime.togetherness
    alone = math.sqrt(trader.variance) * student(draws[0], draws[1], weather.dof)
    change = loading * factor + math.sqrt(1.0 - loading * loading) * alone
    tilt = 1.0 - math.copysign(weather.leverage_effect, change)
    trader.variance = next_variance(trader.variance, alone * alone, tilt, weather)
    change *= trader.volatility * regime.volatility * hour
    if draws[2] < weather.own_jump_chance:
        change += weather.jump_size * laplace(draws[3])
    return change


@inlined
def settled(weather: Weather, trader: Trader, ts: int) -> float:
    """Return the funding rate if the bar opens with a settlement, NaN otherwise."""
    if ts % FUNDING_MS != 0:
        return math.nan
    rate = funding_rate(trader, weather.funding_cap)
    trader.premium_sum = 0.0
    trader.premium_count = 0.0
    return rate


@inlined
def carry(weather: Weather, trader: Trader, travel: float, u: float) -> float:
    """Step premium and mark after a bar that travelled so far; return the mark's distance from the close."""
    noise = weather.premium_noise * math.log((u + 1e-12) / (1.0 - u))
    pushed = weather.premium_push * min(max(travel, -0.2), 0.2)
    trader.premium = weather.premium_keep * trader.premium + pushed + noise
    trader.premium_sum += trader.premium
    trader.premium_count += 1.0
    trader.lag = 0.5 * trader.lag - 0.15 * travel
    return trader.lag - 0.25 * trader.premium


@inlined
def price(ticks: float, trader: Trader) -> float:
    """Return whole ticks as the float nearest to the exact price."""
    return ticks * trader.tick_num / trader.tick_den


@inlined
def write(
    weather: Weather,
    trader: Trader,
    change: float,
    gap: float,
    loudness: float,
    ts: int,
    draws: Floats,
    out: Floats,
    row: int,
    column: int,
) -> None:
    """Write one bar as open, high, low, close, volume, funding, mark, and step the symbol."""
    opened = moved(trader.close, gap, trader) if gap != 0.0 else trader.close
    closed = moved(opened, change, trader)
    trader.close = closed
    travel = math.log(closed / opened)
    spread = trader.volatility * loudness
    high = round(opened * math.exp(reach(travel, spread, draws[5])))
    low = round(opened * math.exp(-reach(-travel, spread, draws[6])))
    out[0, row, column] = price(opened, trader)
    out[1, row, column] = price(max(high, opened, closed), trader)
    out[2, row, column] = price(max(1, min(low, opened, closed)), trader)
    out[3, row, column] = price(closed, trader)
    size = min(abs(change) / trader.volatility, ACTIVITY_MAX)
    out[4, row, column] = traded(trader, weather, loudness, size, draws[7]) * trader.step_num / trader.step_den
    out[5, row, column] = settled(weather, trader, ts)
    mark = round(closed * math.exp(carry(weather, trader, travel, draws[8])))
    out[6, row, column] = price(max(1, mark), trader)


@compiled
def play(
    weather_rows: Rows[Weather],
    regimes: Rows[Regimes],
    traders: Rows[Trader],
    plants: Rows[PlantRow],
    common: Floats,
    own: Floats,
    stress: Floats,
    gaps: Floats,
    start: int,
    ts: Ints,
    out: Floats,
) -> None:
    """Write one row of `out[field, row, symbol]` per row of `common`, after the history the plant reads."""
    weather, plant = weather_rows[0], plants[0]
    close, volume = out[3], out[4]
    history = out.shape[1] - common.shape[0]
    for row in range(common.shape[0]):
        draws = common[row]
        weather.regime = next_regime(weather.regime, draws[2], regimes)
        if draws[3] < weather.activity_leave:
            weather.busy = 1 - weather.busy
        regime, hour = regimes[weather.regime], season(ts[row])
        factor = math.sqrt(weather.variance) * student(draws[0], draws[1], weather.dof)
        jump = weather.jump_size * laplace(draws[5]) if draws[4] < weather.jump_chance else 0.0
        for column in range(len(traders)):
            trader, mine = traders[column], own[row, column]
            loudness = regime.volatility * hour * math.sqrt(trader.variance)
            change = drawn(weather, regime, trader, factor, hour, mine) + jump * trader.loading
            if start + row >= plant.warm_up and mine[4] < plant.strength:
                last = history + row - 1
                wish = direction(plant, close, volume, last, column)
                change = math.copysign(change, float(wish)) if wish != 0 else change
            change += stress[row, column]
            gap, at = gaps[row, column], history + row
            write(weather, trader, change, gap, loudness, ts[row], mine, out, at, column)
        tilt = 1.0 - math.copysign(weather.leverage_effect, factor)
        weather.variance = next_variance(weather.variance, factor * factor, tilt, weather)
