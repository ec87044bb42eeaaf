"""Quotes: the newest price and mark of each symbol; a price that was told is not told again before there is another."""

from collections.abc import Iterator

from qt_ray.core.payloads import Tick as Price
from qt_ray.market.ticks import Candle, MarkTick


class Quotes:
    """What a market's symbols are worth now; `marks` are the newest."""

    def __init__(self) -> None:
        """Begin with none."""
        self.marks: dict[str, MarkTick] = {}
        self._untold: dict[str, Candle] = {}

    def take(self, tick: Candle | MarkTick) -> None:
        """Take in a price of this moment."""
        if isinstance(tick, MarkTick):
            self.marks[tick.symbol] = tick
        else:
            self._untold[tick.symbol] = tick

    def due(self) -> Iterator[Price]:
        """Yield the last price of each symbol that has a new one; it counts as told."""
        untold, self._untold = self._untold, {}
        for symbol, candle in untold.items():
            mark = self.marks.get(symbol)
            yield Price(symbol, candle.close, None, mark.mark if mark else None)
