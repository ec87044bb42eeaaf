"""Fund OS witness: hears every decision, and compares what was done with what the orchestrator would have said of it.

It binds nothing. How often both agreed is what a person looks at before the orchestrator is given a say.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from qt_ray.adapters.consumer import Consumer
from qt_ray.core.errors import Retryable
from qt_ray.core.events import Event
from qt_ray.engine.rows import Action
from qt_ray.governance.bus import EventBus
from qt_ray.governance.coordination import AUTHOR
from qt_ray.governance.orchestrator import PolicyObserver, TradingPolicy

DECISIONS: Final = ("decision.made",)
SIGNALS: Final = frozenset(action.name for action in (Action.ENTER, Action.ADD, Action.FLIP, Action.REFUSED))
AGAIN_MS: Final = 1_000


class Witness:
    """Tells `observer` of every signal; `trading` is what the orchestrator would say now."""

    def __init__(self, observer: PolicyObserver, trading: Callable[[], TradingPolicy]) -> None:
        self._observer, self._trading = observer, trading

    def knows(self, event: Event) -> bool:
        """Return that no decision was seen before: what is counted here dies with this life."""
        return False

    async def commit(self, event: Event) -> None:
        """Compare what the orchestrator would have said of a signal with what was done."""
        made = event.payload
        if made.confidence is not None and made.action.upper() in SIGNALS:
            sure, was_entered = Decimal(str(made.confidence)), made.action.upper() != Action.REFUSED.name
            self._observer.observe(self._trading(), made.symbol, sure, was_entered, event.time_ms)

    async def follow(self, bus: EventBus) -> None:
        """Hear of every decision until cancelled; while there is no bus, of none."""
        consumer = Consumer(bus, AUTHOR, AUTHOR, DECISIONS, self)
        is_in = False
        while True:
            try:
                if not is_in:
                    await bus.join(AUTHOR)
                    is_in = True
                await consumer.turn()
            except Retryable:
                await asyncio.sleep(AGAIN_MS / 1_000)
