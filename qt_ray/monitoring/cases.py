"""Cases: each decision with all that followed from it, so that "why did it trade?" has one answer in one place.

A decision, the rules that bound it, its orders and its fills arrive as separate events and in any order; they belong
together by the decision's name, which every order carries. Cases are bounded: the oldest are forgotten here, and stay
in the desk's journal and in the audit log.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from qt_ray.core.events import Event
from qt_ray.core.orders import Order
from qt_ray.core.payloads import DecisionMade, RiskBlock, TradeExecuted

CASES_MAX: Final = 5_000
PARTS_MAX: Final = 100


@dataclass(slots=True)
class Case:
    """One decision; `made` is missing while only its consequences were heard of."""

    id: str
    at_ms: int
    trace_id: str
    made: DecisionMade | None = None
    blocks: list[RiskBlock] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[TradeExecuted] = field(default_factory=list)

    @property
    def why(self) -> str:
        """Return the decision in one sentence."""
        if self.made is None:
            return "the decision itself was not heard of"
        made = self.made
        limit = f", held back by {made.binding}" if made.wish != made.granted else ""
        sure = "" if made.confidence is None else f" at a confidence of {made.confidence:.2f}"
        return f"{made.symbol}: {made.action.lower()}, wished {made.wish}{sure}, granted {made.granted}{limit}"


class Cases:
    """The newest decisions of one account."""

    def __init__(self, most: int = CASES_MAX) -> None:
        """Begin with none."""
        self._most = most
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self._decisions: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._cases)

    def decided(self, event: Event, made: DecisionMade) -> None:
        """Take in a decision."""
        case = self._of(made.decision_id, event)
        case.made, case.at_ms = made, event.time_ms

    def blocked(self, event: Event, block: RiskBlock) -> None:
        """Take in a rule that bound a decision."""
        blocks = self._of(block.decision_id, event).blocks
        if block not in blocks and len(blocks) < PARTS_MAX:
            blocks.append(block)

    def ordered(self, event: Event, order: Order) -> None:
        """Take in how an order of a decision stands."""
        intent = order.intent
        orders = self._of(intent.decision_id, event).orders
        if intent.client_id in orders or len(orders) < PARTS_MAX:
            orders[intent.client_id] = order
            self._decisions[intent.client_id] = intent.decision_id
            _bounded(self._decisions, 4 * self._most)

    def filled(self, event: Event, trade: TradeExecuted) -> None:
        """Take in an execution; one of an order that nobody knows has no case."""
        decision = self._decisions.get(trade.client_id)
        fills = self._of(decision, event).fills if decision else []
        if trade not in fills and len(fills) < PARTS_MAX:
            fills.append(trade)

    def one(self, decision_id: str) -> Case | None:
        """Return a case by its decision's name."""
        return self._cases.get(decision_id)

    def newest(self, count: int, before: str | None = None) -> tuple[Case, ...]:
        """Return cases, the newest first, those that began before the case `before` if it is known."""
        found: Iterator[Case] = iter(reversed(self._cases.values()))
        if before in self._cases:
            for case in found:
                if case.id == before:
                    break
        return tuple(islice(found, max(count, 0)))

    def _of(self, decision_id: str, event: Event) -> Case:
        if decision_id not in self._cases:
            self._cases[decision_id] = Case(decision_id, event.time_ms, event.trace_id)
            _bounded(self._cases, self._most)
        return self._cases[decision_id]


def _bounded(kept: OrderedDict[str, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
