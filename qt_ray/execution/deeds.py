"""Deeds: what custody wants of the world, in order; whoever carries them out decides nothing."""

from dataclasses import dataclass

from qt_ray.core.effects import Alert, Lane
from qt_ray.core.orders import Intent
from qt_ray.execution.entries import Moved, Traded
from qt_ray.execution.venue.calls import Call


@dataclass(frozen=True, slots=True)
class Post:
    """Write an entry down, and say so by `posted`; only then is it in the books."""

    entry: Traded | Moved


@dataclass(frozen=True, slots=True)
class Want:
    """Let the gateway place a protective or closing order."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Unwant:
    """Let the gateway end an order of ours."""

    client_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Let the gateway carry a question in its lane."""

    call: Call
    lane: Lane


@dataclass(frozen=True, slots=True)
class Halt:
    """Shut every entry out, those at the venue too, until a person has looked."""

    reason: str


Deed = Post | Want | Unwant | Ask | Halt | Alert
