"""Wishes: everything that anybody can ask of the policy, as values, so that a denied one can be shown and audited.

What loosens names the version or the epoch it was made from; what stops never does, because it must not lose a race.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """Set dotted paths, as seen from `version`; what loosens anything is denied here and belongs in a proposal."""

    changes: Mapping[str, Any]
    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Propose:
    """Lay changes before a second person."""

    changes: Mapping[str, Any]
    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Approve:
    """Agree to a proposal of somebody else."""

    proposal: str


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Withdraw or refuse a proposal."""

    proposal: str
    reason: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """Stop all entries, from any author, whatever the version."""

    reason: str


@dataclass(frozen=True, slots=True)
class Recover:
    """End the emergency of `epoch`; a word about an older one ends nothing."""

    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop new positions until a person resumes them."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Let new positions in again, as seen from `version`."""

    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Start:
    """A store has come to life on this book: nothing of an earlier epoch is in force."""


Wish = Change | Propose | Approve | Dismiss | Emergency | Recover | Pause | Resume | Start
