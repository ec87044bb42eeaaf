"""Emergency: stop one account with nothing but a key, a latch and this process, and say how it went.

It needs neither Ray nor Redis nor the program that trades. The emergency stop's own table says where it stands, and
every step of it is told as it happens. Whoever starts again finds in the latch what was not finished.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.flattener import PARALLEL_MAX, Means, RealClock, flatten
from qt_ray.adapters.latch import Latch
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.flatten_report import Report
from qt_ray.execution.venue.calls import AskTime
from qt_ray.execution.venue.session import VenueSession
from qt_ray.risk.ess import Cause, Emergency, EssSignal, progress, trip

Told = Callable[[Emergency, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """Whose account is to be stopped, where its latch lies, by whom and why.

    In `symbols` we may have orders: those are cancelled before anything is looked at. `parts` is the most that one
    market order of a symbol may have; without it, it is asked for on the way.
    """

    account: str
    latch: Path
    reason: str
    by: str
    symbols: tuple[str, ...] = ()
    parts: Mapping[str, Decimal] = field(default_factory=dict)


async def ready(session: VenueSession) -> None:
    """Open the connections that an emergency will need, so that it does not begin with handshakes."""
    await asyncio.gather(*(session.ask(AskTime()) for _ in range(PARALLEL_MAX)))


async def stop(session: VenueSession, order: Order, told: Told) -> tuple[Report, Emergency]:
    """Trip, and go on until the account is flat, cleared and settled; `told` hears each step."""
    latch = Latch(order.latch)
    at_ms = now_ms()
    emergency = trip(Emergency(), Cause.MANUAL, order.reason, at_ms)
    told(emergency, at_ms)

    def hear(signal: EssSignal, heard_ms: int) -> None:
        nonlocal emergency
        emergency = progress(emergency, signal, heard_ms)
        told(emergency, heard_ms)

    flattening = Flattening(order.account, latch.state().epoch + 1, 1, order.symbols, order.parts, at_ms)
    report = await flatten(session, flattening, Means(latch, RealClock(), hear), order.reason, order.by)
    return report, emergency


async def resume(session: VenueSession, order: Order, told: Told) -> tuple[Report, Emergency] | None:
    """Begin the emergency again that a closed latch remembers, for its own reason; None when the latch is open.

    How far the last one came is not believed: an account that is flat already is only looked at.
    """
    found = Latch(order.latch).state()
    return await stop(session, replace(order, reason=found.reason, by=found.by), told) if found.closed else None
