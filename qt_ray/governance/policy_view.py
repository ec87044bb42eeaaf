"""Policy view: the policy as one reader knows it, and for how long it may be believed.

A reader never waits to know what is in force: it holds the last value that was pushed, whole. Without contact for the
time of a lease it is stale, and stale lets nothing new in; what was not refreshed for ten minutes is fetched anew even
if every push seemed to arrive.
"""

from dataclasses import dataclass, replace
from typing import Final

from qt_ray.core.policy import Policy
from qt_ray.risk.restraints import FREE, Latitude, restrained

LEASE_MS: Final = 3_000
REFRESH_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy, when its store was last heard of, when the whole was last fetched, and what automatic layers leave."""

    policy: Policy
    contact_ms: int
    refreshed_ms: int
    shut: str = ""
    left: Latitude = FREE

    @property
    def in_force(self) -> Policy:
        """Return the policy within what automatic layers leave of it, which is what a decision is made by."""
        return restrained(self.policy, self.left)

    def why_closed(self, at_ms: int) -> str | None:
        """Return why nothing new may be opened whatever its size, or nothing; what layers leave is a size beside it."""
        if self.policy.emergency_mode:
            return f"no entry in an emergency, {self.policy.emergency_reason}"
        if self.policy.new_trades_paused:
            return "no entry while new trades are paused"
        if self.shut:
            return self.shut
        if not 0 <= at_ms - self.contact_ms < LEASE_MS:
            return f"no entry on a policy that was not confirmed for {LEASE_MS} ms, was {at_ms - self.contact_ms}"
        return None

    def needs_refresh(self, at_ms: int) -> bool:
        """Return whether the view is so old that pushes alone are not trusted any more."""
        return at_ms - self.refreshed_ms >= REFRESH_MS

    def told(self, policy: Policy, shut: str, at_ms: int, left: Latitude = FREE) -> "PolicyView":
        """Return the view after a word of the store; one that was overtaken on its way changes no policy."""
        is_newer = (policy.epoch, policy.version) >= (self.policy.epoch, self.policy.version)
        return replace(self, policy=policy if is_newer else self.policy, contact_ms=at_ms, shut=shut, left=left)

    def refreshed(self, at_ms: int) -> "PolicyView":
        """Return the view after the whole policy was fetched."""
        return replace(self, refreshed_ms=at_ms)
