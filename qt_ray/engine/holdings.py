"""Holdings: what is held, as tidings tell it, and the moments at which something was opened or closed."""

from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.core.codec import canonical, decode
from qt_ray.core.orders import ZERO
from qt_ray.core.payloads import PositionChanged
from qt_ray.core.restore import restore_as
from qt_ray.engine.tidings import Filled, Stand, What

Turned = tuple[str, PositionChanged]


@dataclass(slots=True)
class _Held:
    quantity: Decimal = ZERO
    realised: Decimal = ZERO


@dataclass(slots=True)
class Holdings:
    """Signed quantities by symbol, with what each has realised since it was opened."""

    held: dict[str, _Held] = field(default_factory=dict)

    @classmethod
    def of(cls, state: str) -> "Holdings":
        """Return the holdings that a `state` spells; without one, nothing is held."""
        kept = restore_as(dict[str, tuple[Decimal, Decimal]], decode(state.encode()), "holdings") if state else {}
        return cls({symbol: _Held(*amounts) for symbol, amounts in kept.items()})

    @property
    def state(self) -> str:
        """Return all that is held, for another to go on from."""
        return canonical({s: (one.quantity, one.realised) for s, one in self.held.items() if one.quantity}).decode()

    def hear(self, what: What) -> list[Turned]:
        """Take in what happened, and return what it opened or closed; a fill through flat does both."""
        if isinstance(what, Stand):
            self.held = {symbol: _Held(holding.quantity) for symbol, holding in what.holdings.items()}
        return self._filled(what) if isinstance(what, Filled) else []

    def _filled(self, done: Filled) -> list[Turned]:
        held = self.held.setdefault(done.symbol, _Held())
        before, after = held.quantity, held.quantity + done.quantity
        held.quantity, held.realised = after, held.realised + done.realised
        turned: list[Turned] = []
        if before != 0 and before * after <= 0:
            turned.append(("position.closed", PositionChanged(done.symbol, ZERO, None, held.realised)))
            held.realised = ZERO
        if after != 0 and before * after <= 0:
            turned.append(("position.opened", PositionChanged(done.symbol, after, done.price, ZERO)))
        return turned
