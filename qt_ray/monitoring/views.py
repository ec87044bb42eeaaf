"""Views: what a person may see of a running fund, as a replica that is built from its events and from nothing else.

The parts own the truth; a view that is lost is built again by hearing the events once more, or, where those are gone,
by asking the part that owns it. Everything here is bounded, and an event that is heard twice changes nothing that is
not a count.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from typing import Any, Final

from qt_ray.core.events import Event
from qt_ray.core.notices import RiskModeChanged
from qt_ray.core.orders import Cancelled, Expired, Filled, Order, Rejected
from qt_ray.core.payloads import (
    DecisionMade,
    EquityUpdated,
    OrderChanged,
    PolicyUpdated,
    RegimeChanged,
    RiskBlock,
    TradeClosed,
    TradeExecuted,
)
from qt_ray.monitoring.account_view import AccountView
from qt_ray.monitoring.cases import Cases
from qt_ray.monitoring.curve import Curve

RECENT_MAX: Final = 1_000
NOTED_MAX: Final = 500
SEEN_MAX: Final = 20_000
ZERO: Final = Decimal(0)

# What a person looks for on a time line, beside trades.
NOTED: Final = (
    "system.",
    "risk.drawdown.",
    "risk.kill.",
    "policy.",
    "model.promoted",
    "model.swapped",
    "model.drift",
    "learning.",
    "health.",
    "part.",
    "hfos.",
    "security.",
    "alert.",
)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution and when it was."""

    at_ms: int
    trade: TradeExecuted


class Views:
    """One account's replica."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.counts: Counter[str] = Counter()
        self.account, self.curve, self.cases = AccountView(), Curve(), Cases()
        self.equity: EquityUpdated | None = None
        self.working: dict[str, Order] = {}
        self.ended: deque[Order] = deque(maxlen=RECENT_MAX)
        self.fills: deque[Fill] = deque(maxlen=RECENT_MAX)
        self.trips: deque[TradeClosed] = deque(maxlen=RECENT_MAX)
        self.blocks: Counter[str] = Counter()
        self.noted: deque[Event] = deque(maxlen=NOTED_MAX)
        self.regimes: dict[str, str] = {}
        self.policy: PolicyUpdated | None = None
        self.risk_mode: RiskModeChanged | None = None
        self.realised, self.orders = ZERO, 0
        self.heard_ms: int | None = None
        self._seen: dict[str, None] = {}

    def apply(self, event: Event) -> bool:
        """Take an event in, and return whether it is news."""
        if event.id in self._seen:
            return False
        self._seen[event.id] = None
        if len(self._seen) > SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        self.counts[event.type] += 1
        self.heard_ms = max(self.heard_ms or 0, event.time_ms)
        if event.type.startswith(NOTED):
            self.noted.append(event)
        handler = HANDLERS.get(type(event.payload))
        if handler is not None:
            handler(self, event, event.payload)
        return True

    def noted_of(self, *prefixes: str) -> tuple[Event, ...]:
        """Return the time line's events of some kinds, the newest first."""
        return tuple(event for event in reversed(self.noted) if event.type.startswith(prefixes))

    @property
    def losing_streak(self) -> int:
        """Return how many round trips in a row have lost, up to now."""
        nets = (trip.realised - trip.fees + trip.funding for trip in reversed(self.trips))
        return sum(1 for _ in takewhile(lambda net: net < 0, nets))

    def _equity(self, event: Event, told: EquityUpdated) -> None:
        self.equity = told
        self.curve.add(event.time_ms, told.equity)

    def _order(self, event: Event, told: OrderChanged) -> None:
        order, name = told.order, told.order.intent.client_id
        known = self.cases.one(order.intent.decision_id)
        self.orders += known is None or name not in known.orders
        self.cases.ordered(event, order)
        if isinstance(order, Filled | Cancelled | Expired | Rejected):
            self.working.pop(name, None)
            self.ended.append(order)
        else:
            self.working[name] = order

    def _fill(self, event: Event, trade: TradeExecuted) -> None:
        self.fills.append(Fill(event.time_ms, trade))
        self.cases.filled(event, trade)
        self.realised += trade.realised

    def _decision(self, event: Event, made: DecisionMade) -> None:
        self.cases.decided(event, made)

    def _block(self, event: Event, block: RiskBlock) -> None:
        self.blocks[block.reason] += 1
        self.cases.blocked(event, block)

    def _trip(self, event: Event, closed: TradeClosed) -> None:
        self.trips.append(closed)

    def _policy(self, event: Event, told: PolicyUpdated) -> None:
        if self.policy is None or (told.epoch, told.version) >= (self.policy.epoch, self.policy.version):
            self.policy = told

    def _regime(self, event: Event, told: RegimeChanged) -> None:
        self.regimes[told.symbol] = told.new

    def _mode(self, event: Event, told: RiskModeChanged) -> None:
        self.risk_mode = told


HANDLERS: Final[Mapping[type[Any], Callable[[Views, Event, Any], None]]] = {
    EquityUpdated: Views._equity,
    OrderChanged: Views._order,
    TradeExecuted: Views._fill,
    DecisionMade: Views._decision,
    RiskBlock: Views._block,
    TradeClosed: Views._trip,
    PolicyUpdated: Views._policy,
    RegimeChanged: Views._regime,
    RiskModeChanged: Views._mode,
}
