"""Slots: the three orders a symbol may have at the venue at once: its entry, its stop and its target.

A fixed place per purpose means nothing can pile up: a new entry replaces the old one, a stop replaces a stop,
and a flat symbol has neither stop nor target.
"""

from enum import IntEnum

from qt_ray.core.compiled import inlined
from qt_ray.core.records import I32, I64, U8

PER_SYMBOL = 3


class Place(IntEnum):
    """Where an order lives."""

    ENTRY = 0
    STOP = 1
    TARGET = 2


class Kind(IntEnum):
    """How an order trades; NONE is an empty slot."""

    NONE = 0
    MARKET = 1
    LIMIT = 2
    STOP = 3


class Slot:
    """An order as the simulated venue holds it: signed steps left, price or trigger in ticks."""

    quantity: I64
    price: I64
    active_ts: I64
    decided: I64
    order: I64
    arrival: I64
    confidence_bps: I32
    kind: U8
    cause: U8
    reduce_only: U8
    spare: U8


@inlined
def clear(slot: Slot) -> None:
    """Empty the slot: the order is cancelled or done."""
    slot.kind = 0
    slot.quantity = 0
