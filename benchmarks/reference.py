"""Reference: the EMA cross as a plain loop that shares no code with the engine it judges.

Averages are floats, as in every engine; money is Decimal from the first fill on. What an engine reports must
equal this loop fill by fill and to the cent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256

from qt_ray.core.instruments import Instrument
from qt_ray.market.bars import Bars

FAST, SLOW = 10, 30
TAKER = Decimal("0.0004")
CENT_MILLIONTH = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill: `bar` is the bar whose open it filled at, `symbol` the column, `quantity` signed."""

    bar: int
    symbol: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    realised: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every fill, in order of bar and then of symbol."""

    bars: Bars
    trades: tuple[Trade, ...]

    def digest(self) -> str:
        """Return the SHA-256 of all fills: symbol, moment, signed quantity and price, sorted lines."""
        lines = []
        for trade in self.trades:
            figures = [format(value.normalize(), "f") for value in (trade.quantity, trade.price)]
            lines.append(",".join([self.bars.symbols[trade.symbol], str(self.bars.ts[trade.bar]), *figures]))
        return sha256("\n".join(sorted(lines)).encode()).hexdigest()

    @property
    def realised(self) -> Decimal:
        """Return the profit of closed quantity before fees."""
        return sum((trade.realised for trade in self.trades), Decimal(0))

    @property
    def fees(self) -> Decimal:
        """Return what the fills cost."""
        return sum((trade.fee for trade in self.trades), Decimal(0))

    @property
    def pnl(self) -> Decimal:
        """Return the change of cash: realised profit less fees; what is open at the end is not valued."""
        return self.realised - self.fees


@dataclass(slots=True)
class Book:
    """A position at average cost."""

    held: Decimal = field(default_factory=Decimal)
    entry: Decimal = field(default_factory=Decimal)

    def take(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Add a fill and return what it realised."""
        after = self.held + quantity
        if self.held * quantity >= 0:
            self.entry = (self.held * self.entry + quantity * price) / after
            self.held = after
            return Decimal(0)
        closed = min(abs(quantity), abs(self.held)).copy_sign(self.held)
        realised = closed * (price - self.entry)
        if self.held * after <= 0:
            self.entry = price if after else Decimal(0)
        self.held = after
        return realised


def sides(closes: Sequence[float], fast: int = FAST, slow: int = SLOW) -> Iterator[int]:
    """Yield the wanted side after each close: 1, -1, or 0 while cold; equal averages keep the side."""
    quick = steady = closes[0]
    quick_share, steady_share, side = 2.0 / (fast + 1), 2.0 / (slow + 1), 0
    for bar, close in enumerate(closes):
        quick += quick_share * (close - quick)
        steady += steady_share * (close - steady)
        if bar >= slow - 1 and quick != steady:
            side = 1 if quick > steady else -1
        yield side


def crossed(closes: Sequence[float], fast: int = FAST, slow: int = SLOW) -> Iterator[tuple[int, int, int]]:
    """Yield (bar of the fill, side before, side after) per change of side that has a bar to fill in."""
    before = 0
    for bar, side in enumerate(sides(closes, fast, slow)):
        if side != before and bar + 1 < len(closes):
            yield bar + 1, before, side
            before = side


def exact(price: float, instrument: Instrument) -> Decimal:
    """Return a float price as the exact price on the instrument's grid."""
    ticks = (Decimal(repr(price)) / instrument.tick).to_integral_value(ROUND_HALF_EVEN)
    return ticks * instrument.tick


def ema_cross(
    bars: Bars, instruments: Sequence[Instrument], quantities: Sequence[Decimal], rate: Decimal = TAKER
) -> Outcome:
    """Trade the cross of every symbol with its fixed quantity, whole orders at the next open."""
    trades: list[Trade] = []
    for column, (instrument, quantity) in enumerate(zip(instruments, quantities, strict=True)):
        opens, book = bars.open[:, column].tolist(), Book()
        for bar, before, side in crossed(bars.close[:, column].tolist()):
            price, signed = exact(opens[bar], instrument), quantity * (side - before)
            fee = (abs(signed) * price * rate).quantize(CENT_MILLIONTH, ROUND_HALF_EVEN)
            trades.append(Trade(bar, column, signed, price, fee, book.take(signed, price)))
    return Outcome(bars, tuple(sorted(trades, key=lambda trade: (trade.bar, trade.symbol))))
