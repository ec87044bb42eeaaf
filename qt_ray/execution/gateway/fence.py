"""Fence: who may open, as of now. Entries pass only under a living lease and the epoch in force; exits pass always.

It is asked when an intent arrives, when it is sent and once more when its bytes leave, because the world may turn while
an order waits or a disk is slow. Moments are compared by the wall clock, which somebody may set back; so a fence brings
with it whom to ask whether the lease still lives by a clock that nobody sets.
"""

from collections.abc import Callable
from dataclasses import dataclass

from qt_ray.core.orders import Intent

# Why no entry of a symbol may be sent at a moment, or nothing: what is known of its prices, of its leverage.
Gate = Callable[[str, int], str | None]


def ungated(symbol: str, at_ms: int) -> str | None:
    """Let every entry pass that the fence lets pass; whoever decides answers for the prices himself."""
    return None


def lasting() -> str | None:
    """Let nothing but the fence's own moment end the lease."""
    return None


@dataclass(frozen=True, slots=True)
class Fence:
    """The lease a gateway holds: until when, on which epoch, from which policy on, and what else forbids entries."""

    epoch: int
    lease_until_ms: int
    emergency: bool = False
    policy_version_min: int = 0
    closed: str = ""
    lapsed: Callable[[], str | None] = lasting


SHUT = Fence(epoch=-1, lease_until_ms=-1, emergency=True)


def why_not(fence: Fence, intent: Intent, at_ms: int, gate: Gate = ungated) -> str | None:
    """Return the rule that keeps an intent out, or nothing; what only reduces is never kept out."""
    if intent.reduce_only:
        return None
    if fence.emergency:
        return "no entry in an emergency"
    if fence.closed:
        return fence.closed
    if at_ms >= fence.lease_until_ms:
        return f"an entry needs a living lease, this one ended at {fence.lease_until_ms}, now {at_ms}"
    if (lapsed := fence.lapsed()) is not None:
        return lapsed
    if intent.epoch != fence.epoch:
        return f"an entry is of the epoch in force, {fence.epoch}, was {intent.epoch}"
    if intent.policy_version < fence.policy_version_min:
        return f"an entry is of policy {fence.policy_version_min} or newer, was {intent.policy_version}"
    return gate(intent.symbol, at_ms)
