"""Loosening: what a change of policy lets in, field by field.

Tightening is cheap and loosening is dear, so the question has one answer for every field. A field that does
not say which side is safer is loosened by any change; a change of mode is judged by the limits it brings.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final

from qt_ray.core.bounds import Bound, Side, bound_of
from qt_ray.core.policy import STAMPS, Policy, Stage


class Direction(Enum):
    """What a change does to the risk that is let in."""

    LOOSER = "looser"
    TIGHTER = "tighter"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the policy, before and after."""

    path: str
    old: Any
    new: Any
    direction: Direction


def compare(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return every field that differs, in the policy's order; the stamps of the write are left out."""
    return tuple(_changes(old, new))


def is_looser(old: Policy, new: Policy) -> bool:
    """Return whether anything at all is let in that was kept out before."""
    return any(change.direction is Direction.LOOSER for change in compare(old, new))


def tightens(old: Policy, new: Policy) -> bool:
    """Return whether anything at all is kept out that was let in before."""
    return any(change.direction is Direction.TIGHTER for change in compare(old, new))


def _changes(old: Policy, new: Policy) -> Iterator[Change]:
    if old.active_mode is not new.active_mode:
        inner = tuple(_leaf_changes(old.risk, new.risk, "risk"))
        looser = any(change.direction is Direction.LOOSER for change in inner)
        yield Change("active_mode", old.active_mode, new.active_mode, _judged(looser))
        yield from inner
    yield from _leaf_changes(old, new, "")


def _leaf_changes(old: Any, new: Any, where: str) -> Iterator[Change]:
    """Yield what differs under two values of one kind; what is equal as a whole is not looked into."""
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        path = f"{where}.{field.name}" if where else field.name
        if before == after or path in STAMPS or path == "active_mode":
            continue
        if is_dataclass(before):
            yield from _leaf_changes(before, after, path)
        else:
            yield Change(path, before, after, _direction(path, before, after, bound_of(type(old), field.name)))


def _direction(path: str, old: Any, new: Any, bound: Bound | None) -> Direction:
    if path in NEUTRAL:
        return Direction.NEUTRAL
    if bound is not None:
        return _judged(bound.side is Side.EITHER or (new > old) is (bound.side is Side.UP))
    if path in LOOSER_IF:
        return _judged(LOOSER_IF[path](old, new))
    return _judged(not isinstance(new, bool) or new)


def _judged(looser: bool) -> Direction:
    return Direction.LOOSER if looser else Direction.TIGHTER


def _off(old: bool, new: bool) -> bool:
    return old and not new


def _widened(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    return not new or bool(old and set(new) - set(old))


def _undenied(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    return bool(set(old) - set(new))


def _further(old: Stage, new: Stage) -> bool:
    order = list(Stage)
    return order.index(new) > order.index(old)


LOOSER_IF: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "ess.enabled": _off,
    "new_trades_paused": _off,
    "emergency_mode": _off,
    "allow_symbols": _widened,
    "deny_symbols": _undenied,
    "stage": _further,
}
# A model earns its place at a gate of its own; the reason and hour of an emergency let nothing in.
NEUTRAL: Final = frozenset({"live_models", "emergency_reason", "emergency_activated_at"})
