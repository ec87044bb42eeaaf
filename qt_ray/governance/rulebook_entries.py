"""Rulebook entries: what the store of the policy must never forget, each a whole fact under one name.

A revision carries the policy it made, not only the difference, so the newest one alone is the truth; who, why and
who agreed stand beside it. The policy's history is these entries and nothing else.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from qt_ray.core.codec import canonical, digest, plain
from qt_ray.core.errors import Invalid
from qt_ray.core.ids import token
from qt_ray.core.loosening import Change, compare
from qt_ray.core.payloads import FieldChanged
from qt_ray.core.policy import NAME_MAX, TEXT_MAX, Policy

CHANGES_MAX: Final = 200


class Deed(StrEnum):
    """What kind of write made a revision."""

    SEED = "seed"
    START = "start"
    CHANGE = "change"
    EMERGENCY = "emergency"
    RECOVERY = "recovery"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks for a write; only a person agrees to what lets more risk in."""

    name: str
    is_person: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > NAME_MAX:
            raise Invalid(f"an author has a name of 1 to {NAME_MAX} characters, was {self.name!r:.60}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """Changes that let more risk in and wait for a second person, and the difference they were seen to make."""

    id: str
    changes: dict[str, Any]
    difference: tuple[FieldChanged, ...]
    by: str
    reason: str
    at_ms: int

    @staticmethod
    def of(
        changes: dict[str, Any], difference: tuple[FieldChanged, ...], by: str, reason: str, at_ms: int
    ) -> "Proposal":
        """Return the proposal of these changes; the same difference by the same author has the same name."""
        if not 0 < len(difference) <= CHANGES_MAX:
            raise Invalid(f"a proposal changes 1 to {CHANGES_MAX} fields, was {len(difference)}")
        stated = {path: plain(item) for path, item in sorted(changes.items())}
        return Proposal(token("proposal", by, digest(difference)), stated, difference, by, told(reason), at_ms)


@dataclass(frozen=True, slots=True)
class Revision:
    """A policy that came into force, what made it, and who stood for it."""

    kind: ClassVar[str] = "revision"
    deed: Deed
    policy: Policy
    by: str
    reason: str
    changes: tuple[FieldChanged, ...] = ()
    proposal: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal was made."""

    kind: ClassVar[str] = "proposed"
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A proposal will not come into force."""

    kind: ClassVar[str] = "dismissed"
    proposal: str
    by: str
    reason: str
    at_ms: int


RulebookEntry = Revision | Proposed | Dismissed


def told(reason: str) -> str:
    """Return a reason that says something."""
    if not reason.strip() or len(reason) > TEXT_MAX:
        raise Invalid(f"reason: 1 to {TEXT_MAX} characters, was {reason!r:.60}")
    return reason


def changes_between(old: Policy, new: Policy) -> tuple[FieldChanged, ...]:
    """Return every field that differs, each value in canonical spelling."""
    return tuple(_spelled(change) for change in compare(old, new))


def _spelled(change: Change) -> FieldChanged:
    old, new = (canonical(value).decode() for value in (change.old, change.new))
    return FieldChanged(change.path, old, new, change.direction.value)
