"""A small honest venue for emergencies: it holds positions and orders, and may be slow of mind in many ways."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any

from qt_ray.core.orders import OrderType, PositionSide, Side
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.venue.calls import (
    Answer,
    AskOpenOrders,
    AskPositions,
    AskRules,
    Call,
    CancelAll,
    CancelById,
    Done,
    Place,
    Refused,
    Throttled,
    Unsure,
)
from qt_ray.execution.venue.views import OrderView, RulesView, SymbolRules
from qt_ray.risk.ess import Cause, Emergency, EssSignal, progress, trip
from tests.unit.execution.venue_shown import BOTH, order_view, position_view

Key = tuple[str, PositionSide]
ZERO = Decimal(0)
BTC, ETH = ("BTCUSDT", BOTH), ("ETHUSDT", BOTH)
T0 = 1_000_000


def resting(venue_id: str, symbol: str = "BTCUSDT", side: Side = Side.BUY) -> OrderView:
    return replace(order_view(f"q{venue_id}", venue_id=venue_id), symbol=symbol, side=side)


def stop(venue_id: str, symbol: str = "BTCUSDT", reduce_only: bool = True) -> OrderView:
    view = order_view(f"s{venue_id}", OrderType.STOP_MARKET, venue_id)
    return replace(view, symbol=symbol, reduce_only=reduce_only)


def symbol_rules(symbol: str, most: Decimal) -> SymbolRules:
    one = Decimal(1)
    return SymbolRules(
        symbol, "TRADING", "PERPETUAL", "B", "USDT", one, one, one, most, one, most, one, one, one, one, one, 9,
        one, one, (), (),
    )  # fmt: skip


@dataclass
class FakeVenue:
    """Carries calls out at once; `before` may answer in its stead, `after` may lose the answer or do mischief."""

    positions: dict[Key, Decimal] = field(default_factory=dict)
    orders: dict[str, OrderView] = field(default_factory=dict)
    most: Decimal = Decimal(1_000)
    fill: Decimal = Decimal(1)
    before: Callable[[Call, int], Answer[Any] | None] = lambda call, at_ms: None
    after: Callable[[Call, int, Answer[Any]], Answer[Any]] = lambda call, at_ms, answer: answer
    log: list[tuple[int, Call]] = field(default_factory=list)

    def rest(self, *views: OrderView) -> "FakeVenue":
        self.orders |= {view.venue_id: view for view in views}
        return self

    @property
    def is_flat(self) -> bool:
        return not any(self.positions.values()) and not self.orders

    def ask(self, call: Call, at_ms: int) -> Answer[Any]:
        self.log.append((at_ms, call))
        early = self.before(call, at_ms)
        return early if early is not None else self.after(call, at_ms, self._carried_out(call))

    def execute(self, view: OrderView) -> None:
        """Let a resting order trade whole."""
        del self.orders[view.venue_id]
        self._trade((view.symbol, view.position_side), view.side, view.quantity)

    def _trade(self, key: Key, side: Side, quantity: Decimal) -> None:
        self.positions[key] = self.positions.get(key, ZERO) + side.sign * quantity

    def _carried_out(self, call: Call) -> Answer[Any]:
        if isinstance(call, AskPositions):
            return Done(tuple(position_view(q, *key) for key, q in self.positions.items() if q))
        if isinstance(call, AskOpenOrders):
            return Done(tuple(view for view in self.orders.values() if view.conditional is call.conditional))
        if isinstance(call, CancelAll):
            gone = [v for v in self.orders.values() if (v.symbol, v.conditional) == (call.symbol, call.conditional)]
            for view in gone:
                del self.orders[view.venue_id]
            return Done(None)
        if isinstance(call, CancelById):
            found = self.orders.pop(call.venue_id, None)
            return Refused(-2011, "Unknown order sent.") if found is None else Done(found)
        if isinstance(call, AskRules):
            symbols = {symbol: symbol_rules(symbol, self.most) for symbol, _ in self.positions}
            return Done(RulesView(symbols, 2_400, 300, 1_200, 0))
        assert isinstance(call, Place)
        return self._placed(call)

    def _placed(self, call: Place) -> Answer[Any]:
        intent = call.intent
        assert intent.type is OrderType.MARKET
        assert intent.reduce_only
        key = (intent.symbol, intent.position_side)
        held = self.positions.get(key, ZERO)
        if held * intent.side.sign >= 0:
            return Refused(-2022, "ReduceOnly Order is rejected.")
        if intent.quantity > self.most:
            return Refused(-4005, "Quantity greater than max quantity.")
        done = max(intent.quantity * self.fill // 1, Decimal(1))
        self._trade(key, intent.side, min(done, abs(held)))
        return Done(order_view(intent.client_id))


def held(**fields: Any) -> FakeVenue:
    """Return a venue with a long and a short position, an order in each of their symbols, and a stop."""
    venue = FakeVenue({BTC: Decimal(3), ETH: Decimal(-2)}, **fields)
    return venue.rest(resting("1"), resting("2", "ETHUSDT"), stop("3"))


@dataclass
class Drill:
    """An emergency carried out in simulated time; every answer takes `rtt_ms`, in an order drawn by lot."""

    venue: FakeVenue
    symbols: tuple[str, ...] = ("BTCUSDT",)
    slice_max: dict[str, Decimal] = field(default_factory=lambda: {"BTCUSDT": Decimal(1_000)})
    rtt_ms: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        self.now_ms = 1_000_000
        self.emergency = trip(Emergency(), Cause.MANUAL, "drill", self.now_ms)
        self.flattening = Flattening("fund", 7, 1, self.symbols, self.slice_max, self.now_ms)
        self.signals: list[EssSignal] = []
        self.dice = Random(self.seed)

    def run(self, until_ms: int = 600_000) -> "Drill":
        """Carry the emergency out until it is settled, or so much time has passed."""
        end_ms = self.now_ms + until_ms
        while not self.flattening.is_done and self.now_ms < end_ms:
            calls = list(self.flattening.due(self.now_ms))
            self.hear()
            self.dice.shuffle(calls)
            answers = [(call, self.venue.ask(call, self.now_ms)) for call in calls]
            self.dice.shuffle(answers)
            if answers:
                self.now_ms += self.rtt_ms
            elif self.flattening.next_ms is not None:
                self.now_ms = max(self.flattening.next_ms, self.now_ms + 1)
            for call, answer in answers:
                self.flattening.answered(call, answer, self.now_ms)
            self.hear()
        return self

    def hear(self) -> None:
        for signal, at_ms in self.flattening.signals():
            self.signals.append(signal)
            self.emergency = progress(self.emergency, signal, at_ms)


def unsure(call: Call, at_ms: int) -> Answer[Any] | None:
    return Unsure("503 Unknown error")


def throttled(retry_after_ms: int) -> Answer[Any]:
    return Throttled(-1003, retry_after_ms)


HELD = (("BTCUSDT", BOTH), Decimal(3))
