"""Looks: what of an account is compared again and again, how often, and what it costs to ask.

A list of all open orders weighs forty times as much as that of one symbol. So the whole account is looked at when we
start and then in its rhythm, which is what finds a stranger's order where nothing is known; what must be seen again
sooner is looked at where something is known. That is a glance: one cheap question for each symbol, read as one list.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from qt_ray.execution.venue.calls import AskAccount, AskOpenOrders, AskPositions, Call
from qt_ray.execution.venue.views import OrderView


class Look(Enum):
    """What is compared again and again."""

    ORDERS = "orders"
    ALGOS = "algos"
    POSITIONS = "positions"
    BALANCE = "balance"


CALLS: Final[Mapping[Look, Call]] = MappingProxyType(
    {
        Look.ORDERS: AskOpenOrders(),
        Look.ALGOS: AskOpenOrders(conditional=True),
        Look.POSITIONS: AskPositions(),
        Look.BALANCE: AskAccount(),
    }
)
LOOKS: Final = {call: look for look, call in CALLS.items()}
CADENCE_MS: Final = MappingProxyType(
    {Look.ORDERS: 5_000, Look.ALGOS: 10_000, Look.POSITIONS: 5_000, Look.BALANCE: 30_000}
)
WEIGHTS: Final = MappingProxyType({Look.ORDERS: 40, Look.ALGOS: 40, Look.POSITIONS: 5, Look.BALANCE: 5})
GLANCED: Final = MappingProxyType({Look.ORDERS: False, Look.ALGOS: True})
# From here on one question for the whole account is the cheaper one.
GLANCE_SYMBOLS_MAX: Final = 39


def weight_minute(cadence_ms: Mapping[Look, int] = CADENCE_MS) -> int:
    """Return the weight that looking costs in a minute while all is well."""
    return sum(WEIGHTS[look] * 60_000 // every for look, every in cadence_ms.items())


def look_of(call: AskOpenOrders) -> Look:
    """Return what a list of open orders belongs to."""
    return Look.ALGOS if call.conditional else Look.ORDERS


@dataclass(slots=True)
class Glance:
    """A list of the open orders of some symbols, as of the moment when the first of its parts was asked for."""

    symbols: frozenset[str]
    conditional: bool
    asked_ms: int | None = None
    parts: dict[str, tuple[OrderView, ...]] = field(default_factory=dict)

    @classmethod
    def at(cls, symbols: Iterable[str], look: Look) -> "Glance | None":
        """Return a glance at some symbols, or nothing if there are none, or so many that a look is cheaper."""
        chosen = frozenset(symbols)
        return cls(chosen, GLANCED[look]) if 0 < len(chosen) <= GLANCE_SYMBOLS_MAX else None

    @property
    def calls(self) -> tuple[AskOpenOrders, ...]:
        """Return its questions."""
        return tuple(AskOpenOrders(symbol, self.conditional) for symbol in sorted(self.symbols))

    def take(self, call: AskOpenOrders, views: tuple[OrderView, ...], asked_ms: int) -> bool:
        """Take in a part; return whether it was the last that was missing."""
        if call.symbol not in self.symbols or call.symbol in self.parts:
            return False
        self.parts[call.symbol] = views
        self.asked_ms = asked_ms if self.asked_ms is None else min(self.asked_ms, asked_ms)
        return len(self.parts) == len(self.symbols)

    @property
    def views(self) -> tuple[OrderView, ...]:
        """Return all that its parts have shown."""
        return tuple(view for symbol in sorted(self.parts) for view in self.parts[symbol])
