"""Emergency: stop one account with nothing but a key, a latch and this process, and say how it went.

It needs neither Ray nor Redis nor the program that trades. The emergency stop's own table says where it stands, and
every step of it is told as it happens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.flattener import Means, RealClock, flatten
from qt_ray.adapters.latch import Latch
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.flatten_report import Report
from qt_ray.execution.venue.session import VenueSession
from qt_ray.risk.ess import Cause, Emergency, EssSignal, progress, trip

Told = Callable[[Emergency, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """Whose account is to be stopped, where its latch lies, by whom and why."""

    account: str
    latch: Path
    reason: str
    by: str


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

    flattening = Flattening(order.account, latch.state().epoch + 1, 1, (), {}, at_ms)
    report = await flatten(session, flattening, Means(latch, RealClock(), hear), order.reason, order.by)
    return report, emergency
