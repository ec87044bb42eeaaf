"""Market: the bars every benchmark runs on, and how fast the synthetic market makes them.

Nothing is planted in them, because a benchmark of an engine must not depend on a strategy being right.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal

from benchmarks.form import Row, at_least, main, median_of
from qt_ray.core.instruments import Instrument
from qt_ray.market.bars import Bars
from qt_ray.market.plant import Plant
from qt_ray.market.synthetic import SyntheticMarket

SEED = 20_240_101
MINUTE_MS = 60_000
NOTIONAL = Decimal(10_000)


def names(count: int) -> tuple[str, ...]:
    """Return the symbols of a benchmark with `count` of them."""
    return tuple(f"SYN{number:03d}USDT" for number in range(count))


def minute_bars(symbols: int, count: int, seed: int = SEED) -> tuple[Bars, tuple[Instrument, ...]]:
    """Return one-minute bars in which every open is the close before it, and their instruments."""
    market = SyntheticMarket(names(symbols), MINUTE_MS, seed, plant=Plant(strength=0.0))
    return market.bars(count), market.instruments


def quantities(bars: Bars, instruments: Sequence[Instrument], notional: Decimal = NOTIONAL) -> tuple[Decimal, ...]:
    """Return one fixed quantity per symbol, whole steps worth about `notional` at the first close."""
    wished = (notional / Decimal(repr(float(price))) for price in bars.close[0])
    return tuple(
        (wish / instrument.step).to_integral_value(ROUND_DOWN) * instrument.step
        for wish, instrument in zip(wished, instruments, strict=True)
    )


def measure(quick: bool) -> list[Row]:
    """Time whole blocks, and the endless stream one row at a time."""
    symbols, count = (20, 10_000) if quick else (20, 100_000)
    block = median_of(lambda: minute_bars(symbols, count), 1 if quick else 5)
    rows = count // 20

    def streamed() -> None:
        market = SyntheticMarket(names(symbols), MINUTE_MS, SEED)
        for _, _ in zip(range(rows), market.stream(), strict=False):
            pass

    one = median_of(streamed, 1 if quick else 5)
    return [
        at_least(f"synthetic bars in a block, {symbols} × {count}", "bars/s", block.rate(symbols * count), 1e6),
        at_least(f"synthetic bars streamed row by row, {symbols} symbols", "bars/s", one.rate(symbols * rows), 1e5),
    ]


if __name__ == "__main__":
    main(measure)
