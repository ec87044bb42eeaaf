"""Emergency: stop one account with nothing but a key, a latch and this process, and say how it went.

It needs neither Ray nor Redis nor the program that trades. The emergency stop's own table says where it stands, and
every step of it is told as it happens. Whoever starts again finds in the latch what was not finished.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.flattener import PARALLEL_MAX, Means, RealClock, flatten
from qt_ray.adapters.instruments import market_parts
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.settings import Settings
from qt_ray.adapters.trading.places import places_of
from qt_ray.core.errors import Retryable
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
    market order of a symbol may have; without it, it is asked for on the way. `epoch` is that of a latch which was
    closed for this emergency already.
    """

    account: str
    latch: Path
    reason: str
    by: str
    symbols: tuple[str, ...] = ()
    parts: Mapping[str, Decimal] = field(default_factory=dict)
    epoch: int | None = None


def order_of(settings: Settings, reason: str, by: str) -> Order:
    """Return the order to stop the account of these settings, with all they know; a bad file is no reason not to."""
    parts = market_parts(None if settings.data.instruments is None else Path(settings.data.instruments))
    return Order(settings.fund.account, places_of(settings).latch, reason, by, settings.market.symbols, parts)


def shut(order: Order) -> Order:
    """Close the latch before anything else, even before there is a session; a disk that refuses stops nothing."""
    latch = Latch(order.latch)
    epoch = latch.state().epoch + 1
    with suppress(Retryable):
        latch.close(epoch, order.reason, order.by, now_ms())
    return replace(order, epoch=epoch)


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

    epoch = latch.state().epoch + 1 if order.epoch is None else order.epoch
    flattening = Flattening(order.account, epoch, 1, order.symbols, order.parts, at_ms)
    report = await flatten(session, flattening, Means(latch, RealClock(), hear), order.reason, order.by)
    return report, emergency


async def resume(session: VenueSession, order: Order, told: Told) -> tuple[Report, Emergency] | None:
    """Begin the emergency anew that a closed latch remembers, for its own reason; None when the latch is open.

    How far the last one came is not believed: an account that is flat already is only looked at.
    """
    found = Latch(order.latch).state()
    return await stop(session, replace(order, reason=found.reason, by=found.by), told) if found.closed else None
