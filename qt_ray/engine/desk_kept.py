"""Desk kept: all state of a desk after some entry, as canonical bytes that a later life begins from."""

from dataclasses import dataclass, field

from qt_ray.core.codec import canonical, decode
from qt_ray.core.restore import restore
from qt_ray.engine.desk_entries import Began, Ruled
from qt_ray.engine.errands import Errands, Rounds, Stamp
from qt_ray.engine.trips import Trip


@dataclass(frozen=True, slots=True)
class Due:
    """Errands that are owed to the gateway, and under what they were decided."""

    errands: Errands
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Kept:
    """All state of a desk after some entry, for a later life to begin from."""

    began: Began
    ruled: Ruled | None
    told: int
    seen_ms: int
    cycles: int
    stamp: Stamp | None
    rounds: Rounds
    trips: tuple[Trip, ...]
    due: tuple[Due, ...]
    counts: dict[str, int] = field(default_factory=dict)
    world: str = ""

    def encoded(self) -> bytes:
        """Return the state's canonical bytes."""
        return canonical(self)

    @staticmethod
    def of(data: bytes) -> "Kept":
        """Return the state that canonical bytes spell."""
        return restore(Kept, decode(data), "snapshot")
