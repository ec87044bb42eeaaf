"""Metronome: a decider that wants the same again whenever it is asked, so that a restart repeats itself word for word.

Market orders that eat through several prices, limit orders that trade in part and then rest, and some that only rest;
both ways, so that positions grow, shrink and turn round.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Intent, OrderType, Side

EPOCH = 3
COUNT = 16
STEP = Decimal("0.001")
# What the best prices of a symbol hold, about: an order of twice as much trades in parts.
BEST = {"BTCUSDT": Decimal("0.4"), "ETHUSDT": Decimal(20)}
TICKS = {"BTCUSDT": Decimal("0.1"), "ETHUSDT": Decimal("0.01")}
# Kind of order, how many times what the best price holds, and how far through the book it may go (below 0: behind it).
FIGURES = (
    (OrderType.MARKET, Decimal("0.2"), None),
    (OrderType.MARKET, Decimal(2), None),
    (OrderType.LIMIT, Decimal("2.5"), Decimal("0.0001")),
    (OrderType.LIMIT, Decimal("0.5"), Decimal("-0.001")),
)


def intents(seed: int, prices: dict[str, Decimal]) -> Iterator[Intent]:
    """Yield what is wanted, one after the other."""
    dice = Random(f"metronome {seed}")
    symbols = sorted(prices)
    for number in range(COUNT):
        symbol = symbols[number // len(FIGURES) % len(symbols)]
        kind, times, through = FIGURES[number % len(FIGURES)] if number else FIGURES[1]
        side = dice.choice((Side.BUY, Side.SELL))
        decision = f"decision{seed}n{number}"
        price = None if through is None else prices[symbol] * (1 + side.sign * through)
        yield Intent(
            client_id=str(ClientOrderId("crash", intent_id(decision, "entry"))),
            symbol=symbol,
            side=side,
            type=kind,
            quantity=rounded(BEST[symbol] * times * dice.randint(80, 120) / 100, STEP),
            decision_id=decision,
            policy_version=1,
            epoch=EPOCH,
            limit_price=price if price is None else rounded(price, TICKS[symbol]),
        )


def rounded(value: Decimal, step: Decimal) -> Decimal:
    return value // step * step
