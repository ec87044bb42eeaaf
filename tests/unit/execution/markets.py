"""Books, accounts, bars and orders for tests of what the venue does and what the ledger makes of it."""

from typing import Any

from hypothesis import strategies as st

from qt_ray.core.account import Account, Book
from qt_ray.core.records import empty
from qt_ray.execution.simulated import Bar, Execution, Venue, execute
from qt_ray.execution.slots import Slot

MINUTE_MS = 60_000
OPENED_MS = 1_704_067_200_000


def book(**values: int) -> Any:
    """Return one symbol's book."""
    return _row(Book, values)


def account(**values: int) -> Any:
    """Return an account."""
    return _row(Account, values)


def venue(**values: int) -> Any:
    """Return a venue with one-minute bars that charges nothing unless told to."""
    return _row(Venue, {"interval_ms": MINUTE_MS, "participation_bps": 10_000} | values)


def order(kind: int, **values: int) -> Any:
    """Return an order that arrives with the bar's open."""
    return _row(Slot, {"kind": kind, "active_ts": OPENED_MS} | values)


def _row(kind: type[Any], values: dict[str, int]) -> Any:
    row = empty(kind, 1)
    for name, value in values.items():
        row[name] = value
    return row[0]


def met(slot: Any, where: Any, bar: Bar, quantity: int, most: int = 10**15) -> Execution:
    """Return what the bar gave an order."""
    return Execution(*execute(slot, where, bar, quantity, most))


def bar(opened: int = 1_000, high: int = 1_010, low: int = 990, close: int = 1_000, **other: int) -> Bar:
    """Return a bar that nobody would notice."""
    return Bar(OPENED_MS, opened, high, low, close, **({"volume": 10_000, "atr_bps": 20} | other))


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """Draw any sane bar, the narrowest and the dead included."""
    low = draw(st.integers(2, 10**6))
    high = low + draw(st.integers(0, low))
    opened, close = draw(st.integers(low, high)), draw(st.integers(low, high))
    volume, atr_bps = draw(st.integers(0, 10**6)), draw(st.integers(0, 500))
    return Bar(OPENED_MS, opened, high, low, close, volume, atr_bps)


venues = st.builds(
    venue,
    taker_cost_ppm=st.integers(0, 5_000),
    impact_x1000=st.integers(0, 2_000),
    participation_bps=st.integers(1, 10_000),
    queue_touch=st.integers(0, 1),
)
quantities = st.integers(1, 10**6).flatmap(lambda size: st.sampled_from([size, -size]))
