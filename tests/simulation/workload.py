"""Workload: what a fund might want of three symbols in half a minute, by one seed: every kind of order there is."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Final

from qt_ray.core.ids import ClientOrderId, decision_id, intent_id
from qt_ray.core.orders import Intent, OrderType, Side, TimeInForce
from tests.simulation.venue import STEP, SYMBOLS, TICK, Venue

KINDS: Final = ("market", "market", "near", "near", "far", "ioc", "fok", "maker", "close", "close", "stop", "batch")
LIMITS: Final = {
    "near": (TimeInForce.GTC, 3),
    "far": (TimeInForce.GTC, -40),
    "ioc": (TimeInForce.IOC, 2),
    "fok": (TimeInForce.FOK, 2),
    "maker": (TimeInForce.GTX, -5),
}


class Workload:
    """Draws intents; each bears a name that no other does."""

    def __init__(self, dice: Random, epoch: int) -> None:
        self._dice = dice
        self._epoch = epoch
        self._count = 0

    def intents(self, venue: Venue, now_ms: int) -> tuple[Intent, ...]:
        """Return one intent, or a batch of them."""
        kind = self._dice.choice(KINDS)
        if kind != "batch":
            return (self._intent(kind, venue, now_ms),)
        return tuple(self._intent(self._dice.choice(("near", "far", "market")), venue, now_ms) for _ in range(3))

    def moments(self, start_ms: int, end_ms: int) -> Iterator[int]:
        """Yield when something is wanted."""
        at_ms = start_ms
        while at_ms < end_ms:
            at_ms += self._dice.randint(100, 1_400)
            yield at_ms

    def _intent(self, kind: str, venue: Venue, now_ms: int) -> Intent:
        self._count += 1
        symbol = self._dice.choice(SYMBOLS)
        side = self._dice.choice(list(Side))
        quantity = STEP * self._dice.randint(50, 900)
        held = venue.position(symbol)
        if kind in ("close", "stop") and held:
            side, quantity = (Side.SELL if held > 0 else Side.BUY), abs(held)
        price = venue.price(symbol)
        decision = decision_id("simulated", now_ms, symbol, self._count)
        time_in_force, offset = LIMITS.get(kind, (TimeInForce.GTC, 0))
        is_limit = kind in LIMITS
        trigger = price - side.sign * -1 * TICK * self._dice.randint(20, 300)
        return Intent(
            client_id=str(ClientOrderId("sim", intent_id(decision, kind))),
            symbol=symbol,
            side=side,
            type=OrderType.LIMIT if is_limit else OrderType.STOP_MARKET if kind == "stop" else OrderType.MARKET,
            quantity=quantity,
            decision_id=decision,
            policy_version=1,
            epoch=self._epoch,
            reduce_only=kind in ("close", "stop"),
            limit_price=max(price + side.sign * offset * TICK, TICK) if is_limit else None,
            trigger_price=max(trigger, TICK) if kind == "stop" else None,
            time_in_force=time_in_force,
        )


def amended(dice: Random, intent: Intent) -> Intent:
    """Return a resting order moved by some ticks and perhaps made smaller."""
    quantity = max((intent.quantity * dice.choice((1, Decimal("0.8")))).quantize(STEP), STEP)
    price = (intent.limit_price or TICK) + TICK * dice.randint(-30, 30)
    return replace(intent, quantity=quantity, limit_price=max(price, TICK))
