"""Points: the ten moments of an order's life at which a trader is killed, each as one row.

At most of them the trader ends itself with SIGKILL, in the middle of the step that reaches the n-th such moment. Where
bytes are between us and the venue, the venue holds the request and whoever watches it kills the trader meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass

from qt_ray.adapters.paper.faults import Deed
from qt_ray.core.orders import OrderType
from qt_ray.execution.gateway.records import Heard, Wanted
from qt_ray.execution.lifecycle import Signal
from qt_ray.execution.venue.calls import Place
from qt_ray.execution.venue.news import OrderNews

Moment = Callable[[str, object], bool]


@dataclass(frozen=True, slots=True)
class Point:
    """One moment: `met` is how a trader knows it, `held` how the venue makes it last; a day has it `most` times.

    A turn's lines become durable together, so a moment between two of them is made by tearing off what was written
    after the first, as a power cut may.
    """

    name: str
    meaning: str
    met: Moment | None = None
    held: Deed | None = None
    most: int = 4
    is_torn: bool = False


def is_entry_wanted(mark: str, about: object) -> bool:
    return mark == "journalled.wanted" and isinstance(about, Wanted) and not about.intent.reduce_only


def is_entry_answered(mark: str, about: object) -> bool:
    return mark == "answered" and isinstance(about, Place) and not about.intent.reduce_only


def is_first_fill(mark: str, about: object) -> bool:
    execution = about.execution if isinstance(about, OrderNews) else None
    return mark == "heard" and isinstance(about, OrderNews) and bool(execution) and about.event == "TRADE"


def is_partial(mark: str, about: object) -> bool:
    return mark == "journalled.heard" and isinstance(about, Heard) and about.news.signal is Signal.TRADED


def is_filled(mark: str, about: object) -> bool:
    return mark == "journalled.heard" and isinstance(about, Heard) and about.news.signal is Signal.FILLED


def is_stop_placed(mark: str, about: object) -> bool:
    return mark == "answered" and isinstance(about, Place) and about.intent.type is OrderType.STOP_MARKET


POINTS = (
    Point("p0", "decided", lambda mark, about: mark == "decided"),
    Point("p1", "intent journalled", is_entry_wanted),
    Point("p2", "bytes sent", held=Deed.DELAY_BEFORE),
    Point("p3", "accepted at the venue", held=Deed.DELAY_AFTER),
    Point("p4", "answer received", is_entry_answered),
    Point("p5", "fill told", is_first_fill),
    Point("p6", "partial fill journalled", is_partial, is_torn=True),
    Point("p7", "filled", is_filled, is_torn=True),
    Point("p8", "stop placed", is_stop_placed, most=2),
    Point("p9", "ledger committed", lambda mark, about: mark == "posted"),
)
NAMES = {point.name: point for point in POINTS}
