"""Triggers: the conditional orders of one symbol, sorted by the price that pulls them.

Those that wait for a price to rise and those that wait for it to fall are heaps per kind of price, so a quote looks
only at the nearest; what no longer waits is swept out before it is most of a heap. Trailing stops move with the market
and are asked each time.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop, heappush

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.values import Algo, NewAlgo, Working

STOPS = frozenset({OrderType.STOP, OrderType.STOP_MARKET})
IDLE_MAX = 64
HUNDRED = Decimal(100)


def fires_above(wanted: NewAlgo) -> bool:
    """Return whether a rising price pulls the trigger: a stop that buys, or a profit that sells."""
    return (wanted.type in STOPS) is (wanted.side is Side.BUY)


def trail(algo: Algo, price: Decimal) -> bool:
    """Let a trailing stop see a price; say whether it fires."""
    wanted, buys = algo.wanted, algo.wanted.side is Side.BUY
    if not algo.is_active:
        activate = wanted.activate_price or price
        algo.is_active = price <= activate if buys else price >= activate
    if not algo.is_active:
        return False
    algo.best = price if algo.best is None else min(algo.best, price) if buys else max(algo.best, price)
    away = algo.best * (wanted.callback_rate or HUNDRED) / HUNDRED
    return price >= algo.best + away if buys else price <= algo.best - away


@dataclass(slots=True)
class Triggers:
    """What waits in one symbol."""

    waiting: dict[int, Algo] = field(default_factory=dict)
    trailing: dict[int, Algo] = field(default_factory=dict)
    heaps: dict[tuple[Working, bool], list[tuple[Decimal, int]]] = field(default_factory=dict)

    def add(self, algo: Algo) -> None:
        """Let a conditional order wait."""
        trigger = algo.wanted.trigger_price
        if trigger is None:
            self.trailing[algo.id] = algo
            return
        above = fires_above(algo.wanted)
        heap = self.heaps.setdefault((algo.wanted.working, above), [])
        self.waiting[algo.id] = algo
        heappush(heap, (trigger if above else -trigger, algo.id))
        if len(heap) > 2 * len(self.waiting) + IDLE_MAX:
            heap[:] = sorted(item for item in heap if item[1] in self.waiting)

    def remove(self, algo: Algo) -> None:
        """Let it wait no more; its place in a heap is passed over when it comes up."""
        self.trailing.pop(algo.id, None)
        self.waiting.pop(algo.id, None)

    def fired(self, last: Decimal, mark: Decimal) -> list[Algo]:
        """Take out those that these prices pull, in the order of their numbers."""
        found = []
        for (working, above), heap in self.heaps.items():
            price = mark if working is Working.MARK_PRICE else last
            bound = price if above else -price
            while heap and heap[0][0] <= bound:
                algo = self.waiting.pop(heappop(heap)[1], None)
                if algo is not None:
                    found.append(algo)
        prices = {Working.MARK_PRICE: mark, Working.CONTRACT_PRICE: last}
        turned = [algo for algo in self.trailing.values() if trail(algo, prices[algo.wanted.working])]
        found += [self.trailing.pop(algo.id) for algo in turned]
        return sorted(found, key=lambda algo: algo.id)
